"""What an administrator sees: the preview of an answer, what was answered, what is believed about hours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.acknowledge.throttle import State, Throttle
from router.answering import NoAnswers, answering_of, keys_of, policy_of
from router.cli import mailrouter
from router.cli.acknowledge import clock
from router.errors import BadFile, BadInput
from router.generation import load_generation
from tests.acknowledge.desk import KEYS, OLENA

ROOT = Path(__file__).parent.parent.parent
RULES = ["--rules", str(ROOT / "rules.yaml")]
SAMPLES = ROOT / "docs" / "samples"
FRIDAY = ["--at", "2026-03-06T19:40+02:00"]


def run(*words: str) -> str:
    result = CliRunner().invoke(mailrouter, [*words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_the_preview_is_the_exact_message():
    sample = str(SAMPLES / "01-site-fault-to-accounts-ru.eml")
    told = run("acknowledge", "--preview", sample, "--auth", "pass", *FRIDAY, *RULES)
    assert "this would be sent, once:" in told
    assert "\nSubject: Авто: Сайт не открывается\n" in told
    assert "RCPT TO:<olena@customer.example> NOTIFY=NEVER" in told
    assert "Ваше письмо передано: техническая поддержка." in told
    assert "пятницы, 6 марта, 23:40, по киевскому времени" in told


def test_the_preview_for_programs():
    sample = str(SAMPLES / "01-site-fault-to-accounts-ru.eml")
    told = json.loads(run("acknowledge", "--preview", sample, "--auth", "pass", "--json", *FRIDAY, *RULES))
    assert told["send"] is True
    assert told["to"] == OLENA
    assert told["refused"] == {}
    assert told["message"].startswith("From: FlexiHost <support@flexihost.example>\r\n")


def test_the_preview_names_the_gates():
    sample = str(SAMPLES / "01-site-fault-to-accounts-ru.eml")
    told = run("acknowledge", "--preview", sample, "--auth", "fail", *FRIDAY, *RULES)
    assert "no acknowledgement:\n  G7: auth is fail" in told
    assert "Otherwise it would be:" in told


def test_the_preview_of_a_robot_s_mail_names_its_gates():
    told = run("acknowledge", "--preview", str(SAMPLES / "06-out-of-office-en.eml"), "--auth", "pass", *RULES)
    assert "no rule says anything" in told
    assert "  G2: Auto-Submitted" in told


def test_hours_are_told_day_by_day_with_the_reason():
    told = run("hours", "accounts", "--at", "2026-12-31T14:00", "--days", "4", *RULES)
    assert told.splitlines() == [
        "accounts (calendar accounts_office, Europe/Kyiv)",
        "  Thu 2026-12-31  09:00-15:00  exception: New Year's Eve",
        "  Fri 2027-01-01  closed       holiday: New Year's Day",
        "  Sat 2027-01-02  closed       every Saturday",
        "  Sun 2027-01-03  closed       every Sunday",
        "At Thu 2026-12-31 14:00 it is open, until Thu 2026-12-31 15:00.",
        "Next opening: Mon 2027-01-04 09:00.",
        "A mail of that moment is answered by Mon 2027-01-04 16:00.",
    ]


def test_hours_tell_the_next_opening():
    told = run("hours", "accounts", "--at", "2026-03-06T19:40", "--days", "1", *RULES)
    assert "it is closed (after hours).\nNext opening: Mon 2026-03-09 09:00.\n" in told


def test_hours_of_a_desk_that_never_closes():
    told = run("hours", "support", "--at", "2026-03-06T19:40", "--days", "1", *RULES)
    assert "it is open, for a week and more.\nA mail of that moment is answered by Fri 2026-03-06 23:40." in told


def test_hours_for_programs_of_every_queue():
    lines = run("hours", "--json", "--days", "2", *FRIDAY, *RULES).splitlines()
    told = [json.loads(line) for line in lines]
    assert [one["queue"] for one in told][:2] == ["support", "accounts"]
    assert told[1]["opens_at"] == "2026-03-09T09:00+02:00"
    assert [day["hours"] for day in told[1]["days"]] == [["09:00-18:00"], []]


def test_a_queue_that_is_not_there_gets_a_suggestion():
    with pytest.raises(BadInput, match='no queue "acounts"; did you mean "accounts"'):
        run("hours", "acounts", *RULES)


# ----------------------------------------------------------------------------------------------------- acknowledgements
@pytest.fixture
def desk(tmp_path):
    """Options that name a store and a key."""
    key = tmp_path / "key"
    key.write_bytes(b"a secret of thirty-two characters")
    key.chmod(0o600)
    return [*RULES, "--database", str(tmp_path / "a.sqlite"), "--key-file", str(key)]


def test_pause_list_resume_forget(desk, tmp_path):
    run("acknowledgements", "resume", *desk)
    run("acknowledgements", "pause", "texts", *desk)
    told = json.loads(run("acknowledgements", "list", "--json", *desk))
    assert told == {"muted": {"reason": "texts", "until": None}, "counts": {}, "acknowledgements": []}
    assert "mailrouter_acknowledgements_muted 1.0" in run("acknowledgements", "list", "--prometheus", *desk)
    run("acknowledgements", "resume", *desk)
    store = Throttle(tmp_path / "a.sqlite", KEYS, clock, service=False)
    from router.acknowledge.policy import Limits

    store.begin(b"k", OLENA, ("a",), Limits(), "d7")
    store.settle(b"k", State.SENT)
    store.close()
    assert "d7" in run("acknowledgements", "list", *desk)
    assert 'mailrouter_acknowledgements{state="' in run("acknowledgements", "list", "--prometheus", *desk)
    assert "1 acknowledgements forgotten" in run("acknowledgements", "forget", OLENA.upper(), *desk)
    assert "d7" not in run("acknowledgements", "list", *desk)


def test_before_anything_was_answered_there_is_nothing_to_list(desk):
    with pytest.raises(BadInput, match="nothing was acknowledged yet"):
        run("acknowledgements", "list", *desk)


def test_without_a_key_the_commands_say_how_to_name_one(tmp_path):
    with pytest.raises(BadInput, match="--key-file"):
        run("acknowledgements", "resume", *RULES, "--database", str(tmp_path / "a.sqlite"))


def test_the_service_without_a_key_says_so_and_stops():
    command = [sys.executable, "-m", "router.cli", "acknowledge", "--listen", "lmtp:inet:0@127.0.0.1", *RULES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "settings.key_file is not set" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--smtp", "localhost"], "HOST:PORT"),
        (["--smtp", "localhost:x"], "HOST:PORT"),
        (["--socket-mode", "rw"], "octal"),
        (["--listen", "lmtp:127.0.0.1:8892"], "inet:PORT@HOST"),
    ],
)
def test_options_that_cannot_be_used_are_explained(desk, options, words):
    try:
        told = run("acknowledge", *options, *desk)
    except BadInput as problem:
        told = str(problem)
    assert words in told


# ------------------------------------------------------------------------------------------------------ the composition
def ruleset(tmp_path, *changes):
    text = (ROOT / "rules.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return load_generation(path, None).ruleset


def test_the_rules_of_the_project_make_a_policy():
    policy = policy_of(load_generation(ROOT / "rules.yaml", None).ruleset)
    assert policy.limits.per_sender.count == 2
    assert policy.asks["site_access.url"]["ru"] == "адрес страницы"
    assert policy.own_domains == {"flexihost.example"}


@pytest.mark.parametrize("place", ["{contract}", "{login}", "{ticket}", "{url}"])
def test_an_answer_cannot_say_what_is_on_file_or_what_was_written(tmp_path, place):
    with pytest.raises(BadFile) as refused:
        ruleset(tmp_path, ("Please give your contract number or login.", f"Is it {place}?"))
    (problem,) = refused.value.problems
    assert (problem.code, problem.place) == ("E306", "replies > snippets > name_account > en")
    assert f"{place} cannot stand here: an answer says nothing that the writer wrote" in problem.message


def test_without_a_domain_or_a_key_the_filter_asks_for_nothing(tmp_path):
    domain = "    intent_domain: ack.flexihost.internal\n"
    with pytest.raises(NoAnswers, match="intent_domain"):
        answering_of(ruleset(tmp_path, (domain, "")), tmp_path)
    with pytest.raises(NoAnswers, match="key_file"):
        answering_of(ruleset(tmp_path), tmp_path)
    keyed = ruleset(tmp_path, ("\nsettings:\n", "\nsettings:\n  key_file: key\n"))
    with pytest.raises(NoAnswers, match="cannot be read"):
        answering_of(keyed, tmp_path)
    (tmp_path / "key").write_bytes(b"k" * 40)
    (tmp_path / "key").chmod(0o600)
    assert answering_of(keyed, tmp_path).domain == "ack.flexihost.internal"
    assert keys_of(keyed, tmp_path)
