"""The doctor reads sendmail.cf and sendmail.mc alike."""

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from router.doctor import sendmail
from router.doctor.finding import Desk, Level
from tests.integration.filter import ROOT

DESK = Desk("X-Desk-", intent_domain="ack.desk.internal")
MC = """\
dnl INPUT_MAIL_FILTER(`old', `S=inet:1@127.0.0.1')
INPUT_MAIL_FILTER(`rspamd', `S=inet:11332@127.0.0.1, F=T')dnl
INPUT_MAIL_FILTER(`mailrouter', `S=inet:8891@127.0.0.1, F=T, T=C:10s;S:10s;R:10s;E:30s')dnl
define(`confMILTER_MACROS_ENVFROM', `i, {auth_type}, {auth_authen}')dnl
define(`confMILTER_MACROS_EOM', `{msg_id}, i')dnl
FEATURE(`mailertable')dnl
FEATURE(`access_db')dnl
DAEMON_OPTIONS(`Family=inet, Addr=0.0.0.0, Port=25, Name=MTA')dnl
DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port=10025, Name=Answers, InputMailFilters=')dnl
"""
CF = """\
Kmailertable hash /etc/mail/mailertable
Kaccess hash -T<TMPF> /etc/mail/access
O DaemonPortOptions=Family=inet, Addr=0.0.0.0, Port=25, Name=MTA
O DaemonPortOptions=Family=inet, Addr=127.0.0.1, Port=10025, Name=Answers, InputMailFilters=
O InputMailFilters=rspamd,mailrouter
O Milter.macros.envfrom=i, {auth_type}, {auth_authen}
O Milter.macros.eom={msg_id}, i
Xrspamd, S=inet:11332@127.0.0.1, F=T
Xmailrouter, S=inet:8891@127.0.0.1, F=T, T=C:10s;S:10s;R:10s;E:30s
"""


def judged(settings):
    return {f"{one.level}: {one.setting}" for one in sendmail.look(settings, DESK) if one.level is not Level.FINE}


@pytest.mark.parametrize(("read", "text"), [(sendmail.mc, MC), (sendmail.cf, CF)])
def test_good_settings_are_fine(read, text):
    assert judged(read(text)) == set()


BAD = [
    ("8891@127.0.0.1, F=T,", "8891@127.0.0.1, F=R,", "unsafe: mailrouter: F=R"),
    ("8891@127.0.0.1, F=T,", "8891@127.0.0.1,", "unsafe: mailrouter: F="),
    ("E:30s", "E:5s", "unsafe: mailrouter: T=C:10s;S:10s;R:10s;E:5s"),
    ("{auth_type}, {auth_authen}", "{auth_type}", "missing: Milter.macros.envfrom"),
]


@pytest.mark.parametrize(("old", "new", "found"), BAD)
@pytest.mark.parametrize(("read", "text"), [(sendmail.mc, MC), (sendmail.cf, CF)])
def test_each_bad_setting_is_found(read, text, old, new, found):
    assert judged(read(text.replace(old, new))) == {found}


def test_order_and_definition():
    assert judged(sendmail.cf(CF.replace("rspamd,mailrouter", "mailrouter,rspamd"))) == {"unsafe: InputMailFilters"}
    assert judged(sendmail.cf(CF.replace("rspamd,mailrouter", "rspamd"))) == {"missing: InputMailFilters"}
    swapped = MC.splitlines()
    swapped[1], swapped[2] = swapped[2], swapped[1]
    assert judged(sendmail.mc("\n".join(swapped))) == {"unsafe: InputMailFilters"}
    assert judged(sendmail.mc("")) == {"missing: InputMailFilters"}


def test_what_acknowledgements_need():
    assert judged(sendmail.mc(MC.replace("FEATURE(`mailertable')", ""))) == {"missing: mailertable"}
    assert judged(sendmail.mc(MC.replace("FEATURE(`access_db')", ""))) == {"unsafe: access_db"}
    assert judged(sendmail.mc(MC.replace(", InputMailFilters='", "'"))) == {"missing: DaemonPortOptions"}


def test_the_snippet_is_good():
    assert judged(sendmail.mc(sendmail.snippet(DESK))) == set()


@pytest.mark.parametrize(("name", "text", "status"), [
    ("sendmail.cf", CF, 0), ("sendmail.mc", MC.replace("F=T, T=C", "T=C"), 4), ("other", "", 2),
])  # fmt: skip
def test_the_command_reads_what_is_there(tmp_path, name, text, status):
    (tmp_path / name).write_text(text)
    result = CliRunner().invoke(
        mailrouter, ["doctor", "sendmail", "--config", str(tmp_path), "--rules", str(ROOT / "rules.yaml")]
    )
    assert (result.exit_code if status != 2 else 2) == status, result.output
    if status == 2:
        assert "there is no sendmail.cf" in str(result.exception)
