"""The peer: rspamd with local modules only.

rspamd (Debian's package) runs from its own configuration with a private folder for everything that is ours: a proxy
that scans itself, in two processes as ours, without the modules that ask the DNS, Redis or another server. What is left
are its rules, regular expressions, MIME types, phishing and header checks. Nothing of the system's rspamd is touched.
"""

from pathlib import Path

from bench.peer import Peer, answers

CONFIGURATION = Path("/etc/rspamd/rspamd.conf")
PROGRAM = Path("/usr/bin/rspamd")
NEEDS_OTHERS = (
    *(
        "antivirus",
        "arc",
        "asn",
        "aws_s3",
        "bayes_expiry",
        "bimi",
        "clickhouse",
        "dcc",
        "dkim",
        "dkim_signing",
        "dmarc",
    ),
    *(
        "elastic",
        "emails",
        "external_relay",
        "external_services",
        "fuzzy_check",
        "greylist",
        "hfilter",
        "history_redis",
    ),
    *("http_headers", "known_senders", "metadata_exporter", "metric_exporter", "mx_check", "neural", "once_received"),
    *("p0f", "ratelimit", "rbl", "redis", "replies", "reputation", "rspamd_update", "spf", "surbl", "url_redirector"),
)
"""Modules that ask somebody, or keep what they know elsewhere."""


def what_is_missing() -> str:
    return "" if PROGRAM.exists() and CONFIGURATION.exists() else "rspamd is not installed (apt-get install rspamd)"


def rspamd(folder: str) -> Peer:
    home = Path(folder) / "rspamd"
    own = {name: home / name.lower() for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")}
    for path in own.values():
        path.mkdir(parents=True)
    place = own["RUNDIR"] / "milter.sock"
    for kind in ("local.d", "override.d"):
        (own["LOCAL_CONFDIR"] / kind).mkdir()
    local, override = own["LOCAL_CONFDIR"] / "local.d", own["LOCAL_CONFDIR"] / "override.d"
    (local / "worker-proxy.inc").write_text(
        f'bind_socket = "{place} mode=0666";\ncount = 2;\nupstream "local" {{ default = yes; self_scan = yes; }}\n'
    )
    (local / "options.inc").write_text('dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }\n')
    for name in (*NEEDS_OTHERS, "worker-normal", "worker-controller", "worker-fuzzy"):
        (override / f"{name}.{'inc' if name.startswith('worker') else 'conf'}").write_text("enabled = false;\n")
    command = [str(PROGRAM), "-f", "-i", "-c", str(CONFIGURATION)]
    command += [f"--var={name}={path}" for name, path in own.items()]
    return Peer("rspamd, local only", f"unix:{place}", command, lambda _: answers(str(place)))
