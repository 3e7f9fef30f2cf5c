"""Transfer encodings undone as far as they go."""

import base64
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.transfer import transfer_decoded


@pytest.mark.parametrize(
    "encoding, data, decoded",
    [
        ("base64", b"0J/RgNC40LLQtdGC", "Привет".encode()),
        ("BASE64 ", b"0J/R\r\ngNC40L\r\nLQtdGC\r\n", "Привет".encode()),
        ("base64", b"0J/RgNC40LLQtdGCIQ", "Привет!".encode()),  # padding is missing
        ("base64", b"0J/R!gN*C40LLQtdGC", "Привет".encode()),  # stray characters
        ("base64", b"YQ==YmM=", b"abc"),  # two texts glued together
        ("base64", b"YWJjZ", b"abc"),  # a letter too many
        ("base64", b"Hello, this only claims to be base64. Really?", b"Hello, this only claims to be base64. Really?"),
        ("base64", b"", b""),
        ("quoted-printable", b"a=20b=\r\nc=D0=9F", "a bcП".encode()),
        ("quoted-printable", b"50=% off =ZZ =", b"50=% off =ZZ "),
        ("quoted-printable", "Привет=21".encode(), "Привет!".encode()),
        ("quoted-printable", b"a=\rb", b"ab"),
        ("7bit", b"a=20", b"a=20"),
        ("8\xd0\xb1it", b"x", b"x"),
        ("x-uuencode", b"x", b"x"),
    ],
)
def test_decoded(encoding, data, decoded):
    assert transfer_decoded(data, encoding) == decoded


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_what_was_encoded_comes_back(data):
    assert transfer_decoded(base64.encodebytes(data), "base64") == data
    assert transfer_decoded(quopri.encodestring(data), "quoted-printable") == data


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "", "binary"]))
def test_any_bytes_decode(data, encoding):
    assert len(transfer_decoded(data, encoding)) <= max(len(data) * 2, 4)
