"""Every condition, text operator and join: a mail for which it is true, one for which it is false, one for unknown."""

from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest

from router.logic import Unknown, all_of, any_of, at_least, negation
from router.rules import schema_conditions as c
from router.rules.compile import compile_rules
from router.rules.conditions import CONDITIONS, KEYS, reference
from router.rules.decide import decide
from router.rules.evaluation import luhn
from router.rules.load import load
from router.rules.schema import GivenThread
from router.vocabulary import NewQuestion, ThreadState
from tests.rules.engine_desk import HEAD, decided, facts, judged, line_of, rule, ruleset

NO_MODEL = {"topic": "unavailable", "abuse": "unavailable"}
NO_LIST = {"contacts": "unavailable"}
UNREADABLE = {"headers": [("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", "x-nothing")]}
ENCRYPTED = {"headers": [("Content-Type", "application/pkcs7-mime; smime-type=enveloped-data")]}


def at(text: str) -> dict[str, datetime]:
    return {"at_time": datetime.fromisoformat(text)}


def scores(**topic: float) -> dict[str, object]:
    return {"scores": {"topic": topic, "abuse": {"abusive": 0.02}}}


def thread(**of: object) -> dict[str, object]:
    return {"thread": GivenThread(**of)}


BOUNCED = {
    "attachments": [
        (
            "",
            "message/delivery-status",
            "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; unknown user",
        )
    ]
}
NO_STORE = {"thread": "unavailable"}
OLENA = {"olena@customer.example": "104455"}
SURE = scores(technical=0.93, billing=0.03)
DOUBT = scores(technical=0.6, billing=0.3)

# (condition, a mail for true, a mail for false, a mail for unknown or None)
TABLE = [
    # ------------------------------------------------------------------------------------------------- text operators
    ("{subject: {pattern: site}}", {"subject": "Сайт лежит"}, {"body": "Сайт лежит"}, None),
    ("{new_text: {pattern: [money, site]}}", {"body": "the site is down"}, {"subject": "site is down"}, ENCRYPTED),
    ('{new_text: {words: ["invoic* .. paid"]}}', {"body": "invoice was paid"}, {"body": "paid invoice"}, ENCRYPTED),
    ("{quoted_text: {words: [hello]}}", {"body": "x\n\n> hello\n"}, {"body": "hello"}, ENCRYPTED),
    ("{signature: {words: [hello]}}", {"body": "x\n\n-- \nhello"}, {"body": "hello"}, ENCRYPTED),
    ("{full_text: {words: [hello]}}", {"body": "x\n\n> hello\n"}, {"body": "x"}, ENCRYPTED),
    ("{text: {words: [hello]}}", {"subject": "Hello", **ENCRYPTED}, {"body": "x"}, ENCRYPTED),
    ('{text: {contains: "№ 5"}}', {"body": "наказ No 5"}, {"body": "наказ 5"}, ENCRYPTED),
    ("{subject: {contains: [one, two]}}", {"subject": "TWO"}, {"subject": "three"}, None),
    ('{subject: {is: "Ёлка "}}', {"subject": "елка"}, {"subject": "елки"}, None),
    ("{subject: {starts_with: re}}", {"subject": "Re: x"}, {"subject": "x re"}, None),
    ('{subject: {ends_with: ["!", "?"]}}', {"subject": "what?"}, {"subject": "?what"}, None),
    ("{new_text: {regex: '[0-9]{3}-[0-9]{2}'}}", {"body": "call 123-45"}, {"body": "call 12-345"}, ENCRYPTED),
    ("{new_text: {longer_than: 2 words}}", {"body": "one two three"}, {"body": "one two"}, ENCRYPTED),
    ("{new_text: {shorter_than: 3 words}}", {"body": "one two"}, {"body": "one two three"}, ENCRYPTED),
    ("{text: {longer_than: 2 words}}", {"subject": "one", "body": "two three"}, {"body": "one two"}, ENCRYPTED),
    ("{new_text: {longer_than: 5 characters}}", {"body": "123456"}, {"body": "12345"}, ENCRYPTED),
    ("{new_text: {empty: true}}", {"body": " \n "}, {"body": "x"}, ENCRYPTED),
    ("{text: {empty: true}}", {"body": ""}, {"subject": "x", **ENCRYPTED}, ENCRYPTED),
    # ------------------------------------------------------------------------------------------------------- header
    ("{header: {name: X-A, exists: true}}", {"headers": [("x-a", "")]}, {}, None),
    ("{header: {name: X-A, exists: false}}", {}, {"headers": [("x-a", "1")]}, None),
    (
        "{header: {name: X-A, is: two}}",
        {"headers": [("X-A", "one"), ("X-A", "Two")]},
        {"headers": [("X-A", "1")]},
        None,
    ),
    ("{header: {name: X-A, pattern: money}}", {"headers": [("X-A", "my invoices")]}, {}, None),
    ("{header: {name: X-A, regex: 'a{3}'}}", {"headers": [("X-A", "baaab")]}, {"headers": [("X-A", "aa")]}, None),
    ("{header: {name: X-A, longer_than: 1 words}}", {"headers": [("X-A", "a b")]}, {"headers": [("X-A", "a")]}, None),
    # ---------------------------------------------------------------------------------------------------- addresses
    ("{from: OLENA@customer.example}", {}, {"sender": "x@customer.example"}, None),
    (
        "{from: {is: olena@customer.example}}",
        {"sender": "Olena+desk@Customer.example"},
        {"sender": "o@x.example"},
        None,
    ),
    ("{from: {domain: customer.example}}", {}, {"sender": "x@sub.customer.example"}, None),
    ("{from: {domain_in: partners}}", {"sender": "x@partner.example"}, {}, None),
    ("{from: {domain_in: contacts}}", {"lists": {"contacts": {"customer.example": ""}}}, {}, {"lists": NO_LIST}),
    ("{from: {in: contacts}}", {}, {"sender": "x@customer.example"}, {"lists": NO_LIST}),
    ("{from: {local_part: olena}}", {}, {"sender": "x@customer.example"}, None),
    ('{envelope_from: {is: ""}}', {"sender": ""}, {}, None),
    ("{sender: a@x.example}", {"headers": [("Sender", "A <a@x.example>")]}, {}, None),
    ("{reply_to: {same_as: from}}", {"headers": [("Reply-To", "olena@customer.example")]}, {}, None),
    ("{to: support@desk.example}", {}, {"to": "bill@desk.example"}, None),
    ("{cc: {domain: x.example}}", {"headers": [("Cc", 'b@y.example, "c, d" <a@x.example>')]}, {}, None),
    ("{any_address: {domain: x.example}}", {"headers": [("Cc", "a@x.example")]}, {}, None),
    ("{recipient: support@desk.example}", {"to": "Support+x@desk.example"}, {"to": "bill@desk.example"}, None),
    (
        "{recipient: {queue: support}}",
        {"to": ["bill@desk.example", "help@desk.example"]},
        {"to": "bill@desk.example"},
        None,
    ),
    (
        "{recipient: {in: contacts}}",
        {"lists": {"contacts": {"support@desk.example": ""}}},
        {},
        {"lists": NO_LIST},
    ),
    ("{recipient: {count: {over: 1}}}", {"to": ["support@desk.example", "x@y.example"]}, {}, None),
    ("{sender_in: contacts}", {}, {"sender": "x@customer.example"}, {"lists": NO_LIST}),
    ("{sender_in: partners}", {"sender": "ann@partner.example"}, {"sender": "bob@partner.example"}, None),
    # -------------------------------------------------------------------------------------------------------- proof
    ("{auth: pass}", {"auth": "pass"}, {"auth": "fail"}, {"auth": "unknown"}),
    ("{auth: pass}", {"auth": "pass"}, {"auth": "none"}, {"auth": {"spf": "temperror"}}),
    ("{auth: fail}", {"auth": "fail"}, {"auth": "none"}, {"auth": "unknown"}),
    ("{auth: none}", {"auth": "none"}, {"auth": "pass"}, {"auth": "unknown"}),
    ("{auth: {spf: fail}}", {"auth": {"spf": "softfail"}}, {"auth": {"spf": "pass"}}, {"auth": {"spf": "temperror"}}),
    ("{auth: {arc: pass}}", {"auth": {"arc": "pass"}}, {"auth": {"arc": "fail"}}, {"auth": {"dkim": "pass"}}),
    ("{auth: {dkim: pass}}", {"auth": {"dkim": "pass"}}, {"auth": {"dkim": "none"}}, {"auth": {"spf": "pass"}}),
    ("{account: conflict}", {"body": "contract 999999"}, {"body": "contract 104455"}, {"lists": NO_LIST}),
    ("{account: belongs_to_sender}", {"body": "contract 104455"}, {"body": "contract 111"}, {"lists": NO_LIST}),
    ("{account: belongs_to_sender}", {"body": "hello"}, {"sender": "x@y.example"}, {"lists": NO_LIST}),
    ("{account: named}", {"sender": "x@y.example", "body": "login petro01"}, {"body": "hello"}, {"lists": NO_LIST}),
    ("{account: missing}", {"sender": "x@y.example", "body": "hello"}, {"body": "hello"}, {"lists": NO_LIST}),
    ("{submitted: true}", {"submitted": True}, {}, None),
    ("{submitted: true}", {"client": "192.0.2.9"}, {"client": "192.0.2.99"}, None),
    ("{panel: true}", {"client": "198.51.100.7"}, {"client": "198.51.100.8"}, None),
    (
        "{automatic: any}",
        {"headers": [("Auto-Submitted", "auto-replied")]},
        {"headers": [("Auto-Submitted", "no")]},
        None,
    ),
    ("{automatic: list}", {"headers": [("List-Id", "<l.x.example>")]}, {"headers": [("Precedence", "bulk")]}, None),
    # ------------------------------------------------------------------------------------------------------- threads
    ("{thread: follow_up}", thread(ticket="1", proven=True), thread(ticket="1", proven=False), NO_STORE),
    ("{thread: [new, unproven]}", {"subject": "[desk #12] x"}, thread(ticket="1", proven=True), NO_STORE),
    ("{thread: automatic}", {"headers": [("List-Id", "<l.x.example>")]}, {}, NO_STORE),
    (
        "{ticket: {status: closed}}",
        thread(ticket="1", proven=True, status="closed"),
        {},
        thread(ticket="1", proven=True),
    ),
    (
        "{ticket: {idle_longer_than: 14d}}",
        thread(ticket="1", proven=True, idle_days=14.5),
        thread(ticket="1", proven=True, idle_days=14.0),
        thread(ticket="1", proven=True),
    ),
    (
        "{ticket: {has_participant: from}}",
        thread(ticket="1", participant=True),
        thread(ticket="1", participant=False),
        NO_STORE,
    ),
    (
        "{new_question: likely}",
        thread(ticket="1", new_question=NewQuestion.LIKELY),
        thread(ticket="1", new_question=NewQuestion.UNLIKELY),
        thread(ticket="1", new_question=NewQuestion.UNKNOWN),
    ),
    # --------------------------------------------------------------------------------------------------- classifiers
    ("{classified: {topic: technical}}", SURE, scores(technical=0.1, billing=0.5), DOUBT),
    ("{classified: {topic: technical}}", SURE, scores(billing=0.9, technical=0.2), {"scores": NO_MODEL}),
    ("{classified: {topic: [billing, technical]}}", SURE, scores(other=0.9, technical=0.2), DOUBT),
    ("{classified: {topic: technical}}", SURE, scores(), scores(technical=0.82, billing=0.70)),  # too close to call
    ("{undecided: topic}", DOUBT, SURE, None),
    ("{undecided: topic}", {"scores": NO_MODEL}, SURE, None),
    (
        "{score: {classifier: topic, label: technical, at_least: 0.5}}",
        DOUBT,
        scores(technical=0.4),
        {"scores": NO_MODEL},
    ),
    ("{score: {classifier: topic, label: technical, below: 0.5}}", scores(other=1), DOUBT, {"scores": NO_MODEL}),
    ("{mixed: true}", scores(technical=0.5, billing=0.4), SURE, {"scores": NO_MODEL}),
    (
        "{mixed: {classifier: topic, patterns: {technical: site, billing: money}}}",
        {"body": "site is down, and the invoice?", **scores(technical=0.5, billing=0.4)},
        {"body": "site is down", "scores": NO_MODEL},
        {"body": "site is down, and the invoice?", "scores": NO_MODEL},
    ),
    # ------------------------------------------------------------------------------------- extracts and checklists
    ("{found: contract}", {"body": "Договір № 104455"}, {"body": "договір"}, None),
    ("{found: contract}", {"body": "Hello\n\n-- \nAnn, contract 104455"}, {"body": "Hello\n\n-- \nAnn"}, None),
    (
        "{found: {name: mailbox, count: 2}}",
        {"body": "a@x.example B@x.example"},
        {"body": "a@x.example A@X.example"},
        None,
    ),
    ("{found: card}", {"body": "4111111111111111"}, {"body": "4111111111111112"}, None),
    (
        "{missing: {checklist: site_access, at_least: 2}}",
        {"body": "site is down"},
        {"body": "site is down in chrome"},
        ENCRYPTED,
    ),
    ("{missing: {checklist: any, at_least: 1}}", {"body": "site is down, error"}, {"body": "hello"}, ENCRYPTED),
    ("{missing: {item: browser}}", {"body": "site is down"}, {"body": "site is down in Firefox"}, ENCRYPTED),
    # ---------------------------------------------------------------------------------------------------- time, shape
    ("{queue_hours: {queue: accounts, is: closed}}", at("2026-03-06T19:40+02:00"), at("2026-03-06T10:00+02:00"), None),
    (
        "{queue_hours: {queue: chosen, is: open}}",
        {"to": "help@desk.example"},
        {"to": "bill@desk.example", **at("2026-08-24T11:00+03:00")},
        None,
    ),
    ("{calendar: {name: office, is: holiday}}", at("2026-08-24T11:00+03:00"), at("2026-08-25T11:00+03:00"), None),
    ("{calendar: {name: office, is: closed}}", at("2026-08-24T11:00+03:00"), at("2026-08-25T11:00+03:00"), None),
    ("{calendar: {name: office, is: before_open}}", at("2026-03-04T08:59+02:00"), at("2026-03-04T09:00+02:00"), None),
    ("{calendar: {name: office, is: after_close}}", at("2026-03-04T18:00+02:00"), at("2026-03-04T17:59+02:00"), None),
    ('{time: {between: "09:00-18:00"}}', at("2026-03-04T07:00+00:00"), at("2026-03-04T16:00+00:00"), None),
    ('{time: {between: "22:00-06:00", days: fri}}', at("2026-03-07T05:59+02:00"), at("2026-03-06T05:59+02:00"), None),
    ('{time: {between: "22:00-06:00", days: fri}}', at("2026-03-06T22:00+02:00"), at("2026-03-07T06:00+02:00"), None),
    ("{date: {from: 2026-03-01, to: 2026-03-04}}", at("2026-03-04T23:59+02:00"), at("2026-03-04T22:30+00:00"), None),
    (
        "{language: ru}",
        {"body": "Здравствуйте, не могу зайти в панель управления"},
        {"body": "Good morning, please help me"},
        None,
    ),
    ("{language: undetermined}", {"body": "12345"}, {"body": "Good morning, please help me with this"}, None),
    ("{size: {over: 1KB}}", {"body": "x" * 1000}, {"body": "x"}, None),
    (
        "{attachment: {type: image/*}}",
        {"attachments": [("a.png", "image/png")]},
        {"attachments": [("a.txt", "text/csv")]},
        None,
    ),
    (
        '{attachment: {name: "*.EXE"}}',
        {"attachments": [("Run.exe", "application/x")]},
        {"attachments": [("exe", "a/x")]},
        None,
    ),
    (
        "{attachment: {count: {over: 1}}}",
        {"attachments": [("a", "a/x"), ("b", "a/x")]},
        {"attachments": [("a", "a/x")]},
        None,
    ),
    ("{bounce: any}", BOUNCED, {"body": "see below"}, ENCRYPTED),
    ("{bounce: [itself, pasted]}", {"body": "550 5.1.1 <a@b.example>: User unknown"}, BOUNCED, ENCRYPTED),
    ("{bounce: {status: [5.1.1, 4.*]}}", BOUNCED, {"body": "550 5.7.1 <a@b.example>: spam"}, ENCRYPTED),
    ('{bounce: {recipient: "*@B.example"}}', BOUNCED, {"body": "550 5.7.1 <a@c.example>: spam"}, None),
    ("{bounce: {action: failed}}", BOUNCED, {"body": "550 5.7.1 <a@c.example>: spam"}, None),
    ("{bounce: {diagnostic: [quota, UNKNOWN user]}}", BOUNCED, {"body": "550 5.7.1 <a@c.example>: spam"}, None),
    ("{encrypted: true}", ENCRYPTED, {}, None),
    ("{always: true}", {}, None, None),
    # --------------------------------------------------------------------------------------------------------- joins
    (
        "{all: [{subject: {is: a}}, {from: {in: contacts}}]}",
        {"subject": "a"},
        {"subject": "b", "lists": NO_LIST},
        {"subject": "a", "lists": NO_LIST},
    ),
    (
        "{any: [{subject: {is: a}}, {from: {in: contacts}}]}",
        {"subject": "a", "lists": NO_LIST},
        {"sender": "x@y.example"},
        {"lists": NO_LIST},
    ),
    (
        "{none: [{subject: {is: a}}, {from: {in: contacts}}]}",
        {"sender": "x@y.example"},
        {"subject": "a", "lists": NO_LIST},
        {"lists": NO_LIST},
    ),
    ("{not: {from: {in: contacts}}}", {"sender": "x@y.example"}, {}, {"lists": NO_LIST}),
    (
        "{at_least: {count: 2, of: [{subject: {is: a}}, {from: {in: contacts}}, {auth: pass}]}}",
        {"subject": "a", "lists": NO_LIST},
        {"auth": "fail", "sender": "x@y.example"},
        {"lists": NO_LIST},
    ),
]


@pytest.mark.parametrize("number", range(len(TABLE)))
def test_each_condition_has_its_three_answers(number):
    when, true, false, unknown = TABLE[number]
    for expected, mail in (("true", true), ("false", false), ("unknown", unknown)):
        if mail is not None:
            line = judged(when, **mail)
            assert line.result == expected, f"{when} for {mail}: {line.because}"


def test_the_table_above_has_every_condition_of_the_language():
    """Named conditions and what other rules did are tested below."""
    seen = set()
    for when, *_ in TABLE:
        loaded = load(f"{HEAD}rules:\n{rule(when)}".encode(), "desk.yaml")
        seen |= {type(one) for one in _inside(loaded.rules[0].when)}
    assert set(CONDITIONS) - seen == {c.Use, c.Tagged, c.Fired}


def _inside(condition):
    yield condition
    parts = getattr(condition, "of", ())
    for one in parts if isinstance(parts, tuple) else (parts,):
        yield from _inside(one)


def test_an_unknown_says_why():
    assert "contacts: unavailable in this test" in judged("{sender_in: contacts}", lists=NO_LIST).because
    assert "encrypted" in judged("{new_text: {pattern: site}}", **ENCRYPTED).because
    assert (
        "topic abstains: technical p 0.60, accepted from 0.80"
        in judged("{classified: {topic: technical}}", **DOUBT).because
    )
    assert (
        "the detector abstains"
        in judged("{new_question: likely}", **thread(ticket="1", new_question=NewQuestion.UNKNOWN)).because
    )


def test_two_authors_are_nobody_on_a_list():
    """`sender_in` needs a single From address; two are false, not unknown."""
    two = [("From", "olena@customer.example, boss@customer.example")]
    assert judged("{sender_in: contacts}", headers=two).result == "false"


def test_behind_a_cut_an_attachment_is_unknown_not_absent():
    compiled = ruleset(rule('{attachment: {name: "*.exe"}}') + rule("{size: {over: 1MB}}", id="big"))
    whole = facts(compiled, body="x")
    cut = replace(whole, message=replace(whole.message, raw=replace(whole.message.raw, body_cut=True)))
    decision = decide(cut, compiled)
    assert [line_of(decision, one).result for one in ("r", "big")] == ["unknown", "unknown"]
    raw = cut.message.raw
    told = replace(
        cut, message=replace(cut.message, raw=replace(raw, envelope=replace(raw.envelope, size_bytes=5_000_000)))
    )
    assert line_of(decide(told, compiled), "big").result == "true"


VALUES = (True, False, Unknown(("why",)))


@pytest.mark.parametrize(("one", "other"), list(product(VALUES, VALUES)))
def test_joins_are_the_table_of_the_specification(one, other):
    """The compiled joins give what logic.py gives, in either order, with causes."""
    facts_for = {True: "{always: true}", False: "{recipient: {queue: sales}}", VALUES[2]: "{sender_in: contacts}"}

    def compiled(join):
        return judged(join.format(facts_for[one], facts_for[other]), lists=NO_LIST).result

    def word(value):
        return "unknown" if isinstance(value, Unknown) else "true" if value else "false"

    assert compiled("{{all: [{}, {}]}}") == compiled("{{all: [{1}, {0}]}}") == word(all_of([one, other]))
    assert compiled("{{any: [{}, {}]}}") == compiled("{{any: [{1}, {0}]}}") == word(any_of([one, other]))
    assert compiled("{{none: [{}, {}]}}") == word(negation(any_of([one, other])))
    assert compiled("{{at_least: {{count: 2, of: [{}, {}]}}}}") == word(at_least(2, [one, other]))


def test_a_named_condition_is_judged_once_a_message():
    """Two rules use it; the list behind it is asked once, and the value is the same."""
    compiled = ruleset(
        "conditions:\n  known: {sender_in: contacts}\nrules:\n"
        + rule("{use: known}", id="one")
        + rule("{not: {use: known}}", id="two")
    )
    asked = []
    mail = facts(compiled)
    services = replace(mail.services, look_up=lambda name, key: asked.append((name, key)))
    decision = decide(replace(mail, services=services), compiled, trace=True)
    assert asked.count(("contacts", "olena@customer.example")) == 1
    assert [line_of(decision, one).result for one in ("one", "two")] == ["false", "true"]


def test_tagged_and_fired_see_earlier_stages_only():
    decision = decided(
        rule("{always: true}", "{tag: seen}", id="first", stage="route")
        + rule("{always: true}", "{tag: seen-later}", id="second", stage="enrich")
        + rule("{tagged: seen}", id="later")
        + rule("{fired: first}", id="fired")
        + rule("{sender_in: partners}", "{tag: other}", id="silent", stage="route")
        + rule("{any: [{fired: silent}, {tagged: other}]}", id="not-fired")
    )
    results = {line.rule: line.result for line in decision.trace}
    assert results == {
        "first": "true",
        "silent": "false",
        "second": "true",
        "later": "true",
        "fired": "true",
        "not-fired": "false",
    }


def test_a_named_condition_on_earlier_stages_is_judged_anew_in_each():
    decision = decided(
        "conditions:\n  paid: {classified: {topic: billing}}\nrules:\n"
        + rule("{not: {use: paid}}", "{set_topic: billing}", id="before", stage="classify")
        + rule("{use: paid}", id="after", stage="route"),
        **SURE,
    )
    assert [line_of(decision, one).result for one in ("before", "after")] == ["true", "true"]


def test_what_a_rule_says_the_topic_is_beats_the_model_from_the_next_stage_on():
    decision = decided(
        rule("{always: true}", "{set_topic: billing}", id="set", stage="classify")
        + rule("{classified: {topic: technical}}", id="same", stage="classify")
        + rule("{classified: {topic: technical}}", id="later", stage="route")
        + rule("{classified: {topic: billing}}", id="its", stage="route")
        + rule("{undecided: topic}", id="undecided", stage="route"),
        **SURE,
    )
    results = {line.rule: line.result for line in decision.trace}
    assert results == {"set": "true", "same": "true", "later": "false", "its": "true", "undecided": "false"}
    assert (decision.topic.label, decision.topic.by) == ("billing", "rule:set")


def test_thresholds_come_from_rules_yaml_or_the_model():
    """A number in rules.yaml overrides; without any nothing is known."""
    head = HEAD.replace(
        "{labels: [technical, billing, other], accept: 0.80, reject: 0.15, margin: 0.20}",
        "{labels: [technical, billing, other], reject: 0.3}",
    )
    compiled = compile_rules(load(f"{head}rules:\n{rule('{classified: {topic: technical}}')}".encode(), "desk.yaml"))
    mail = facts(compiled, **scores(technical=0.5, billing=0.3))
    tuned = replace(mail, services=replace(mail.services, thresholds={"topic": (0.45, 0.1, 0.1)}))
    assert line_of(decide(tuned, compiled, trace=True)).result == "true"
    untuned = replace(mail, services=replace(mail.services, thresholds={}))
    line = line_of(decide(untuned, compiled, trace=True))
    assert line.result == "unknown"
    assert "neither rules.yaml nor the model" in line.because


@pytest.mark.parametrize(
    ("contacts", "body", "state"),
    [
        ("104455 104999", "contract 104999", "belongs_to_sender"),
        ("104455,104999", "contract 104455, contract 999", "conflict"),
        ("104455;104999", "hello", "missing"),  # which of the two?
        ("104455", "login petro01", "named"),  # a row of numbers neither proves nor refutes a login
        ("petro01", "login petro01", "belongs_to_sender"),
        ("petro01", "login victim", "conflict"),
        ("", "contract 104455", "named"),
        ("", "hello", "belongs_to_sender"),
    ],
)
def test_the_account_of_one_who_is_on_file(contacts, body, state):
    assert (
        decided(
            rule("{always: true}"), lists={"contacts": {"olena@customer.example": contacts}}, body=body
        ).account.state
        == state
    )


@pytest.mark.parametrize(
    ("digits", "valid"), [("79927398713", True), ("79927398710", False), ("0", False), ("18", True)]
)
def test_luhn(digits, valid):
    assert luhn(digits) is valid


def test_when_the_budget_is_spent_open_tests_are_unknown_and_known_ones_stay():
    ticks = iter([0.0, *[9.9] * 100])
    decision = decided(
        rule("{text: {pattern: site}}", id="text", more="on_unknown: hold")
        + rule("{recipient: {queue: support}}", id="known")
        + rule("{all: [{recipient: {queue: sales}}, {text: {pattern: site}}]}", id="false"),
        clock=lambda: next(ticks),
        subject="site is down",
    )
    results = {line.rule: line.result for line in decision.trace}
    assert results == {"text": "unknown", "known": "true", "false": "false"}
    assert "out of time" in line_of(decision, "text").because
    assert decision.hold is not None
    assert "time" in {one.what for one in decision.degraded}


def test_every_condition_is_described_for_the_manual():
    told = reference()
    assert set(KEYS.values()) | {c.MissingItem} == set(CONDITIONS)
    assert all(len(text) > 30 and text.startswith("`") for text in told.values())


def test_thread_states_have_a_test_each():
    for state in ThreadState:
        assert judged(f"{{thread: {state}}}", **thread(state=state, ticket="1")).result == "true"
