"""What the loader makes of a file: typed values with their places, and every mistake told once, with the right word."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from router.errors import BadFile, Location
from router.rules import document, grammar, load, schema
from router.rules import schema_actions as a
from router.rules import schema_conditions as c
from router.rules.document import Mapping, Node, Sequence
from router.rules.grammar_conditions import TESTS
from router.rules.grammar_rules import ACTIONS
from router.rules.grammar_texts import OPERATORS
from router.rules.schema_conditions import Text
from router.rules.walk import walk
from router.vocabulary import AccountState, Priority, Stage

HERE = Path(__file__).parent
WHOLE = (HERE / "whole-language.yaml").read_bytes()
SHIPPED = (HERE.parents[1] / "rules.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole() -> schema.RulesFile:
    return load.load(WHOLE, "whole.yaml")


# -------------------------------------------------------------------------------------------------------- typed values
def test_settings_are_typed(whole):
    """Durations, sizes, rates, networks and numbers are values, not texts."""
    settings = whole.settings
    assert settings.time_budget == timedelta(seconds=1)
    assert settings.max_text == 100_000
    assert settings.own_clients == (ip_network("192.0.2.0/24"),)
    assert settings.spam == schema.Spam("X-Spam-Score", 5.5)
    assert settings.hold == schema.QUARANTINE
    assert settings.default_queue is None
    assert settings.on_engine_error is schema.EngineError.TEMPFAIL
    assert settings.retention == timedelta(days=30)
    assert settings.reply.max_per_domain == schema.Rate(50, timedelta(hours=1))
    assert settings.reply.from_ == schema.Mailbox("one@whole.example", "Whole")
    assert settings.shadow == schema.Shadow("next.yaml", "topic-2")


def test_sections_are_typed(whole):
    """Queues, calendars, lists, classifiers and the rest have their classes."""
    assert whole.queues["one"].titles["uk"] == "один"
    assert whole.queues["one"].first_answer == timedelta(hours=4)
    assert whole.calendars["office"].hours[1] == schema.DayHours("sat", ("10:00-12:00",))
    assert whole.calendars["office"].exceptions[0].date == date(2026, 12, 31)
    assert [type(one) for one in whole.holidays["all"]] == [
        schema.DatedHoliday,
        schema.EasterHoliday,
        schema.IcsHolidays,
        schema.CountryHolidays,
    ]
    assert [type(one) for one in whole.lists.values()] == [
        schema.FileList,
        schema.ItemsList,
        schema.LookupList,
        schema.SqlList,
        schema.UrlList,
    ]
    topic = whole.classifiers["topic"]
    assert (topic.accept, topic.reject, topic.margin) == (0.8, None, 0.1)
    assert topic.per_label["fault"].accept == 0.9
    assert whole.extract["contract"].fields == (c.Field.SUBJECT, c.Field.NEW_TEXT)
    assert whole.patterns["down"].phrases == (("en", "site .. down"), ("uk", "сайт* лежить"), ("any", "http 500"))
    assert whole.training.cost == {"fault": {"question": 5.0}, "question": {"fault": 1.5}}
    assert whole.panel.signed_header == schema.SignedHeader("X-Panel", "panel.key")
    assert whole.tickets.closed == "closed_tickets"
    assert whole.accounts.contacts == "contacts"


def test_rules_are_typed(whole):
    """Every condition and action of the language has its class; nothing is left as text or node."""
    rule = whole.rules[0]
    assert (rule.stage, rule.mode, rule.on_unknown) == (Stage.REPLY, schema.Mode.ENFORCE, schema.OnUnknown.SKIP)
    assert (rule.since, rule.until) == (date(2026, 1, 1), date(2036, 1, 1))
    tests = rule.when.of
    assert c.Length(True, 20) in tests or any(getattr(one, "operator", None) == c.Length(True, 20) for one in tests)
    assert c.AddressTest(c.AddressField.ENVELOPE_FROM, c.AddressPart.IS, (Text(""),)) in tests
    assert c.Account((AccountState.NAMED, AccountState.CONFLICT)) in tests
    assert c.Ticket(idle_longer_than=timedelta(days=14)) in tests
    assert c.TimeBetween(22 * 60, 6 * 60, (4, 5, 6)) in tests
    assert c.Mixed("topic") in tests
    assert c.Mixed("topic", (("fault", ("down",)), ("question", ("down",)))) in tests
    assert c.QueueHours(None, False) in tests
    assert c.SizeOver(10_000_000) in tests
    assert c.AutomaticIs(("list", "bulk")) in tests
    assert {type(action) for one in whole.rules for action in one.then} == {kind for _, _, kind, _ in ACTIONS.values()}
    assert a.SetPriority(Priority.URGENT) in whole.rules[1].then


def test_tests_are_typed_and_laid_over_their_defaults():
    """given: what a test does not say comes from test_defaults; scores, lists and header fields by name."""
    file = load.load(WHOLE, "whole.yaml")
    first, second = file.tests
    assert first.given.at_time == datetime(2026, 3, 4, 11, 0, 30, tzinfo=UTC)
    assert first.given.recipients == ("one@whole.example",)
    assert first.given.headers == (("X-Spam", "yes"), ("X-Spam", "no"), ("X-Other", ""))
    assert first.given.lists == {
        "contacts": {"anna@a.example": "104455"},
        "inline": {"c.example": ""},
        "table": schema.UNAVAILABLE,
    }
    assert first.expect.expect_by == "none"
    assert second.given.at_time == file.test_defaults.at_time
    assert second.given.thread == schema.UNAVAILABLE
    assert second.expect.reply.none and second.expect.redirect == schema.ExpectedRedirect()


def test_given_over_defaults_joins_by_name():
    """A header field, list or score of the test replaces the default of the same name only."""
    defaults = schema.Given(
        subject=Text("s"),
        body=Text("b"),
        headers=((Text("X-A"), Text("1")), (Text("X-B"), Text("2"))),
        scores={"topic": {"a": 0.5}, "abuse": {"b": 0.1}},
    )
    laid = schema.Given(headers=((Text("x-a"), Text("3")),), scores={"topic": "unavailable"}).over(defaults)
    assert laid.headers == (("X-B", "2"), ("x-a", "3"))
    assert laid.scores == {"topic": "unavailable", "abuse": {"b": 0.1}}
    assert (laid.subject, laid.body) == ("s", "b")
    assert schema.Given(eml=Text("x.eml")).over(defaults).body is None


def values_in(value: Any) -> Iterator[Any]:
    yield value
    if is_dataclass(value):
        for one in fields(value):
            yield from values_in(getattr(value, one.name))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from values_in(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from values_in(one)


def test_everything_knows_its_place(whole):
    """Every model and every text of the file points to its line and column, and that place has a name in words."""
    tree = document.read(WHOLE, "whole.yaml")
    nowhere = {type(one).__name__ for one in values_in(whole) if getattr(one, "at", whole.at) is schema.NOWHERE}
    # values that stand for something the file does not say
    assert nowhere <= {"Text", "ExpectedReply", "ExpectedRedirect", "Given", "str"}
    for rule in whole.rules:
        for condition in walk(rule.when):
            assert tree.place(condition.at).startswith("rules["), condition
        for action in rule.then:
            assert " > then[" in tree.place(action.at)
    assert whole.rules[0].at.line == next(n for n, line in enumerate(WHOLE.decode().splitlines(), 1) if "- id:" in line)


def test_language_is_whole():
    """whole-language.yaml uses every test, operator, action, section and setting there is."""
    tree = document.read(WHOLE, "whole.yaml").root
    written: set[str] = set()
    todo: list[Node] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, Mapping):
            written |= {entry.key.text for entry in node.entries}
            todo += [entry.value for entry in node.entries]
        elif isinstance(node, Sequence):
            todo += node.items
    settings = grammar.SETTINGS.keys
    assert set(TESTS) | set(OPERATORS) | set(ACTIONS) | set(grammar.FILE) | set(settings) <= written


def test_texts_are_never_retyped():
    """What YAML would make a number, a boolean or a time stays what was written."""
    for word in ("no", "on", "0123", "18:00", "+380441234567", "1e3", "null", "~x", "0x1F", "2026-03-01"):
        data = WHOLE.replace(b"name: The whole language", f"name: {word}".encode())
        assert load.load(data, "f").name == word


# --------------------------------------------------------------------------------------------- unknown keys, everywhere
def fixed_keys(schema_: dict[str, Any], node: Node, whole_schema: dict[str, Any]) -> Iterator[document.Entry]:
    """The entries of the tree whose key is a word of the language, not a name that the file gives."""
    if "$ref" in schema_:
        schema_ = whole_schema["$defs"][schema_["$ref"].rsplit("/", 1)[1]]
    choices = schema_.get("anyOf")
    if choices:
        for one in choices:
            yield from fixed_keys(one, node, whole_schema)
        return
    if isinstance(node, Sequence) and schema_.get("type") == "array":
        for item in node.items:
            yield from fixed_keys(schema_["items"], item, whole_schema)
    elif isinstance(node, Mapping) and schema_.get("type") == "object":
        known = schema_.get("properties", {})
        if schema_.get("additionalProperties") is False and not {e.key.text for e in node.entries} <= set(known):
            return  # another of several forms
        for entry in node.entries:
            if entry.key.text in known:
                if schema_.get("additionalProperties") is False:
                    yield entry
                yield from fixed_keys(known[entry.key.text], entry.value, whole_schema)
            elif isinstance(schema_.get("additionalProperties"), dict):
                yield from fixed_keys(schema_["additionalProperties"], entry.value, whole_schema)


def test_misspelt_key_at_every_level_is_one_message_with_the_right_word():
    """Each word of the language, misspelt where it stands, is told at its place with what was meant."""
    tree = document.read(WHOLE, "f").root
    whole_schema = grammar.json_schema()
    entries = {entry.key.at: entry for entry in fixed_keys(whole_schema, tree, whole_schema)}
    assert len(entries) > 250
    lines = WHOLE.decode().split("\n")
    unguessed = set()
    for entry in entries.values():
        word, at = entry.key.text, entry.key.at
        # a letter doubled: a slip that can be no other word of the language
        slip = word[:-1] + word[-1] * 2 if len(word) > 2 else word + "q"
        changed = list(lines)
        line = changed[at.line - 1]
        changed[at.line - 1] = line[: at.column - 1] + slip + line[at.column - 1 + len(word) :]
        _, problems = load.check("\n".join(changed).encode(), "f")
        here = [one for one in problems if one.code in ("E202", "E211", "E215", "E210", "E203")]
        assert (here and here[0].location == at) or here[0].code in ("E203", "E210"), (word, problems)
        told = [one for one in here if one.location == at]
        assert len(here) == 1, (slip, [(one.code, one.message) for one in here])
        if not told or told[0].suggestion != word:
            unguessed.add(word)
    assert unguessed <= {"is", "in", "to", "cc", "at", "de", "of", "id"}, unguessed


# ----------------------------------------------------------------------- the examples of rules-language.md, section 3.5
EXAMPLES = {
    "unknown queue": (
        "then: [{queue: support}, {redirect",
        "then: [{queue: suport}, {redirect",
        ("E300", 'unknown queue "suport"', "support", "rules[…] technical-mail-to-accounts > then[1]", "suport"),
    ),
    "two tests in one condition": (
        "when: {thread: follow_up}",
        "when: {thread: follow_up, automatic: any}",
        (
            "E210",
            "a condition is one test: a single key with its value (this block has 2: thread, automatic; "
            'put them under "all:" or "any:")',
            None,
            "rules[…] ticket-number-kept > when",
            "{thread: follow_up, automatic",
        ),
    ),
    "reject": (
        "then: [{hold: abusive language}",
        "then: [{reject: abusive language}",
        (
            "E215",
            'unknown action "reject"; mail is never rejected or dropped by a rule; use "hold"',
            None,
            "rules[…] abusive-to-a-human > then[1]",
            "reject: abusive",
        ),
    ),
    "hours": (
        'hours: {mon-fri: "09:00-18:00"}',
        'hours: {mon-fri: "9:00-18:00"}',
        (
            "E205",
            'hours must look like "09:00-18:00", not "9:00-18:00"',
            "09:00-18:00",
            "calendars > accounts_office > hours > mon-fri",
            '"9:00-18:00"',
        ),
    ),
    "no text in uk": (
        '    name_account:\n      uk: "Вкажіть, будь ласка, номер договору або логін."\n',
        "    name_account:\n",
        (
            "E305",
            'snippet "name_account" has no text in uk',
            None,
            "replies > snippets > name_account",
            "name_account:",
        ),
    ),
    "placeholder": (
        'ru: "Чтобы помочь быстрее, нам нужны: {missing}."',
        'ru: "Чтобы помочь быстрее, нам нужны: {expect}."',
        (
            "E306",
            "unknown placeholder {expect}",
            "expect_by",
            "replies > snippets > need_details > ru",
            '"Чтобы помочь',
        ),
    ),
    "unknown pattern": (
        "- text: {pattern: mail_access_problem}",
        "- text: {pattern: mail_acces_problem}",
        (
            "E303",
            'unknown pattern "mail_acces_problem"',
            "mail_access_problem",
            "conditions > reports_fault > any[2]",
            "mail_acces_problem}",
        ),
    ),
    "thresholds": (
        "accept: 0.80, reject: 0.15",
        "accept: 0.1, reject: 0.15",
        (
            "E207",
            "accept (0.1) must be greater than reject (0.15); between them the classifier abstains",
            None,
            "classifiers > topic > accept",
            "0.1, reject",
        ),
    ),
    "unknown stage": (
        "id: emergency\n    stage: enrich",
        "id: emergency\n    stage: enrch",
        ("E213", 'unknown stage "enrch"', "enrich", "rules[…] emergency > stage", "enrch"),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_specification(name):
    """The messages that the specification shows, on the shipped file."""
    before, after, (code, message, suggestion, place, where) = EXAMPLES[name]
    assert before in SHIPPED
    changed = SHIPPED.replace(before, after, 1)
    _, problems = load.check(changed.encode(), "rules.yaml")
    problem = next(one for one in problems if one.code == code)
    # which number a rule has is no promise
    numberless = re.sub(r"^rules\[[0-9]+\]", "rules[…]", problem.place)
    assert (problem.message, problem.suggestion, numberless) == (message, suggestion, place)
    offset = changed.index(where, changed.index(after[:30]))
    line = changed.count("\n", 0, offset) + 1
    assert problem.location == Location("rules.yaml", line, offset - changed.rfind("\n", 0, offset))
    assert len([one for one in problems if one.code.startswith("E")]) == 1


def test_bad_file_says_everything_it_knows():
    """BadFile's own text lists every problem with its place."""
    with pytest.raises(BadFile) as raised:
        load.load(b"version: 2\nlanguages: []\n", "rules.yaml")
    assert str(raised.value).startswith("rules.yaml:1:1: error E203:")
    assert "rules.yaml:1:10: error E200" in str(raised.value)


def test_file_without_rules_is_a_file():
    """An empty list of rules loads: all mail is delivered where it is addressed."""
    data = WHOLE[: WHOLE.index(b"rules:\n  - id")] + b"rules: []\n"
    assert load.load(data, "f").rules == ()


def test_sha256_and_base_are_kept(tmp_path):
    """The file knows its bytes' digest and where paths in it start."""
    file = load.load(WHOLE, "f", base=tmp_path)
    assert len(file.sha256) == 64 and file.base == tmp_path and file.source == "f"
