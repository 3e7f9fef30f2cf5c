"""The doctor finds what is unsafe in Postfix's settings, says the line that mends it, and is silent about good ones."""

import json
import os
from dataclasses import replace

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from router.doctor import postfix
from router.doctor.finding import Desk, Level, NoAnswer, Outside, Seen, worst
from router.doctor.postfix import Postfix, look
from router.doctor.postfix_files import expanded, items, main_cf, master_cf, options_of, seconds
from tests.integration.filter import ROOT
from tests.integration.postfix import PrivatePostfix, needs_postfix

DESK = Desk("X-Desk-", ("mx.desk.example",), "ack.desk.internal", "help@desk.example")
MILTER = (
    "{ inet:127.0.0.1:8891, connect_timeout=10s, command_timeout=10s, content_timeout=30s, default_action=tempfail }"
)
GOOD = f"""\
# a comment
smtpd_milters = inet:127.0.0.1:11332
    {MILTER}
non_smtpd_milters =
smtpd_forbid_bare_newline = yes
smtpd_forbid_unauth_pipelining = yes
header_checks = pcre:/etc/postfix/checks
transport_maps = inline:{{ ack.desk.internal=lmtp:unix:mailrouter-ack/lmtp.sock }}
smtpd_recipient_restrictions = check_recipient_access inline:{{ ack.desk.internal=REJECT }}, permit_mynetworks
    reject_unauth_destination
"""
MASTER = """\
smtp      inet  n       -       y       -       -       smtpd
127.0.0.1:10025 inet n - n - 20 smtpd
    -o smtpd_milters=
    -o mynetworks=127.0.0.0/8
    -o receive_override_options=no_header_body_checks
cleanup   unix  n       -       y       -       0       cleanup
"""
TABLES = {
    ("pcre:/etc/postfix/checks", "X-Desk-Queue: forged"): "IGNORE",
    ("pcre:/etc/postfix/checks", "Authentication-Results: mx.desk.example; spf=pass"): "IGNORE",
    ("inline:{ ack.desk.internal=lmtp:unix:mailrouter-ack/lmtp.sock }", "ack.desk.internal"): "lmtp:unix:x",
    ("inline:{ ack.desk.internal=REJECT }", "ack.desk.internal"): "REJECT",
}


def judged(main=GOOD, master=MASTER, desk=DESK, tables=TABLES, files=None):
    """level: setting -> why, of everything that is not fine."""
    outside = Outside(lambda table, key: tables.get((table, key)), (files or {}).get)
    found = look(Postfix(main_cf(main), master_cf(master), desk, outside))
    return {f"{one.level}: {one.setting}": one for one in found if one.level is not Level.FINE}


def test_good_settings_are_fine():
    assert judged() == {}


BAD = [
    ("default_action=tempfail", "default_action=accept", "unsafe: smtp: default_action=accept"),
    ("default_action=tempfail", "default_action=quarantine", "unsafe: smtp: default_action=quarantine"),
    ("default_action=tempfail }", "}\nmilter_default_action = accept", "unsafe: smtp: default_action=accept"),
    ("content_timeout=30s", "content_timeout=5s", "unsafe: smtp: content_timeout=5s"),
    (", content_timeout=30s", "", None),
    (MILTER, "inet:127.0.0.1:8891\nmilter_content_timeout = 8s", "unsafe: smtp: content_timeout=8s"),
    ("inet:127.0.0.1:11332\n    " + MILTER, MILTER + " inet:127.0.0.1:11332", "unsafe: smtp: smtpd_milters"),
    (MILTER, "", "missing: smtpd_milters"),
    ("smtpd_forbid_bare_newline = yes", "", "unsafe: smtp: smtpd_forbid_bare_newline"),
    ("smtpd_forbid_bare_newline = yes", "smtpd_forbid_bare_newline = normalize", None),
    ("smtpd_forbid_unauth_pipelining = yes", "", "unsafe: smtp: smtpd_forbid_unauth_pipelining"),
    ("smtpd_forbid_unauth_pipelining = yes", "smtpd_data_restrictions = reject_unauth_pipelining", None),
    ("header_checks = pcre:/etc/postfix/checks", "", "unsafe: header_checks"),
    ("non_smtpd_milters =", "non_smtpd_milters = $smtpd_milters", "advice: non_smtpd_milters"),
    ("non_smtpd_milters =", "receive_override_options = no_milters", "unsafe: main.cf: receive_override_options"),
    ("non_smtpd_milters =", "receive_override_options = no_header_body_checks",
     "missing: main.cf: receive_override_options"),
    ("non_smtpd_milters =", "smtpd_proxy_filter = 127.0.0.1:10024", "unsafe: smtp: smtpd_proxy_filter"),
    ("non_smtpd_milters =", "milter_protocol = 2", "unsafe: milter_protocol=2"),
    ("non_smtpd_milters =", "milter_mail_macros = i {mail_addr}", "missing: milter_mail_macros"),
    ("non_smtpd_milters =", "smtpd_sasl_auth_enable = yes", "unsafe: smtp: smtpd_sender_restrictions"),
    ("non_smtpd_milters =",
     "smtpd_sasl_auth_enable = yes\nsmtpd_sender_restrictions = reject_authenticated_sender_login_mismatch", None),
    ("transport_maps = ", "nothing = ", "missing: transport_maps"),
    ("=REJECT }", "=OK }", "unsafe: smtp: smtpd_recipient_restrictions"),
    ("check_recipient_access inline:{ ack.desk.internal=REJECT }, permit_mynetworks",
     "permit_mynetworks, check_recipient_access inline:{ ack.desk.internal=REJECT }",
     "unsafe: smtp: smtpd_recipient_restrictions"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "found"), BAD, ids=[f"{new[:40]!r}" for _, new, _ in BAD])
def test_each_bad_setting_is_found_and_nothing_else_is_unsafe(old, new, found):
    assert old in GOOD
    told = judged(GOOD.replace(old, new))
    if found is None:
        assert told == {}
        return
    assert found in told, told
    unsafe = [name for name in told if name.startswith("unsafe")]
    assert set(unsafe) <= {found}
    assert told[found].line or found.startswith("advice")


def test_the_line_that_mends_mends():
    """What is printed, pasted in place of what was there, makes the finding go away."""
    for old, new, found in BAD:
        if found is None or "..." in judged(GOOD.replace(old, new))[found].line:
            continue
        bad = judged(GOOD.replace(old, new))[found]
        name, _, value = bad.line.partition(" =")
        if name not in main_cf(GOOD) or "header_checks" in name:
            continue
        mended = GOOD.replace(old, new) + f"{name} = {value.strip()}\n"
        assert found not in judged(mended, tables={**TABLES, (value.strip(), "ack.desk.internal"): "lmtp:x"}), bad


@pytest.mark.parametrize("master", [
    MASTER.replace("20 smtpd\n    -o smtpd_milters=", "20 smtpd"),
    MASTER.split("127.0.0.1:10025")[0],
])  # fmt: skip
def test_acknowledgements_need_a_port_without_filters(master):
    assert "missing: master.cf" in judged(master=master)


def test_released_mail_keeps_its_fields():
    """The port without filters must not apply header_checks, which are for what comes from outside."""
    master = MASTER.replace("    -o receive_override_options=no_header_body_checks\n", "")
    assert set(judged(master=master)) == {"advice: 127.0.0.1:10025: receive_override_options"}
    without = judged(GOOD.replace("header_checks = pcre:/etc/postfix/checks\n", ""), master)
    assert not any("receive_override_options" in name for name in without)


def test_overrides_of_a_service_hold_for_it_alone():
    master = (
        MASTER + "submission inet n - y - - smtpd\n  -o { smtpd_milters = inet:127.0.0.1:8891 }\n -o syslog_name=x\n"
    )
    told = judged(GOOD, master + "25 inet n - n - - smtpd -o smtpd_milters= -o smtpd_forbid_bare_newline=no\n")
    assert set(told) == {"advice: 25: smtpd_milters", "unsafe: 25: smtpd_forbid_bare_newline"}


def test_without_acknowledgements_nothing_is_asked_about_them():
    told = judged(GOOD.split("transport_maps")[0], desk=replace(DESK, intent_domain=None))
    assert told == {}


def test_a_table_that_cannot_be_asked_is_said_and_no_alarm():
    def query(table, key):
        raise NoAnswer("mysql is down")

    found = look(Postfix(main_cf(GOOD), master_cf(MASTER), DESK, Outside(query, {}.get)))
    assert "mysql is down" in "".join(one.why for one in found if one.setting == "header_checks")
    assert not [one for one in found if one.level is Level.UNSAFE and one.setting == "header_checks"]


SOCKET = "/var/spool/postfix/mailrouter/milter.sock"
FOLDER = "/var/spool/postfix/mailrouter"
RIGHTS = [
    # what lies there: socket (kind, mode, group), folder (mode, group) -> level of the finding, or None
    (("socket", 0o660, "postfix"), (0o2710, "postfix"), None),
    (("socket", 0o660, "postfix"), (0o755, "root"), None),
    (("socket", 0o600, "postfix"), (0o2710, "postfix"), "missing"),
    (("socket", 0o660, "mailrouter"), (0o2710, "postfix"), "missing"),
    (("socket", 0o660, "postfix"), (0o700, "postfix"), "missing"),
    (("socket", 0o660, "postfix"), (0o2710, "mailrouter"), "missing"),
    (("socket", 0o666, "postfix"), (0o755, "root"), "unsafe"),
    (("file", 0o660, "postfix"), (0o755, "root"), "unsafe"),
    (None, (0o755, "root"), "missing"),
]


@pytest.mark.parametrize(("there", "folder", "level"), RIGHTS)
@pytest.mark.parametrize(("path", "chroot"), [("mailrouter/milter.sock", "y"), ("/mailrouter/milter.sock", "y"),
                                              (SOCKET, "n"), ("mailrouter/milter.sock", "n")])  # fmt: skip
def test_the_rights_of_a_unix_socket_are_seen_as_smtpd_sees_them(there, folder, level, path, chroot):
    files = {FOLDER: Seen("folder", folder[0], "mailrouter", folder[1])}
    if there is not None:
        files[SOCKET] = Seen(there[0], there[1], "mailrouter", there[2])
    main = GOOD.replace("inet:127.0.0.1:8891", f"unix:{path}")
    told = judged(main, MASTER.replace("-       y       -       -       smtpd", f"- {chroot} - - smtpd"), files=files)
    assert [name.partition(":")[0] for name in told] == ([level] if level else [])


def test_an_absolute_path_seen_from_a_chroot_is_another_place():
    main = GOOD.replace("inet:127.0.0.1:8891", f"unix:{SOCKET}")
    (finding,) = judged(main, files={SOCKET: Seen("socket", 0o660, "m", "postfix")}).values()
    assert finding.level is Level.MISSING and f"/var/spool/postfix{SOCKET}" in finding.why


def test_the_filter_is_found_where_it_was_said_to_listen():
    main = GOOD.replace("inet:127.0.0.1:8891", "inet:192.0.2.7:9000")
    assert "missing: smtpd_milters" in judged(main)
    assert judged(main, desk=replace(DESK, spec="inet:9000@192.0.2.7")) == {}


def test_the_snippet_is_good():
    """What is offered to paste passes the doctor itself."""
    main, master, checks = {}, "", ""
    for part in postfix.snippet(DESK).split("\n\n"):
        if part.startswith("# master.cf"):
            master = part
        elif "mailrouter_header_checks" in part.splitlines()[0]:
            checks = part
        else:
            main = part
    tables = {(main_cf(main)["header_checks"], key): "IGNORE" for _, key in TABLES if ":" in key} | TABLES
    assert judged(main, MASTER.splitlines()[0] + "\n" + master, tables=tables) == {}
    assert checks.splitlines()[1:] == [
        "/^X-Desk-/ IGNORE",
        r"/^Authentication-Results:[[:space:]]*mx\.desk\.example([[:space:];]|$)/ IGNORE",
    ]


def test_fields_of_a_helpdesk_are_asked_about_and_its_marks_against_loops_let_through():
    desk = replace(DESK, helpdesk_prefixes=("X-OTRS-", "X-RT-"))
    assert judged(desk=desk)["missing: header_checks"].why.startswith("X-RT- fields from outside are not removed")
    stripped = {("pcre:/etc/postfix/checks", f"{one}Queue: forged"): "IGNORE" for one in desk.helpdesk_prefixes}
    assert judged(desk=desk, tables=TABLES | stripped) == {}
    assert postfix.header_checks(desk).splitlines()[1:4] == [
        "/^(x-otrs-loop|x-rt-loop-prevention):/ DUNNO",
        "/^X-OTRS-/ IGNORE",
        "/^X-RT-/ IGNORE",
    ]


def test_the_snippets_of_deploy_are_those_of_the_doctor():
    """deploy/postfix has the shipped rules' values."""
    result = CliRunner().invoke(mailrouter, ["doctor", "postfix", "--snippet", "--rules", str(ROOT / "rules.yaml")])
    told = result.output
    assert result.exit_code == 0
    for name in ("main.cf", "master.cf", "mailrouter_header_checks"):
        for line in (ROOT / "deploy/postfix" / name).read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                assert line.strip() in told, (name, line)


def test_main_cf_is_read_as_postfix_reads_it():
    settings = main_cf("a = 1\n  2\n# c\n\n   3\nb=$a ${a} $(missing)x\nloop = $loop\n")
    assert settings["a"] == "1 2 3"
    assert expanded(settings, "b") == "1 2 3 1 2 3 x"
    assert expanded(settings, "loop").startswith("$loop")
    assert items("a, b\tc:{ x = y, z } ,,d") == ("a", "b", "c:{ x = y, z }", "d")
    assert options_of("{ unix:a, default_action=accept, { content_timeout = 3s } }") == (
        "unix:a", {"default_action": "accept", "content_timeout": "3s"})  # fmt: skip
    assert [seconds(one) for one in ("30", "5m", "1h", "x")] == [30, 300, 3600, None]


# ------------------------------------------------------------------------------------------------------- a real Postfix
@pytest.fixture
def configured(tmp_path):
    """A folder with main.cf and master.cf as the integration tests have them; not started."""
    private = PrivatePostfix(sink=type("Sink", (), {"port": 1})(), milters="inet:127.0.0.1:8891", folder=tmp_path)
    private.folder.chmod(0o755)

    def write(settings="", **more):
        from tests.integration.postfix import MAIN_CF, MASTER_CF

        for name in ("etc", "spool", "data", "log"):
            (tmp_path / name).mkdir(exist_ok=True)
        values = {
            "folder": tmp_path,
            "sink": 1,
            "milters": "inet:127.0.0.1:8891",
            "port": 25,
            "default_action": "tempfail",
        }
        (tmp_path / "etc/main.cf").write_text(MAIN_CF.format(**(values | more)) + settings)
        (tmp_path / "etc/master.cf").write_text(MASTER_CF.format(**values))
        return CliRunner().invoke(
            mailrouter,
            ["doctor", "postfix", "--config", str(tmp_path / "etc"), "--rules", str(ROOT / "rules.yaml"), "--json"],
        )

    return write


@pytest.mark.parametrize("_", [pytest.param(0, marks=needs_postfix)])
def test_real_settings_are_read_by_postconf_and_their_tables_asked(configured, tmp_path, _):
    bad = configured(default_action="accept")
    told = {one["setting"]: one["level"] for one in json.loads(bad.stdout)["findings"]}
    assert bad.exit_code == 4
    assert told["127.0.0.1:25: default_action=accept"] == "unsafe"
    assert told["header_checks"] == "unsafe" and told["transport_maps"] == "missing"
    checks = tmp_path / "etc/checks"
    checks.write_text("/^X-FlexiHost-/ IGNORE\n/^Authentication-Results: mx\\.flexihost\\.example$/ IGNORE\n")
    good = configured(
        f"smtpd_forbid_unauth_pipelining = yes\nheader_checks = regexp:{checks}\n"
        "transport_maps = inline:{ ack.flexihost.internal=lmtp:unix:x }\n"
        "smtpd_recipient_restrictions = check_recipient_access inline:{ ack.flexihost.internal=REJECT }, permit\n"
    )
    # what looks right to the eye is not: the doctor asks Postfix instead of reading the table
    assert good.exit_code == 4 and "header_checks" in good.stdout
    checks.write_text((ROOT / "deploy/postfix/mailrouter_header_checks").read_text())
    good = configured(
        f"smtpd_forbid_unauth_pipelining = yes\nheader_checks = regexp:{checks}\n"
        "transport_maps = inline:{ ack.flexihost.internal=lmtp:unix:x }\n"
        "smtpd_recipient_restrictions = check_recipient_access inline:{ ack.flexihost.internal=REJECT }, permit\n"
    )
    levels = [one["level"] for one in json.loads(good.stdout)["findings"]]
    assert good.exit_code == 0 and "unsafe" not in levels and levels.count("missing") == 1, good.stdout


def test_a_folder_without_settings_is_said(tmp_path):
    result = CliRunner().invoke(
        mailrouter, ["doctor", "postfix", "--config", str(tmp_path), "--rules", str(ROOT / "rules.yaml")]
    )
    assert result.exit_code != 0 and "main.cf: is not there" in str(result.exception)


def test_worst_is_the_worst():
    assert worst(()) is Level.FINE
    assert os.sep == "/"
