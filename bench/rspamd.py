"""CPU per message of the whole filter against rspamd with local modules only, in one run, interleaved.

    python -m bench.rspamd [--messages 200] [--rounds 6] [--concurrency 8 64]

rspamd (Debian's package) runs from its own configuration with a private folder for everything that is ours: a proxy
that scans itself, in two processes as ours, without the modules that ask the DNS, Redis or another server. What is left
are its rules, regular expressions, MIME types, phishing and header checks. Nothing of the system's rspamd is touched.
Where it is not installed the script says so and exits with 0.
"""

import argparse
import asyncio
import socket
import tempfile
from pathlib import Path

from bench import per_message
from bench.per_message import Peer

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
    return Peer("rspamd, local only", f"unix:{place}", command, lambda _: answers(place))


def answers(place: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(place))
    except OSError:
        return False
    return True


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=200, help="in a round")
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--concurrency", type=int, nargs="+", default=[8])
    options = arguments.parse_args()
    if missing := what_is_missing():
        print(f"skipped: {missing}")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        peers: list[Peer] = []
        try:
            peers += [per_message.noop(folder)]
            peers += [rspamd(folder)]
            peers += [per_message.mailrouter(folder)]
            asyncio.run(per_message.compare(peers, options.messages, options.rounds, options.concurrency))
        finally:
            for peer in peers:
                peer.stop()


if __name__ == "__main__":
    main()
