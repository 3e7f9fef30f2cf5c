"""From a decision to packets, and what an MTA makes of them."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.envelope import address_of, folded
from router.milter.applied import Delivery, edit, read
from router.milter.edits import degraded, plan, stripped
from router.milter.negotiation import Action, Offer, Protocol, agreed
from router.milter.packets import PacketReader
from router.milter.responses import ACCEPT, TEMPFAIL, check_answer
from router.vocabulary import Verdict

from .making import POSTFIX, PREFIX, decision, letters, raw

BILL, SUPPORT, OTHER = b"<bill@desk.example>", b"<support@desk.example>", b"<anna@other.example>"
REDIRECT = {"remove": ["bill@desk.example"], "add": ["support@desk.example"]}


def without(*actions):
    return agreed(6, Action.ALL & ~sum(actions), Protocol.ALL)


def applied(packets, recipients=(BILL,), message=b"Subject: x\r\n\r\nhello\r\n", *, shift=True, offer=POSTFIX):
    """The message as an MTA has it after these packets."""
    fields, body = read(message)
    delivery = Delivery(b"<>", list(recipients), fields, body, offer.leading_space, shift)
    *edits, final = PacketReader(1 << 24).receive(packets)
    for one in edits:
        delivery.apply(edit(*one, offer.actions))
    assert final in ((ord("a"), b""), (ord("t"), b""))
    return delivery


# ---------------------------------------------------------------------- header fields


@pytest.mark.parametrize("shift", [True, False], ids=["Postfix", "Sendmail"])
def test_eight_forged_fields_in_mixed_case_are_all_deleted(shift):
    """Whether the MTA renumbers after a deletion or not."""
    names = [b"X-Desk-Queue", b"x-desk-queue", b"X-DESK-QUEUE", b"X-Desk-Tags", b"x-dEsk-tAgs"]
    names += [b"X-Desk-Queue", b"X-Desk-queue", b"X-DESK-unheard-of"]
    message = b"".join(b"%s: forged\r\nX-Deskless: %d\r\n" % (name, at) for at, name in enumerate(names)) + b"\r\nx\r\n"
    strip = {b"x-desk-queue": 5, b"x-desk-tags": 2, b"x-desk-unheard-of": 1}
    made = plan(decision(headers_add=(("X-Desk-Queue", "support"),)), raw(strip=strip), POSTFIX, PREFIX)
    left = applied(made.packets, message=message, shift=shift).message()
    kept = b"".join(b"X-Deskless: %d\r\n" % at for at in range(8))
    added = b"X-Desk-Queue: support\r\n"
    assert left == (kept + added if shift else added + kept) + b"\r\nx\r\n"


def test_fields_are_added_below_the_others_and_read_as_given():
    made = plan(
        decision(headers_add=(("X-Desk-Note", "Рахунок №5 чекає"), ("X-Desk-Note", "second"))), raw(), POSTFIX, PREFIX
    )
    assert applied(made.packets).message() == (
        b"Subject: x\r\nX-Desk-Note: =?utf-8?b?0KDQsNGF0YPQvdC+0Log4oSWNSDRh9C10LrQsNGU?=\r\n"
        b"X-Desk-Note: second\r\n\r\nhello\r\n"
    )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=3_000))
def test_no_value_can_begin_another_field_or_cost_the_decision(value):
    """A note may quote the mail: whatever is in it, exactly one field more is there."""
    made = plan(decision(headers_add=(("X-Desk-Note", value),)), raw(), POSTFIX, PREFIX)
    fields, body = read(applied(made.packets).message())
    assert [one.name for one in fields] == [b"Subject", b"X-Desk-Note"]
    assert body == b"hello\r\n"


def test_the_space_after_the_colon_is_written_by_exactly_one_side():
    for protocol in (Protocol.ALL, Protocol.ALL & ~Protocol.HDR_LEADSPC):
        offer = agreed(6, Action.ALL, protocol)
        made = plan(decision(headers_add=(("X-Desk-A", "v"),)), raw(), offer, PREFIX)
        assert b"\r\nX-Desk-A: v\r\n" in applied(made.packets, offer=offer).message()


# ---------------------------------------------------------------------- recipients


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        ([BILL], [SUPPORT]),
        ([BILL, OTHER], [OTHER, SUPPORT]),
        ([BILL, SUPPORT], [SUPPORT]),
        ([SUPPORT, BILL], [SUPPORT]),
        ([BILL, b"<Support@Desk.example>"], [b"<Support@Desk.example>"]),
        ([BILL, b"<support+12@desk.example>"], [b"<support+12@desk.example>"]),
        ([BILL, BILL, OTHER], [OTHER, SUPPORT]),
        ([b"bill@desk.example"], [SUPPORT]),
        ([b"<@relay.example:bill@desk.example>"], [SUPPORT]),
    ],
)
def test_a_redirect_replaces_one_recipient_and_no_other(recipients, expected):
    """Nobody gets the mail twice, whatever the spelling of a recipient that is there already."""
    made = plan(decision(**REDIRECT), raw(recipients), POSTFIX, PREFIX)
    assert applied(made.packets, recipients).recipients == expected
    assert made.not_offered == ()


def test_the_spelling_of_rcpt_is_repeated():
    """`{rcpt_addr}` is lower-cased; Postfix compares byte for byte."""
    recipients = [b"<BILL@Desk.Example>", b"<bill@desk.example>"]
    made = plan(decision(["BILL@Desk.Example"], ["support@desk.example"]), raw(recipients), POSTFIX, PREFIX)
    assert applied(made.packets, recipients).recipients == [b"<bill@desk.example>", SUPPORT]


def test_what_is_to_be_removed_but_was_never_addressed_is_not_removed():
    made = plan(decision(["else@desk.example"], ["support@desk.example"]), raw(), POSTFIX, PREFIX)
    assert letters(made.packets) == "+a"


def test_the_last_recipient_is_never_removed():
    """Postfix says 250 to a mail without recipients and loses it."""
    made = plan(decision(["bill@desk.example"]), raw([BILL, BILL]), POSTFIX, PREFIX)
    assert made.packets == ACCEPT
    made = plan(decision(["bill@desk.example"]), raw([BILL, OTHER]), POSTFIX, PREFIX)
    assert applied(made.packets, [BILL, OTHER]).recipients == [OTHER]


def test_adding_goes_before_removing():
    made = plan(decision(**REDIRECT, headers_add=(("X-Desk-A", "v"),)), raw(strip={b"x-desk-a": 2}), POSTFIX, PREFIX)
    assert letters(made.packets) == "mmh+-a"


@pytest.mark.parametrize("missing", [Action.ADDRCPT, Action.DELRCPT])
def test_a_redirect_is_done_whole_or_not_at_all(missing):
    """What the MTA cannot do is named, for the log and for the desk."""
    offer = without(missing)
    name = "addrcpt" if missing == Action.ADDRCPT else "delrcpt"
    made = plan(decision(**REDIRECT), raw(), offer, PREFIX)
    left = applied(made.packets, offer=offer)
    assert (left.recipients, made.not_offered) == ([BILL], (name,))
    assert b"X-Desk-Degraded: redirect; %s not offered by the MTA\r\n" % name.encode() in left.message()


def test_one_field_says_all_that_is_degraded():
    made = plan(
        decision(**REDIRECT, headers_add=(("X-Desk-Degraded", "model; none"),)), raw(), without(Action.DELRCPT), PREFIX
    )
    assert (
        b"X-Desk-Degraded: model; none, redirect; delrcpt not offered by the MTA\r\n" in applied(made.packets).message()
    )


ADDRESSES = st.sampled_from(["bill", "Bill", "support", "SUPPORT", "support+x", "anna", "sales"]).map(
    lambda local: f"{local}@desk.example"
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(ADDRESSES, min_size=1, max_size=5), st.sets(ADDRESSES, max_size=4), st.lists(ADDRESSES, max_size=3),
    st.integers(0, Action.ALL),
)  # fmt: skip
def test_every_redirect_keeps_somebody_and_doubles_nobody(envelope, remove, add, actions):
    recipients = [b"<" + one.encode() + b">" for one in envelope]
    offer = agreed(6, actions, Protocol.ALL)
    made = plan(decision(remove, add), raw(recipients), offer, PREFIX)
    left = applied(made.packets, recipients, offer=offer).recipients
    check_answer(made.packets, offer)
    assert left
    before, after = ([folded(address_of(one)) for one in group] for group in (recipients, left))
    for address in set(after):
        assert after.count(address) <= max(1, before.count(address))
    removed = {one for one in recipients if address_of(one) in remove}
    if not made.not_offered and (set(recipients) - removed or set(map(folded, add)) - set(before)):
        assert set(left) & set(recipients) == set(recipients) - removed
    elif made.not_offered:
        assert left == recipients


# ---------------------------------------------------------------------- verdicts, scope, what was not offered


def test_a_held_mail_is_quarantined_and_accepted():
    made = plan(decision(verdict=Verdict.HOLD, hold=("abusive", "зміна даних")), raw(), POSTFIX, PREFIX)
    left = applied(made.packets)
    assert (left.quarantined, left.reason) == (True, b"abusive; ????? ?????")
    assert letters(made.packets) == "qa"


def test_without_quarantine_a_held_mail_is_accepted_with_its_headers():
    made = plan(decision(verdict=Verdict.HOLD, hold=("abusive",)), raw(), without(Action.QUARANTINE), PREFIX)
    assert (made.packets, made.not_offered) == (ACCEPT, ("quarantine",))


def test_tempfail_needs_no_edits():
    made = plan(decision(**REDIRECT, verdict=Verdict.TEMPFAIL), raw(strip={b"x-desk-a": 1}), POSTFIX, PREFIX)
    assert made.packets == TEMPFAIL


def test_mail_that_is_not_ours_is_only_stripped():
    """A decision without a queue adds nothing; forged fields go all the same."""
    mail = raw([OTHER], strip={b"x-desk-a": 2})
    assert plan(decision(), mail, POSTFIX, PREFIX).packets == stripped(mail, POSTFIX)
    assert letters(stripped(mail, POSTFIX)) == "mma"


def test_an_intent_needs_its_own_arguments():
    made = plan(decision(), raw(), POSTFIX, PREFIX, intent="v1.x@ack.desk.example")
    assert applied(made.packets).recipients == [BILL, b"<v1.x@ack.desk.example>"]
    assert b"NOTIFY=NEVER" in made.packets
    made = plan(decision(), raw(), without(Action.ADDRCPT_PAR), PREFIX, intent="v1.x@ack.desk.example")
    assert (made.packets, made.not_offered) == (ACCEPT, ("addrcpt_par",))


def test_nobody_is_told_of_a_redirect_that_did_not_happen():
    made = plan(decision(**REDIRECT), raw(), without(Action.DELRCPT), PREFIX, intent="v1.x@ack.desk.example")
    assert b"v1.x@ack" not in made.packets


ALL_ACTIONS = [Action.ADDHDRS, Action.ADDRCPT, Action.DELRCPT, Action.CHGHDRS, Action.QUARANTINE, Action.ADDRCPT_PAR]


@pytest.mark.parametrize("size", range(len(ALL_ACTIONS) + 1))
def test_whatever_is_offered_nothing_else_is_asked_for(size):
    """Every subset of the actions: the answer is one this MTA can take, and names what it left out."""
    wanted = {"addheader", "chgheader", "quarantine"}
    for offered in combinations(ALL_ACTIONS, size):
        offer = Offer(6, sum(offered), 0)
        full = decision(**REDIRECT, headers_add=(("X-Desk-A", "v"),), verdict=Verdict.HOLD, hold=("why",))
        made = plan(full, raw(strip={b"x-desk-a": 1}), offer, PREFIX, intent="v1.x@ack.desk.example")
        check_answer(made.packets, offer)
        if not offered:
            assert set(made.not_offered) == wanted | {"addrcpt", "delrcpt"}
        assert bool(made.not_offered) == (len(offered) < len(ALL_ACTIONS))


# ---------------------------------------------------------------------- degraded


def test_a_degraded_answer_strips_says_why_and_accepts():
    packets = degraded(raw(strip={b"x-desk-queue": 2}), POSTFIX, PREFIX, "deadline", "not decided within 3 s")
    message = b"X-Desk-Queue: a\r\nX-DESK-queue: b\r\nSubject: x\r\n\r\nhello\r\n"
    left = applied(packets, message=message)
    assert left.recipients == [BILL]
    assert left.message() == b"Subject: x\r\nX-Desk-Degraded: deadline; not decided within 3 s\r\n\r\nhello\r\n"


@settings(max_examples=300, deadline=None)
@given(
    st.text(), st.text(), st.text(), st.dictionaries(st.binary(max_size=20), st.integers(0, 50), max_size=5),
    st.integers(0, Action.ALL), st.integers(0, Protocol.ALL),
)  # fmt: skip
def test_a_degraded_answer_never_fails(prefix, what, why, strip, actions, protocol):
    offer = Offer(6, actions, protocol)
    strip = {name.replace(b"\0", b""): count for name, count in strip.items()}
    packets = degraded(raw(strip=strip), offer, prefix, what, why)
    check_answer(packets, offer)


def test_a_name_of_a_hundred_kilobytes_is_deleted_too():
    """Postfix passes field names of that size, and reads them back."""
    name = b"x-desk-" + b"a" * 100_000
    packets = degraded(raw(strip={name: 1}), POSTFIX, PREFIX, "deadline", "late")
    check_answer(packets, POSTFIX)
    assert applied(packets, message=name + b": 1\r\n\r\n").message().startswith(b"X-Desk-Degraded:")
