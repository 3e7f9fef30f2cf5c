"""Gates: a row each of rules-language.md 4.1 that facts can judge; what is not judged here is said."""

import pytest

from router.rules import gates
from router.rules.decide import decide
from router.rules.explain import explain
from router.rules.schema import GivenThread
from router.signals import refusals
from tests.rules.engine_desk import decided, facts, rule, ruleset

SAY = rule("{always: true}", "{say: moved}")


def refused(rules=SAY, **of):
    return decided(rules, **of).reply.refused


def test_an_ordinary_mail_of_a_proven_writer_is_answered():
    decision = decided(SAY)
    assert (decision.reply.send, decision.reply.to, decision.reply.refused) == (True, "olena@customer.example", ())


ROWS = {
    "G1": {"sender": "", "headers": [("From", "olena@customer.example")]},
    "G2": {"headers": [("Auto-Submitted", "auto-replied (vacation)")]},
    "G3": {"headers": [("List-Post", "<mailto:l@x.example>")]},
    "G4": {"headers": [("Precedence", "BULK")]},
    "G5": {"headers": [("X-Auto-Response-Suppress", "DR, OOF")]},
    "G6": {"sender": "no-reply@customer.example"},
    "G7": {"auth": "none"},
    "G8": {"headers": [("To", "other@elsewhere.example")]},
    "G9": {"headers": [("X-Failed-Recipients", "x@y.example")]},
    "G10": {"headers": [("X-Desk-Loop", "1")]},
    "G13": {"headers": [("X-Spam-Flag", "YES")]},
    "G16": {"thread": GivenThread(ticket="1", proven=True, acknowledgement=True)},
    "G18": {"headers": [("X-Loop", "x")]},
    "G19": {"subject": "Re: Re: Re: again"},
}


@pytest.mark.parametrize("gate", ROWS)
def test_each_gate_refuses_its_mail(gate):
    decision = decided(SAY, **ROWS[gate])
    assert gate in decision.reply.refused
    assert decision.reply.send is False


@pytest.mark.parametrize("author", ["no-reply@x.example", "SRS0=ab=cd=x.example=listserv@y.example"])
def test_an_author_whose_mailbox_nobody_reads_is_not_answered_whoever_sends(author):
    assert "G6" in refused(headers=[("From", author)])


@pytest.mark.parametrize(
    "rules",
    [
        SAY + rule("{always: true}", "{hold: look}", id="h", stage="route"),
        SAY + rule("{always: true}", "{no_reply: no}", id="n", stage="guard"),
        SAY + rule("{always: true}", "{queue: moderation}", id="q", stage="route"),  # auto_reply: never
    ],
)
def test_the_desk_itself_can_refuse(rules):
    assert refused(rules) == ("G14",)


def test_the_sender_of_the_envelope_must_be_the_author():
    assert "G7" in refused(headers=[("From", "boss@customer.example")])
    assert "G7" in refused(auth="unknown")


def test_a_reply_whose_thread_nobody_can_tell_may_answer_us():
    assert "G16" in refused(thread="unavailable", headers=[("In-Reply-To", "<x@y.example>")])
    assert "G16" not in refused(thread="unavailable")


def test_what_the_site_requires_must_be_true_not_merely_possible():
    rules = SAY
    compiled = ruleset(rules)
    assert gates.REQUIRE in decide(facts(compiled, auth="unknown"), compiled).reply.refused
    assert gates.REQUIRE in decide(facts(compiled, auth="fail"), compiled).reply.refused


def test_all_gates_of_the_table_are_judged_here_or_said_not_to_be():
    judged = set(gates.WHEN) - {gates.REQUIRE, gates.OFF}
    assert judged | set(gates.NOT_JUDGED) == {f"G{number}" for number in range(1, 20)}
    assert {row.gate for row in refusals.ROWS} <= judged
    assert set(ROWS) | {"G14"} == judged


def test_explain_says_which_gates_are_left_to_the_service():
    compiled = ruleset(SAY)
    told = explain(decide(facts(compiled), compiled, trace=True), compiled)
    assert "G11, G12, G15 and G17 are not judged here" in told
    told = explain(decide(facts(compiled, auth="fail"), compiled, trace=True), compiled)
    assert "G7: the author is not proven" in told
