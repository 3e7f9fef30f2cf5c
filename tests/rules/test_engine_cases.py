"""The tests inside a rules file: made, run, compared, counted; and `explain`."""

import json
from xml.etree import ElementTree

import pytest

from router.rules import cases
from router.rules.decide import decide, out_of_scope
from router.rules.explain import explain
from tests.rules.engine_desk import HEAD, facts, line_of, rule, ruleset

SITE = rule("{text: {pattern: site}}", "{tag: broken}, {priority: high}", id="site")
MONEY = rule("{text: {pattern: money}}", "{tag: money}", id="money")
DEFAULTS = """
test_defaults:
  envelope: {from: olena@customer.example, to: [support@desk.example]}
  auth: pass
  lists: {contacts: {olena@customer.example: "104455"}}
tests:
"""
FIRES = """
  - name: A broken site
    given: {subject: the site is down}
    expect: {tags: [broken], priority: high}
"""
SILENT = """
  - name: A greeting
    given: {subject: hello, body: an invoice}
    expect: {not_tags: [broken], fired: [money], fired_not: [site], tags: [money]}
"""


def run(tests: str, rules: str = SITE + MONEY, **of):
    return cases.run(ruleset(f"rules:\n{rules}{DEFAULTS}{tests}"), **of)


def test_tests_that_hold_pass_and_are_counted():
    report = run(FIRES + SILENT)
    assert (report.passed, report.failed, report.ok) == (2, 0, True)
    assert report.as_text().endswith("2 passed")


def test_coverage_counts_where_a_rule_fired_and_where_it_did_not():
    report = run(FIRES + SILENT)
    assert report.as_json()["coverage"] == {
        "site": {"fired": 1, "not_fired": 1},
        "money": {"fired": 1, "not_fired": 1},
    }
    assert "never fired in a test: money" in run(FIRES).as_text()


def test_a_rule_whose_deletion_nobody_notices_survives():
    assert run(FIRES + SILENT, mutate=True).survived == ()
    report = run(FIRES, mutate=True)
    assert report.survived == ("money",)
    assert "deleting it is noticed by no test: money" in report.as_text()
    assert report.as_json()["survived"] == ["money"]
    assert "survived" not in run(FIRES).as_json()


def test_only_some_tests_run_by_part_of_their_name():
    report = run(FIRES + SILENT, only="GREETING")
    assert [one.name for one in report.tests] == ["A greeting"]


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ("queue: accounts", "queue: expected accounts, got support"),
        ("priority: low", "priority: expected low, got high"),
        ("tags: [money]", "tags: money not among broken"),
        ("not_tags: [broken]", "not_tags: broken among broken"),
        ("hold: true", "hold: expected true, got not held"),
        ("split: true", "split: expected true, got false"),
        ("missing: [browser]", "missing: expected browser, got browser, error"),
        ('expect_by: "2026-03-04T15:00+02:00"', "expect_by: expected 2026-03-04T15:00+02:00, got no expectation"),
        ("reply: {language: en}", "reply: expected one, got no answer"),
        ("redirect: {from: bill@desk.example, to: support@desk.example}", "redirect: expected bill@desk.example to"),
        ("fired: [money]", "fired: money is false (text money = no)"),
        ("fired_not: [site]", 'fired_not: site fired (text site = yes ("site is down" (subject)))'),
        ("unknown: [site]", "unknown: site is true"),
        ("topic: technical", "topic: expected technical, got nothing"),
        ("thread: follow_up", "thread: expected follow_up, got new"),
        ("account: missing", "account: expected missing, got belongs_to_sender"),
        ("copy_to: [sales]", "copy_to: sales gets no copy"),
        ('notes: ["x"]', 'notes: none has "x"; got nothing'),
        ('headers: {X-Desk-Queue: "accounts"}', "headers: expected X-Desk-Queue: accounts, got support"),
    ],
)
def test_each_expectation_that_is_not_met_is_told(expect, difference):
    report = run(f"\n  - name: It\n    given: {{subject: the site is down}}\n    expect: {{{expect}}}\n")
    (outcome,) = report.tests
    assert len(outcome.differences) == 1
    assert outcome.differences[0].startswith(difference)


def test_a_failing_test_is_told_with_its_trace():
    told = run("\n  - name: It\n    given: {subject: the site is down}\n    expect: {tags: [money]}\n").as_text()
    assert "FAILED  It  (desk.yaml:" in told
    assert "site   FIRED" in told
    assert told.endswith("1 failed")


def test_what_the_answer_says_can_be_tested():
    rules = rule("{text: {pattern: site}}", "{say: details}", id="site")
    test = """
  - name: It
    given: {subject: the site is down}
    expect: {reply: {language: en, snippets: [details], contains: [%s]}}
"""
    assert run(test % '"We need the browser, the error text."', rules).ok
    assert not run(test % "nonsense", rules).ok


def test_surroundings_of_a_test_are_its_own():
    rules = (
        rule("{sender_in: contacts}", "{tag: known}", id="known")
        + rule("{all: [{attachment: {type: image/png}}, {header: {name: X-A, is: b}}]}", "{tag: picture}", id="picture")
        + rule("{classified: {abuse: abusive}}", "{tag: rude}", id="rude")
        + rule("{ticket: {status: closed}}", "{tag: closed}", id="closed")
        + rule('{time: {between: "19:00-20:00"}}', "{tag: late}", id="late")
    )
    test = """
  - name: All of it
    given:
      at: "2026-03-06T19:40+02:00"
      headers: {X-A: b}
      attachments: [{name: a.png, type: image/png}]
      scores: {abuse: {abusive: 0.95}}
      thread: {ticket: "7", proven: true, status: closed, idle_days: 3}
    expect: {tags: [known, picture, rude, closed, late], thread: follow_up}
  - name: Nothing of it
    given: {lists: {contacts: unavailable}}
    expect: {unknown: [known], not_tags: [known, picture, rude, closed, late]}
"""
    report = run(test, rules)
    assert report.ok, report.as_text()


def test_a_mail_from_a_file_that_is_not_there_fails_its_test_and_no_other():
    report = run("\n  - name: It\n    given: {eml: no-such.eml}\n    expect: {queue: support}\n" + FIRES)
    assert [one.ok for one in report.tests] == [False, True]
    assert "no-such.eml cannot be read" in report.tests[0].differences[0]


def test_examples_of_patterns_are_tests():
    examples = "examples: {match: [the site is down, all is well], no_match: [my site is down again]}"
    head = HEAD.replace('en: ["site is down"]}', f'en: ["site is down"], {examples}}}')
    compiled = ruleset(rule("{text: {pattern: site}}"), head)
    told = {one.name: one.differences for one in cases.run(compiled).tests}
    assert told['pattern site matches "the site is down"'] == ()
    assert told['pattern site matches "all is well"'] == ("no phrase of the pattern is in this sentence",)
    assert told['pattern site does not match "my site is down again"'] == ('the sentence has "site is down"',)


def test_junit_is_xml_that_says_the_same():
    report = run(FIRES + "\n  - name: 'It <&> \"'\n    given: {subject: x}\n    expect: {tags: [money]}\n")
    suite = ElementTree.fromstring(report.as_junit().partition("?>")[2])
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite] == ["A broken site", 'It <&> "']
    assert suite[1][0].get("message") == report.tests[1].differences[0]
    json.dumps(report.as_json())


# ------------------------------------------------------------------------------------------------------------- explain
def test_explain_shows_the_smallest_reason_a_rule_did_not_fire():
    """Of several tests that are false the one that takes the fewest words; of an `any` all of them."""
    compiled = ruleset(
        rule(
            "{all: [{any: [{text: {pattern: site}}, {text: {pattern: money}}]}, {recipient: {queue: sales}}]}", id="one"
        )
        + rule("{any: [{text: {pattern: site}}, {text: {pattern: money}}]}", id="two")
        + rule("{none: [{recipient: {queue: sales}}, {recipient: {queue: support}}]}", id="three")
        + rule("{at_least: {count: 2, of: [{subject: {is: a}}, {auth: pass}, {subject: {is: b}}]}}", id="four")
    )
    decision = decide(facts(compiled, subject="a greeting"), compiled, trace=True)
    assert line_of(decision, "one").because == "recipient sales = no (support@desk.example)"
    assert line_of(decision, "two").because == "text site = no; text money = no"
    assert line_of(decision, "three").because == "recipient support = yes (support@desk.example)"
    assert line_of(decision, "four").because == 'subject is "a" = no; subject is "b" = no'


def test_explain_reads_like_the_file_in_columns():
    compiled = ruleset(
        rule(
            "{all: [{recipient: {queue: accounts}}, {text: {pattern: site}}]}",
            "{redirect: {from: accounts, to: support}}, {say: wait}",
            id="move",
            stage="route",
        )
        + rule("{sender_in: contacts}", "{tag: x}", id="list", more="on_unknown: hold")
    )
    mail = {"to": "bill@desk.example", "subject": "Наш Сайт опять лежит", "lists": {"contacts": "unavailable"}}
    told = explain(decide(facts(compiled, **mail), compiled, trace=True), compiled).splitlines()
    assert told[0].startswith("decision ")
    assert told[0].endswith("received Wed 2026-03-04 11:00 Kyiv")
    assert told[1].startswith("route    move  FIRED     recipient accounts = yes (bill@desk.example); text site = yes")
    assert told[1].endswith('("Сайт опять лежит" (subject))')
    assert told[2] == " " * 25 + "-> redirect accounts to support"
    unknown = "enrich   list  UNKNOWN   sender_in contacts = unknown (contacts: unavailable"
    assert any(line.startswith(unknown) for line in told)
    assert any(line.startswith("held     list could not be judged") for line in told)
    assert any("G14: it is held" in line for line in told)
    assert all(line == line.rstrip() for line in told)


def test_explain_says_when_a_mail_is_not_ours():
    compiled = ruleset(rule("{always: true}"))
    raw = facts(compiled, to="friend@elsewhere.example").message.raw
    assert "not ours" in explain(out_of_scope(raw, compiled), compiled)


def test_the_examples_of_an_extract_are_tests():
    """A value that is another, one that is not found, and one where none should be: each with its line."""
    head = HEAD.replace(
        "  login: {in: [text], regex: 'login\\s{1,3}(?P<login>[a-z][a-z0-9_]{2,31})'}",
        "  login:\n    in: [text]\n    regex: 'login\\s{1,3}(?P<login>[a-z][a-z0-9_]{2,31})'\n"
        "    examples:\n      match: {Login Petro01: Petro01, login petro: other, no name: petro}\n"
        "      no_match: [Login petro, log in]",
    )
    assert head != HEAD
    outcomes = {one.name: one for one in cases.run(ruleset(rule("{found: login}"), head)).tests}
    told = {name: one.differences for name, one in outcomes.items() if name.startswith("extract login")}
    assert told == {
        'extract login finds Petro01 in "Login Petro01"': (),
        'extract login finds other in "login petro"': ('found: "petro"',),
        'extract login finds petro in "no name"': ("nothing is found",),
        'extract login finds nothing in "Login petro"': ('found: "petro"',),
        'extract login finds nothing in "log in"': (),
    }
