"""Fields for a helpdesk: what each adapter says of a decision, and what nobody outside may say in its place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.rules.decide import decide, out_of_scope
from router.rules.helpdesks import PREFIXES
from router.rules.schema import GivenThread
from router.vocabulary import ThreadState
from tests.rules.engine_desk import HEAD, facts, rule, ruleset

ALL = HEAD.replace("\nsettings:\n", "\nsettings:\n  adapters: [otrs, zammad, rt]\n").replace(
    "    first_answer: 4h\n", "    first_answer: 4h\n    helpdesk: Hotline::First level\n"
)
ALWAYS = "{always: true}"
MOVES = rule(ALWAYS, "{redirect: {from: accounts, to: support}}", id="m", stage="route") + rule(
    ALWAYS, "{tag: [moved, late]}, {priority: urgent}"
)
TO_BILL = {"to": "bill@desk.example", "subject": "site", "body": "the site is down, contract 104455"}


def told(rules: str, adapter: str, head: str = ALL, **mail: object) -> list[str]:
    """The fields of one adapter, as lines."""
    compiled = ruleset(rules, head)
    added = decide(facts(compiled, **{**TO_BILL, **mail}), compiled).headers_add
    return [f"{name}: {value}" for name, value in added if name.startswith(PREFIXES[adapter])]


def test_otrs_is_told_queue_priority_state_and_dynamic_fields():
    assert told(MOVES, "otrs") == [
        "X-OTRS-Queue: Hotline::First level",
        "X-OTRS-Priority: 5 very high",
        "X-OTRS-State: new",
        "X-OTRS-FollowUp-Priority: 5 very high",
        "X-OTRS-DynamicField-MailrouterThread: new",
        "X-OTRS-DynamicField-MailrouterTags: moved, late",
        "X-OTRS-DynamicField-MailrouterLanguage: en",
        "X-OTRS-DynamicField-MailrouterContract: 104455",
    ]


def test_zammad_is_told_group_and_priority_of_new_tickets_and_of_follow_ups():
    assert told(MOVES, "zammad") == [
        "X-Zammad-Ticket-Group: Hotline::First level",
        "X-Zammad-Ticket-Priority: 3 high",
        "X-Zammad-Ticket-Tags: moved,late",
        "X-Zammad-Ticket-FollowUp-Tags: moved,late",
        "X-Zammad-Ticket-FollowUp-Priority: 3 high",
    ]


def test_rt_is_told_by_commands():
    assert told(MOVES, "rt") == ["X-RT-Command: Queue: Hotline::First level", "X-RT-Command: Priority: 100"]


def test_a_queue_without_another_name_is_called_by_its_own():
    assert told(rule(ALWAYS), "zammad")[0] == "X-Zammad-Ticket-Group: accounts"


def test_a_held_mail_is_filed_where_it_is_and_not_where_it_would_have_gone():
    lines = told(rule(ALWAYS, "{hold: look}", id="h", stage="guard") + MOVES, "otrs")
    assert lines[0] == "X-OTRS-Queue: moderation" and "X-OTRS-Loop: yes" in lines
    quarantined = told(
        rule(ALWAYS, "{hold: look}"), "otrs", ALL.replace("  adapters", "  hold: quarantine\n  adapters")
    )
    assert quarantined[0] == "X-OTRS-Queue: accounts"


def test_a_follow_up_never_lowers_what_an_agent_has_set():
    low = rule(ALWAYS, "{priority: low}")
    assert not [line for line in told(low, "otrs") + told(low, "zammad") if "FollowUp-Priority" in line]


@pytest.mark.parametrize("state", [one for one in ThreadState if one is not ThreadState.NEW])
def test_rt_gets_no_command_that_would_run_in_a_ticket(state):
    """The writer may not change a ticket, and RT would tell him that."""
    given = GivenThread(state=state, ticket="12345")
    mail = {"subject": "Re: [desk #12345] site", "thread": given}
    assert told(MOVES, "rt", **mail) == []


def test_automatic_mail_neither_opens_a_ticket_again_nor_is_answered():
    mail = {"headers": [("Auto-Submitted", "auto-replied")], "thread": GivenThread(state=ThreadState.AUTOMATIC)}
    assert {"X-OTRS-FollowUp-State-Keep: 1", "X-OTRS-Loop: yes"} <= set(told(rule(ALWAYS), "otrs", **mail))
    assert {
        "X-Zammad-Is-Auto-Response: true",
        "X-Zammad-Out-Of-Office: true",
        "X-Zammad-Send-Auto-Response: false",
    } <= set(told(rule(ALWAYS), "zammad", **mail))


def test_who_gets_our_acknowledgement_gets_none_of_the_helpdesk():
    says = rule(ALWAYS, "{say: moved}", stage="reply")
    assert "X-Zammad-Send-Auto-Response: false" in told(says, "zammad")
    assert "X-Zammad-Send-Auto-Response: false" not in told(rule(ALWAYS), "zammad")


def test_only_the_helpdesks_that_are_switched_on_are_told_anything():
    assert [told(MOVES, one, HEAD) for one in PREFIXES] == [[], [], []]
    one = ALL.replace("[otrs, zammad, rt]", "zammad")
    assert [bool(told(MOVES, name, one)) for name in PREFIXES] == [False, True, False]


def test_the_manual_names_every_field():
    """docs/helpdesks.md has each field that some mail leads to, and no other."""
    automatic = {"headers": [("Auto-Submitted", "auto-replied")], "thread": GivenThread(state=ThreadState.AUTOMATIC)}
    moved = MOVES + rule(ALWAYS, "{set_topic: technical}", id="t", stage="classify")
    lines = [line for one in PREFIXES for mail in ({}, automatic) for line in told(moved, one, **mail)]
    manual = (Path(__file__).parents[2] / "docs" / "helpdesks.md").read_text(encoding="utf-8")
    tables = [line.split("|")[1] for line in manual.splitlines() if line.startswith("| `X-")]
    assert {line.partition(":")[0] for line in lines} == {name for row in tables for name in row.split("`")[1::2]}


FORGED = b"""\
From: a@b.example
x-otrs-queue: Junk
X-Zammad-Ignore: true
X-RT-Command: Queue: other
X-RT-Loop-Prevention: desk.example
X-OTRS-Loop: yes
X-Desk-Queue: sales

Hello
"""


def test_what_is_forged_goes_and_marks_against_loops_stay():
    """Also for a mail that is not ours: it may be the helpdesk's own."""
    at = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
    compiled = ruleset(rule(ALWAYS), ALL)
    raw = raw_message(FORGED, Envelope(b"<a@b.example>", (b"<x@y.example>",)), at, strip_prefix=compiled.site.stripped)
    forged = {"x-otrs-queue", "x-zammad-ignore", "x-rt-command", "x-desk-queue"}
    assert {name.decode() for name in raw.strip_counts} == forged
    assert {name.lower() for name in out_of_scope(raw, compiled).headers_remove} == forged
