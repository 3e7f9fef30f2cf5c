"""Deciding: stages, slots and joins, who gets the mail, what is written on it, what its writer is told."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.message import Degraded
from router.rules.compile import compile_rules
from router.rules.decide import decide, kept, out_of_scope
from router.rules.headers import parameters
from router.rules.load import load
from router.rules.schema import GivenThread
from router.vocabulary import HEADERS, AccountState, Priority, Verdict
from tests.rules.engine_desk import HEAD, decided, facts, line_of, rule, ruleset

ALWAYS = "{always: true}"
FRIDAY_EVENING = datetime.fromisoformat("2026-03-06T19:40:00+02:00")
DOWN = {"contacts": "unavailable"}


def header(decision, name):
    return [value for other, value in decision.headers_add if other == f"X-Desk-{name}"]


# --------------------------------------------------------------------------------------------------------------- slots
def test_the_first_writer_of_a_slot_keeps_it_and_later_ones_are_told_who_that_was():
    decision = decided(
        rule(ALWAYS, "{queue: sales}", id="one", stage="route")
        + rule(ALWAYS, "{queue: accounts}", id="two", stage="route")
    )
    assert decision.queue == "sales"
    assert line_of(decision, "two").then == (
        f"ignored: queue already set by one (line {line_of(decision, 'one').line})",
    )


def test_each_header_name_is_a_slot_of_its_own():
    decision = decided(
        rule(ALWAYS, "{header: {X-Desk-A: one}}, {header: {X-Desk-B: two}}", id="one")
        + rule(ALWAYS, "{header: {x-desk-a: three}}", id="two")
    )
    assert (header(decision, "A"), header(decision, "B")) == (["one"], ["two"])
    assert "already set by one" in line_of(decision, "two").then[0]


def test_a_redirect_writes_the_queue_too_and_gives_way_to_another_queue():
    assert (
        decided(rule(ALWAYS, "{redirect: {from: accounts, to: support}}", stage="route"), to="bill@desk.example").queue
        == "support"
    )
    decision = decided(
        rule(ALWAYS, "{queue: sales}", id="one", stage="route")
        + rule(ALWAYS, "{redirect: {from: accounts, to: support}}", id="two", stage="route"),
        to="bill@desk.example",
    )
    assert (decision.queue, decision.recipients.remove) == ("sales", ())
    assert "queue already set by one" in line_of(decision, "two").then[0]


def test_without_a_rule_the_queue_is_the_first_of_the_file_that_is_addressed():
    both = ["sales@desk.example", "bill@desk.example"]
    assert decided(rule(ALWAYS), to=both).queue == "accounts"
    head = HEAD.replace(
        "  timezone: Europe/Kyiv\n  header", "  timezone: Europe/Kyiv\n  default_queue: support\n  header"
    )
    compiled = compile_rules(load(f"{head}rules:\n{rule(ALWAYS)}".encode(), "desk.yaml"))
    assert decide(facts(compiled, to=both), compiled).queue == "support"


# --------------------------------------------------------------------------------------------------------------- joins
def test_joins_take_what_every_rule_wrote():
    decision = decided(
        rule(ALWAYS, "{priority: low}, {tag: [a, b]}, {note: one}, {say: details}", id="one")
        + rule(ALWAYS, "{priority: high}, {tag: b}, {note: two}, {say: moved}", id="two")
        + rule(ALWAYS, "{split: true}", id="three", stage="classify")
        + rule(ALWAYS, "{copy_to: sales}", id="four", stage="route"),
    )
    assert decision.priority is Priority.HIGH
    assert decision.tags == ("a", "b")
    assert decision.notes == ("one", "two")
    assert decision.reply.snippets == ("moved", "details"), "in the order of the file's replies"
    assert decision.split
    assert decision.recipients.add == ("sales@desk.example",)


@pytest.mark.parametrize(
    ("written", "expected"), [("low", Priority.LOW), ("urgent", Priority.URGENT), (None, Priority.NORMAL)]
)
def test_low_wins_when_nothing_else_is_written(written, expected):
    then = f"{{priority: {written}}}" if written else "{tag: a}"
    assert decided(rule(ALWAYS, then)).priority is expected


ACTIONS = st.sampled_from(
    [
        "{tag: a}",
        "{tag: b}",
        "{priority: high}",
        "{priority: low}",
        "{say: moved}",
        "{say: details}",
        "{no_reply: no}",
        "{hold: why}",
        "{copy_to: sales}",
    ]
)
CONDITIONS = st.sampled_from(
    [
        "{always: true}",
        "{subject: {pattern: site}}",
        "{sender_in: contacts}",
        "{recipient: {queue: accounts}}",
        "{text: {pattern: money}}",
        "{not: {sender_in: contacts}}",
    ]
)
RULES = st.lists(
    st.tuples(CONDITIONS, st.lists(ACTIONS, min_size=1, max_size=3, unique=True), st.booleans()), min_size=2, max_size=6
)
MAILS = st.fixed_dictionaries(
    {
        "subject": st.sampled_from(["site is down", "invoice", "hello"]),
        "to": st.sampled_from(["support@desk.example", "bill@desk.example"]),
        "lists": st.sampled_from([DOWN, {"contacts": {}}, {"contacts": {"olena@customer.example": "1"}}]),
    }
)


@settings(max_examples=80, deadline=None)
@given(RULES, MAILS, st.randoms(use_true_random=False))
def test_the_order_of_the_file_changes_nothing_outside_the_slots(rules, mail, chance):
    """Rules of one stage, shuffled: the same decision but for lists that are told in the order of the file."""

    def written(order):
        return "".join(
            rule(when, ", ".join(then), id=f"r{number}", stage="route", more="on_unknown: hold" if holds else "")
            for number, (when, then, holds) in order
        )

    numbered = list(enumerate(rules))
    one = decided(written(numbered), **mail)
    chance.shuffle(numbered)
    other = decided(written(numbered), **mail)

    def unordered(decision):
        return (
            decision.queue, decision.priority, set(decision.tags), set(decision.hold or ()), decision.recipients.remove,
            set(decision.recipients.add), decision.reply, decision.expect, decision.verdict,
            {(line.rule, line.result) for line in decision.trace},
        )  # fmt: skip

    assert unordered(one) == unordered(other)


@settings(max_examples=80, deadline=None)
@given(RULES, MAILS)
def test_the_index_leaves_out_only_rules_that_are_false(rules, mail):
    """With every rule judged the decision is the one of the index, and the index records all that are not false."""
    compiled = ruleset(
        "".join(
            rule(when, ", ".join(then), id=f"r{number}", stage="route") for number, (when, then, _) in enumerate(rules)
        )
    )
    mailed = facts(compiled, **mail)
    every, indexed = decide(mailed, compiled, trace=True), decide(mailed, compiled)
    assert replace(every, trace=()) == replace(indexed, trace=())
    assert [(line.rule, line.result) for line in every.trace if line.result != "false"] == [
        (line.rule, line.result) for line in indexed.trace
    ]


# -------------------------------------------------------------------------------------------------------- stop, shadow
def test_stop_all_ends_the_run_but_not_what_keeps_mail_back():
    """Later stages do not run; a hold and a no_reply in them still do, with nothing else of their rules."""
    decision = decided(
        rule(ALWAYS, "{stop: all}, {say: moved}", id="stop", stage="classify")
        + rule(ALWAYS, "{tag: same}", id="same", stage="classify")
        + rule(ALWAYS, "{tag: later}", id="later", stage="route")
        + rule(ALWAYS, "{hold: abusive}, {tag: held}", id="held", stage="route")
        + rule("{sender_in: contacts}", id="unknown", stage="enrich", more="on_unknown: hold"),
        lists=DOWN,
    )
    assert decision.tags == ("same",), "inside its stage no rule sees another"
    assert decision.hold is not None
    assert len(decision.hold) == 2
    assert "stopped by stop" in line_of(decision, "later").because


def test_stop_stage_keeps_later_rules_of_the_stage_from_being_carried_out():
    decision = decided(
        rule(ALWAYS, "{stop: stage}, {tag: a}", id="one")
        + rule(ALWAYS, "{tag: b}", id="two")
        + rule(ALWAYS, "{tag: c}", id="three", stage="reply")
    )
    assert decision.tags == ("a", "c")


def test_a_rule_that_was_stopped_has_not_fired():
    """Its hold is carried out all the same."""
    decision = decided(
        rule(ALWAYS, "{stop: stage}", id="one", stage="route")
        + rule(ALWAYS, "{hold: look}, {tag: b}", id="two", stage="route")
        + rule("{any: [{fired: two}, {tagged: b}]}", id="three")
        + rule("{fired: one}", id="four")
    )
    assert decision.hold == ("look",)
    assert [line_of(decision, one).result for one in ("three", "four")] == ["false", "true"]


def test_a_rule_in_shadow_is_recorded_and_does_nothing():
    decision = decided(
        rule(ALWAYS, "{tag: a}, {hold: b}", more="mode: shadow\n    since: 2026-03-01", stage="route")
        + rule(
            "{sender_in: contacts}",
            "{tag: c}",
            id="unknown",
            more="mode: shadow\n    on_unknown: hold\n    since: 2026-03-01",
        ),
        lists=DOWN,
    )
    assert (decision.tags, decision.hold) == ((), None)
    assert (line_of(decision).result, line_of(decision).mode) == ("true", "shadow")
    assert line_of(decision).then == ("would: tag a", "would: hold: b")
    assert line_of(decision, "unknown").then[0].startswith("would hold")


@pytest.mark.parametrize(
    ("more", "runs"), [("mode: off", False), ("until: 2026-03-03", False), ("until: 2026-03-04", True)]
)
def test_a_rule_that_is_off_or_past_its_day_does_not_run(more, runs):
    """The mail comes on Wednesday 2026-03-04, in the zone of the file."""
    assert decided(rule(ALWAYS, more=more)).tags == (("yes",) if runs else ())
    assert decided(rule(ALWAYS, more=more), trace=False).tags == (("yes",) if runs else ())


# --------------------------------------------------------------------------------------------------- holds, recipients
def test_an_unknown_rule_holds_only_where_it_says_so():
    when = "{not: {sender_in: contacts}}"
    assert decided(rule(when, more="on_unknown: skip"), lists=DOWN).hold is None
    held = decided(rule(when, more="on_unknown: hold"), lists=DOWN)
    assert held.hold == ("r could not be judged: contacts: unavailable in this test",)
    assert held.tags == ()


HOLD = rule(ALWAYS, "{hold: check it}, {redirect: {from: accounts, to: support}}", stage="route")


def test_held_mail_goes_to_the_queue_of_held_mail_and_keeps_its_intended_queue():
    """Every recipient of ours is replaced by that queue's, others stay; no redirect is carried out (amendment 6)."""
    decision = decided(HOLD, to=["Bill+x@desk.example", "friend@elsewhere.example", "sales@desk.example"])
    assert decision.queue == "support"
    assert decision.recipients.remove == ("Bill+x@desk.example", "sales@desk.example")
    assert decision.recipients.add == ("held@desk.example",)
    assert (decision.verdict, decision.hold) == (Verdict.ACCEPT, ("check it",))


def test_in_quarantine_nobody_gets_held_mail():
    head = HEAD.replace("  timezone: Europe/Kyiv\n  header", "  timezone: Europe/Kyiv\n  hold: quarantine\n  header")
    compiled = compile_rules(load(f"{head}rules:\n{HOLD}".encode(), "desk.yaml"))
    decision = decide(facts(compiled, to="bill@desk.example"), compiled)
    assert (decision.verdict, decision.recipients.remove, decision.recipients.add) == (Verdict.HOLD, (), ())


REDIRECT = rule(ALWAYS, "{redirect: {from: accounts, to: support}}", stage="route")


@pytest.mark.parametrize(
    ("to", "remove", "add"),
    [
        (["bill@desk.example"], ("bill@desk.example",), ("support@desk.example",)),
        (["Bill+inv@Desk.example"], ("Bill+inv@Desk.example",), ("support@desk.example",)),
        (["bill@desk.example", "help@desk.example"], ("bill@desk.example",), ()),  # an alias of support is there
        (["bill@desk.example", "x@elsewhere.example"], ("bill@desk.example",), ("support@desk.example",)),
        (["sales@desk.example"], (), ()),
    ],
)
def test_a_redirect_replaces_a_recipient_and_never_adds_one_that_is_there(to, remove, add):
    decision = decided(REDIRECT, to=to)
    assert (decision.recipients.remove, decision.recipients.add) == (remove, add)


def test_a_copy_is_added_once_and_may_go_back_to_the_queue_that_was_left():
    decision = decided(
        REDIRECT + rule(ALWAYS, "{copy_to: accounts}, {copy_to: sales}", id="copy", stage="route"),
        to="bill@desk.example",
    )
    assert decision.recipients.remove == ()
    assert decision.recipients.add == ("support@desk.example", "sales@desk.example")


# -------------------------------------------------------------------------------------------------------- what is told
def test_the_expectation_is_working_time_of_the_queue_that_answers():
    decision = decided(rule(ALWAYS, "{expect: answer}", stage="reply"), to="bill@desk.example", at_time=FRIDAY_EVENING)
    expect = decision.expect
    assert (expect.queue, expect.open) == ("accounts", False)
    assert expect.opens_at.isoformat() == "2026-03-09T09:00:00+02:00"
    assert expect.answer_by.isoformat() == "2026-03-09T17:00:00+02:00"


@pytest.mark.parametrize(
    ("rules", "mail"),
    [
        (rule(ALWAYS, "{expect: answer}", stage="reply"), {"to": "sales@desk.example"}),  # promises nothing
        (rule(ALWAYS, "{expect: answer}", stage="reply") + rule(ALWAYS, "{hold: x}", id="h"), {}),
        (rule(ALWAYS, "{say: moved}"), {}),  # says no time
        (rule(ALWAYS, "{say: wait}"), {"auth": "fail"}),  # is not said
    ],
)
def test_no_expectation_where_nothing_is_promised(rules, mail):
    assert decided(rules, **mail).expect is None


def test_a_snippet_that_names_a_time_is_a_promise():
    assert decided(rule(ALWAYS, "{say: wait}")).expect is not None


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ("Здравствуйте, подскажите пожалуйста, как зайти в панель", "ru"),
        ("Hello, please tell me how to open the panel", "en"),
        ("Дзвоню", "uk+ru"),  # undetermined Cyrillic
        ("12345", "uk+ru+en"),
    ],
)
def test_the_answer_is_in_the_language_of_the_mail_or_in_all_it_may_be(body, language):
    decision = decided(rule(ALWAYS, "{say: moved}"), body=body)
    expected = language if decision.language == "undetermined" or "+" not in language else decision.language
    assert decision.reply.language == expected


def test_no_reply_beats_every_say():
    decision = decided(rule(ALWAYS, "{say: moved}") + rule(ALWAYS, "{no_reply: robots}", id="no", stage="guard"))
    assert (decision.reply.send, decision.reply.refused) == (False, ("G14",))


def test_notes_and_fields_have_their_places_filled():
    decision = decided(
        rule(
            ALWAYS,
            '{note: "{contract} {login} {ticket} {missing} {queue} {expect_by}"}, {header: {X-Desk-C: "{contract}"}}',
        ),
        subject="site is down",
        body="contract 104455",
        thread=GivenThread(ticket="77", proven=True),
    )
    assert decision.notes == ("104455 ? 77 браузер, помилка підтримка ?",)
    assert header(decision, "C") == ["104455"]


def test_what_fills_a_place_is_never_filled_again():
    decision = decided(rule(ALWAYS, '{note: "{ticket}"}'), thread=GivenThread(ticket="{contract}", proven=True))
    assert decision.notes == ("{contract}",)


# ------------------------------------------------------------------------------------------------------- header fields
def test_every_header_field_has_its_one_form():
    decision = decided(
        rule("{text: {pattern: site}}", "{tag: [a, b]}, {note: look}, {priority: high}")
        + rule(ALWAYS, "{redirect: {from: accounts, to: support}}, {say: wait}", id="move", stage="route")
        + rule(ALWAYS, "{split: true}", id="split", stage="classify"),
        to="bill@desk.example",
        subject="site is down",
        body="contract 104455, please help",
        thread=GivenThread(ticket="12345", proven=True),
        scores={"topic": {"technical": 0.93, "billing": 0.03}, "abuse": {"abusive": 0.97}},
    )
    told = {name.removeprefix("X-Desk-"): value for name, value in decision.headers_add}
    assert told.pop("Decision") == f"{decision.id}; rules={decision.rules[:16]}"
    assert told == {
        "Queue": "support",
        "Topic": "technical; p=0.93; by=model",
        "Abuse": "abusive; p=0.97; by=model",
        "Thread": "follow_up; ticket=12345",
        "New-Question": "likely; ticket=12345",
        "Priority": "high",
        "Tags": "a, b",
        "Missing": "site_access.browser, site_access.error",
        "Account": "belongs_to_sender; contract=104455",
        "Identity": "pass; contact=known",
        "Language": "en",
        "Expect": "2026-03-04T15:00:00+02:00; queue=support",
        "Note": "look",
        "Original-Recipient": "bill@desk.example",
        "Reply": "v1; lang=en; snippets=wait",
    }
    assert set(told) <= set(HEADERS)


def test_what_a_value_holds_never_looks_like_the_next_pair():
    assert parameters("a;b", ("key", "c; other=d")) == "a,b; key=c, other=d"
    assert header(decided(rule(ALWAYS, '{hold: "one; two=2"}', stage="route")), "Hold") == ["one, two=2"]


def test_a_field_is_one_line_of_at_most_200_characters():
    text = "дуже довга примітка " * 30
    decision = decided(
        rule(ALWAYS, f'{{note: "{text}"}}, {{note: "{{ticket}}"}}'), thread=GivenThread(ticket="a\tb\u2028c")
    )
    long, short = header(decision, "Note")
    assert len(long) <= 200
    assert long.endswith("...")
    assert short == "a b c"
    assert all(value.isprintable() for _, value in decision.headers_add)


def test_what_could_not_be_known_is_named():
    decision = decided(rule("{sender_in: contacts}"), lists=DOWN, auth="unknown", thread="unavailable")
    assert {one.what for one in decision.degraded} == {"contacts", "auth", "thread", "model"}
    assert Degraded("contacts", "unavailable in this test") in decision.degraded
    assert decision.account.state is AccountState.UNKNOWN
    (field,) = header(decision, "Degraded")
    assert "contacts; unavailable in this test" in field


def test_forged_fields_of_our_prefix_are_named_once_each():
    decision = decided(rule(ALWAYS), headers=[("X-Desk-Queue", "root"), ("x-desk-queue", "root"), ("X-Desk-Loop", "1")])
    assert {name.lower() for name in decision.headers_remove} == {"x-desk-queue", "x-desk-loop"}
    assert len(decision.headers_remove) == 2


# ---------------------------------------------------------------------------------------------- without a decision
def test_mail_for_none_of_our_queues_passes_untouched():
    compiled = ruleset(rule(ALWAYS, "{hold: x}", stage="route"))
    raw = facts(compiled, to="friend@elsewhere.example", headers=[("X-Desk-Queue", "root")]).message.raw
    decision = out_of_scope(raw, compiled)
    assert (decision.queue, decision.headers_add, decision.hold, decision.trace) == (None, (), None, ())
    assert decision.headers_remove == ("X-Desk-Queue",)
    assert decision.verdict is Verdict.ACCEPT


def test_mail_that_could_not_be_decided_is_kept_where_it_was_addressed():
    compiled = ruleset(rule(ALWAYS))
    decision = kept(facts(compiled, to="bill@desk.example").message.raw, compiled, "worker", "killed at the deadline")
    assert (decision.queue, decision.recipients.remove, decision.recipients.add) == ("accounts", (), ())
    assert header(decision, "Degraded") == ["worker; killed at the deadline"]
    assert header(decision, "Queue") == ["accounts"]
    assert decision.reply is None


def test_the_same_mail_has_the_same_id_and_another_has_another():
    compiled = ruleset(rule(ALWAYS))
    one, again, other = (
        decide(facts(compiled, to=to), compiled).id
        for to in ("bill@desk.example", "bill@desk.example", "sales@desk.example")
    )
    assert one == again != other


def test_without_trace_nothing_of_the_mail_is_in_the_reasons():
    """What is decided live may be kept in a journal: rule ids and conditions, no words of the mail, no addresses."""
    decision = decided(
        rule("{all: [{text: {pattern: site}}, {sender_in: contacts}]}"), trace=False, body="the site is down"
    )
    assert line_of(decision).because == "all(text site, sender_in contacts)"
    traced = decided(rule("{all: [{text: {pattern: site}}, {sender_in: contacts}]}"), body="the site is down")
    assert '"site is down" (new_text)' in line_of(traced).because
