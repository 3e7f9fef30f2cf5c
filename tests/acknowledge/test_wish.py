"""What is to be said travels whole, and nothing that is not ours is read as a wish."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.acknowledge.wish import NoWish, Wish, of_decision, parse
from router.decision import Decision, Expectation, Identity, Reply
from router.vocabulary import AuthState
from tests.acknowledge.desk import FRIDAY, WISH

_NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)
_TIMES = st.none() | st.datetimes(datetime(2024, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)).map(
    lambda one: one.replace(microsecond=0)
)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        Wish,
        decision=st.from_regex(r"[0-9a-f]{8,32}", fullmatch=True),
        languages=st.lists(st.sampled_from(["uk", "ru", "en", "pt-BR"]), min_size=1, max_size=3).map(tuple),
        snippets=st.lists(_NAMES, min_size=1, max_size=6).map(tuple),
        queue=_NAMES,
        missing=st.lists(st.tuples(_NAMES, _NAMES).map(".".join), max_size=6).map(tuple),
        answer_by=_TIMES,
        opens_at=_TIMES,
        auth=st.sampled_from([str(one) for one in AuthState]),
    )
)
def test_a_wish_comes_back_from_its_field_however_it_was_folded(wish):
    body = wish.field_body()
    assert parse(body) == wish
    assert parse(body.replace("; ", ";\r\n ")) == wish
    assert body.isascii() and "\n" not in body


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=300) | st.text(max_size=60).map(lambda text: f"v1; decision=d; lang={text}; snippets={text}"))
def test_any_text_is_a_wish_or_no_wish(text):
    try:
        assert isinstance(parse(text), Wish)
    except NoWish:
        pass


@pytest.mark.parametrize(
    "body",
    [
        "",
        "v2; decision=d; lang=ru; snippets=a; queue=q; auth=pass",
        "v1; lang=ru; snippets=a; queue=q; auth=pass",
        "v1; decision=d; lang=ru; snippets=a; queue=q",
        "v1; decision=d; lang=ru; lang=en; snippets=a; queue=q; auth=pass",
        "v1; decision=d; lang=ru; snippets=; queue=q; auth=pass",
        "v1; decision=d; lang=ru; snippets=a; queue=q; auth=pass; by=2026-03-06T23:40:00",
        "v1; decision=d; lang=ru; snippets=a; queue=q; auth=pass; by=tomorrow",
        "v1; decision=д; lang=ru; snippets=a; queue=q; auth=pass",
        "v1; decision=d; lang=ru; snippets=" + "a," * 3000 + "a; queue=q; auth=pass",
    ],
)
def test_what_is_not_quite_a_wish_is_none(body):
    with pytest.raises(NoWish):
        parse(body)


def test_a_name_that_would_break_the_field_is_not_written():
    with pytest.raises(ValueError):
        Wish("d", ("ru",), ("a; queue=b",), "q").field_body()


def decision(**changes) -> Decision:
    values = {
        "id": "d1", "source": "", "message_id": "<m@x>", "received_at": FRIDAY, "rules": "0" * 64, "model": None,
        "language": "ru", "queue": "support", "identity": Identity(auth=AuthState.PASS), "missing": WISH.missing,
        "reply": Reply(True, "olena@customer.example", "ru", WISH.snippets),
        "expect": Expectation("support", False, WISH.opens_at, WISH.answer_by),
    }  # fmt: skip
    return Decision(**{**values, **changes})


def test_the_wish_is_the_decision_s_own():
    assert of_decision(decision()) == WISH


@pytest.mark.parametrize(
    "changes",
    [
        {"reply": None},
        {"reply": Reply(False, "olena@customer.example", "ru", ("redirected",), ("G7",))},
        {"reply": Reply(True, "olena@customer.example", "ru", ())},
        {"hold": ("abusive",)},
        {"queue": None},
    ],
)
def test_nothing_is_wished_when_nothing_is_to_be_said(changes):
    assert of_decision(decision(**changes)) is None
