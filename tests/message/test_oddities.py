"""Line ends and mixed scripts: counted the same in Python and in C, and not found where a reader would expect them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.message import oddities
from router.message.oddities import BARE_CR, BARE_LF, CRLF
from tests.native.library import needed

LETTERS = st.text(st.sampled_from("aZ[`{@бЯЁџ\u03ff\u0500 .1é漢\ud800😀\0"))
LINES = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0"])).map(b"".join)


@pytest.fixture(scope="module")
def in_c():
    return oddities.natively(needed())


@given(text=LETTERS | st.text())
def test_c_counts_letters_as_python_does(in_c, text):
    assert in_c.mixed(text) == oddities.mixed(text)


@given(body=LINES | st.binary())
def test_c_sees_line_ends_as_python_does(in_c, body):
    assert in_c.line_ends(body) == oddities.line_ends(body)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", 0),
        (b"a\r\nb\r\n", CRLF),
        (b"\n\r\n", CRLF | BARE_LF),
        (b"\r\r\n", CRLF | BARE_CR),
        (b"\n\r", BARE_LF | BARE_CR),
    ],
)
def test_line_ends(body, found):
    assert oddities.line_ends(body) == found


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", 0),
        ("nothing but letters", 0),
        ("Cайт нe paбoтaeт", 5),
        ("пaроль", 1),
        ("VPN-тунель, SSL-сертифікат, DNS-запис, web-інтерфейс", 0),
        ("Плата GTX-1080ті і кабель USBа", 1),
    ],
)
def test_mixed(text, places):
    assert oddities.mixed(text) == places
