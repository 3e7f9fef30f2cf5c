"""Never a bit that was not offered, never a version above the MTA's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.milter import negotiation
from router.milter.negotiation import Action, Protocol, agreed
from router.milter.packets import FramingError

BITS = st.integers(0, 0xFFFFFFFF)


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 20), BITS, BITS)
def test_only_what_was_offered(version, actions, protocol):
    offer = agreed(version, actions, protocol)
    assert offer.actions & ~actions == 0
    assert offer.protocol & ~protocol == 0
    assert 2 <= offer.version <= min(version, 6)
    told = negotiation.answer(offer)
    assert (len(told) > 17) == bool(actions & Action.SETSYMLIST)


@settings(max_examples=100, deadline=None)
@given(BITS, BITS)
def test_every_event_that_we_need_is_sent(actions, protocol):
    """We ask to be spared SMTP's unknown commands and nothing else."""
    offer = agreed(6, actions, protocol)
    never = (
        Protocol.NOCONNECT | Protocol.NOHELO | Protocol.NOMAIL | Protocol.NORCPT
        | Protocol.NOBODY | Protocol.NOHDRS | Protocol.NOEOH | Protocol.NODATA | Protocol.NR_DATA
    )  # fmt: skip
    assert offer.protocol & never == 0


def test_a_body_is_answered_exactly_when_it_can_be_skipped():
    assert not agreed(6, 0, Protocol.ALL).protocol & Protocol.NR_BODY
    assert agreed(6, 0, Protocol.ALL & ~Protocol.SKIP).protocol & Protocol.NR_BODY


def test_what_an_mta_cannot_do_has_a_name():
    assert agreed(6, Action.ALL, 0).lacking == ()
    assert agreed(6, Action.ADDHDRS | Action.CHGHDRS | Action.QUARANTINE, 0).lacking == (
        "ADDRCPT",
        "DELRCPT",
        "ADDRCPT_PAR",
    )


def test_data_is_answered_except_on_a_unix_socket():
    assert not agreed(6, 0, Protocol.ALL).protocol & Protocol.NR_DATA
    assert agreed(6, 0, Protocol.ALL, local=True).protocol & Protocol.NR_DATA
    assert not agreed(6, 0, 0, local=True).protocol


def test_macro_lists_keep_what_the_defaults_give_and_we_need():
    lists = dict(negotiation.WANTED_MACROS)
    assert {b"j", b"v", b"_", b"{client_addr}", b"{client_name}", b"{daemon_name}"} <= set(lists[0].split())
    assert {b"i", b"{auth_authen}"} <= set(lists[2].split())
    assert all(b"i" in lists[stage].split() for stage in (3, 4, 5, 6))
    assert all(len(names.split()) <= 50 for names in lists.values())  # Sendmail takes no more
    assert all(names for names in lists.values())  # to Postfix an empty list means its defaults


@pytest.mark.parametrize("version", [0, 1])
def test_version_1_is_refused(version):
    with pytest.raises(FramingError, match="2 is the oldest"):
        agreed(version, Action.ALL, Protocol.ALL)
