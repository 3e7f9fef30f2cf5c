"""Tokens: only the filter's own, for just this mail, not long ago."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.acknowledge import own_id, token
from router.acknowledge.keys import BadKey, Keys, read_keys
from router.acknowledge.token import Asked
from tests.acknowledge.desk import FRIDAY, KEYS, WISH

ASKED = Asked(b"<olena@customer.example>", "<m1@customer.example>", WISH.field_body())
MADE = token.make(KEYS, ASKED, FRIDAY)


def test_a_token_fits_a_local_part_and_survives_folding_of_letters():
    assert len(MADE) <= 64
    assert MADE.lower() == MADE
    assert token.refusal(KEYS, MADE.upper(), ASKED, FRIDAY) == ""


def test_a_fresh_token_is_good_for_twelve_hours_and_no_second_longer():
    assert token.refusal(KEYS, MADE, ASKED, FRIDAY) == ""
    assert token.refusal(KEYS, MADE, ASKED, FRIDAY + timedelta(hours=11, minutes=59, seconds=59)) == ""
    assert token.refusal(KEYS, MADE, ASKED, FRIDAY + timedelta(hours=12)) == "expired"


def test_a_token_from_a_clock_that_ran_ahead_is_refused():
    assert token.refusal(KEYS, MADE, ASKED, FRIDAY - timedelta(hours=1)) == "from the future"


def test_no_two_tokens_are_alike():
    assert token.make(KEYS, ASKED, FRIDAY) != MADE


def test_a_flip_of_any_bit_of_any_character_is_refused():
    for place, letter in enumerate(MADE):
        for bit in range(8):
            other = chr(ord(letter) ^ (1 << bit))
            flipped = MADE[:place] + other + MADE[place + 1 :]
            if flipped.lower() != MADE:
                assert token.refusal(KEYS, flipped, ASKED, FRIDAY), flipped


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, sender=b"<petro@customer.example>"),
        replace(ASKED, sender=b"<olena+x@customer.example>"),
        replace(ASKED, message_id="<m2@customer.example>"),
        replace(ASKED, message_id=""),
        replace(ASKED, reply=ASKED.reply.replace("support", "accounts")),
        replace(ASKED, reply=ASKED.reply.replace("auth=pass", "auth=fail")),
        replace(ASKED, reply=""),
    ],
)
def test_a_token_of_another_mail_is_refused(other):
    assert token.refusal(KEYS, MADE, other, FRIDAY).startswith("forged")


def test_spellings_that_an_mta_may_change_do_not_matter():
    respelled = replace(ASKED, sender=b"<Olena@Customer.Example>", reply=ASKED.reply.replace("; ", ";  "))
    assert token.refusal(KEYS, MADE, respelled, FRIDAY) == ""


def test_another_site_s_key_makes_no_token_of_ours():
    assert token.refusal(Keys.of(b"another secret of sufficient size"), MADE, ASKED, FRIDAY).startswith("forged")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_local_part_is_refused_without_an_error(local):
    assert token.refusal(KEYS, local, ASKED, FRIDAY)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*MADE.split("."), "v1", "", "0", "zz", "ff" * 20]), max_size=6).map(".".join))
def test_pieces_of_a_token_put_together_anew_are_refused(local):
    if local != MADE:
        assert token.refusal(KEYS, local, ASKED, FRIDAY)


def test_our_message_ids_prove_themselves_and_nothing_else_does():
    made = own_id.make(KEYS, b"some key", "desk.example")
    assert own_id.is_ours(KEYS, made)
    assert own_id.make(KEYS, b"some key", "desk.example") == made
    assert not own_id.is_ours(KEYS, own_id.make(Keys.of(b"x" * 32), b"some key", "desk.example"))
    assert not own_id.is_ours(KEYS, "<ack.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@desk.example>")
    for place in range(5, 37):
        other = "a" if made[place] != "a" else "b"
        assert not own_id.is_ours(KEYS, made[:place] + other + made[place + 1 :])


def test_a_key_file_must_be_there_be_long_enough_and_be_closed_to_others(tmp_path):
    path = tmp_path / "key"
    with pytest.raises(BadKey, match="openssl rand"):
        read_keys(path)
    path.write_bytes(b"short\n")
    path.chmod(0o600)
    with pytest.raises(BadKey, match="needs 16"):
        read_keys(path)
    path.write_bytes(b"f" * 64 + b"\n")
    assert read_keys(path) == Keys.of(b"f" * 64)
    path.chmod(0o644)
    with pytest.raises(BadKey, match="chmod"):
        read_keys(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(BadKey):
        read_keys(link)
