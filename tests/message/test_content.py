"""Content-Type and Content-Disposition, however they were written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.content import MAX_FIELD_BYTES, _media_type, disposition, file_name, media_type


@pytest.mark.parametrize(
    "body, value, parameters",
    [
        (b"text/plain", "text/plain", {}),
        (b"TEXT/Plain; Charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        (b'text/plain; charset="koi8-r"; format=flowed', "text/plain", {"charset": "koi8-r", "format": "flowed"}),
        (b'text/plain charset="utf-8"', "text/plain", {"charset": "utf-8"}),  # no semicolon
        (b"text/plain; charset=us-ascii (Plain text)", "text/plain", {"charset": "us-ascii"}),
        (b"text/plain;\n\tcharset=utf-8", "text/plain", {"charset": "utf-8"}),
        (b'multipart/mixed; boundary="a b;c"', "multipart/mixed", {"boundary": "a b;c"}),
        (b"multipart/mixed; boundary=----=_Part_1.2", "multipart/mixed", {"boundary": "----=_Part_1.2"}),
        (b'multipart/mixed; boundary="open', "multipart/mixed", {"boundary": "open"}),
        (b"text", "text/plain", {}),
        (b"html", "text/html", {}),
        (b"", "text/plain", {}),
        (b"/;;;=;=", "text/plain", {}),
        (b"text/plain; =x; charset=utf-8", "text/plain", {"charset": "utf-8"}),
    ],
)
def test_media_type(body, value, parameters):
    found = media_type(body)
    assert (found.value, found.parameters) == (value, parameters)


def test_a_parameter_given_twice():
    """The first counts, and the second is told: two mail programs may see two different messages."""
    found = media_type(b"multipart/mixed; boundary=one; boundary=two")
    assert found.parameters == {"boundary": "one"}
    assert found.repeated == {"boundary"}


@pytest.mark.parametrize(
    "placed, name",
    [
        (b'attachment; filename="report.pdf"', "report.pdf"),
        (b"attachment; filename=my report.pdf", "my report.pdf"),
        (b"attachment; filename*=utf-8'uk'%D0%90%D0%BA%D1%82.pdf", "Акт.pdf"),
        (b"attachment; filename*0*=utf-8''%D0%90; filename*1*=%D0%BA%D1%82; filename*2=.pdf", "Акт.pdf"),
        (b"attachment; filename*1=t.pdf; filename*0=ac", "act.pdf"),  # out of order
        (b"attachment; filename=act.pdf; filename*=utf-8''%D0%90%D0%BA%D1%82.pdf", "Акт.pdf"),
        (b'attachment; filename="=?utf-8?B?0JDQutGCLnBkZg==?="', "Акт.pdf"),
        (b'attachment; filename="=?utf-8?B?0JDQ?=\n =?utf-8?B?utGCLnBkZg==?="', "Акт.pdf"),
        ('attachment; filename="Акт.pdf"'.encode(), "Акт.pdf"),
        ('attachment; filename="Счёт за март.pdf"'.encode("cp1251"), "Счёт за март.pdf"),
        (b"attachment; filename*=koi8-r''%E1%CB%D4%2Epdf", "Акт.pdf"),
        (rb'attachment; filename="C:\docs\act.pdf"', "act.pdf"),
        (b'attachment; filename="../../etc/passwd"', "passwd"),
        (b'attachment; filename="a\\"b.txt"', 'a"b.txt'),
        (b'attachment; filename="a\x00\x07b.txt"', "ab.txt"),
        (b"attachment; filename*99999=x", ""),  # an index out of all bounds is no index
        (b"attachment", ""),
    ],
)
def test_file_name(placed, name):
    assert file_name(media_type(b"application/octet-stream"), disposition(placed)) == name


def test_file_name_of_content_type():
    """Old programs name the file there only."""
    assert file_name(media_type(b'image/png; name="screen.png"'), disposition(b"inline")) == "screen.png"


def test_long_fields_are_cut():
    assert media_type(b"text/plain; " + b"x" * MAX_FIELD_BYTES + b"; charset=utf-8").parameters == {}


PIECES = st.sampled_from([*'abN*0129=;"\\ /\n\t()<>\u044f\x00', "utf-8''%D0", "name*0*=", "=?q?"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_any_field_gives_values(pieces):
    """Never an exception, never a control character in a name."""
    field = "".join(pieces).encode("utf-8")
    content = media_type(field)
    assert media_type(field) == content == _media_type(field)
    assert file_name(content, content).isprintable()
