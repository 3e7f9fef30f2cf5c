"""Our own way to the MIME tree of plain mail, flanker's, and the stdlib's: the same tree."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message import parse
from router.message.entity import (
    MAX_DEPTH,
    MAX_PARTS,
    Entity,
    _part_headers,
    _places,
    mime_headers,
    of_plain_mail,
    part_headers,
)
from router.message.headers import HeaderFields
from tests.message.making import multipart, raw


def alternative(*parts, boundary="b1"):
    return multipart("alternative", *parts, boundary=boundary)


def trees(data):
    """(ours, flanker's, the stdlib's) of a message."""
    message = raw(data)
    fields = HeaderFields(message.fields)
    content_type = next(iter(fields.raw("content-type")), None)
    top = mime_headers(
        content_type,
        next(iter(fields.raw("content-disposition")), None),
        next(iter(fields.raw("content-transfer-encoding")), None),
        len(fields.raw("content-type")),
    )
    return (
        of_plain_mail(top, message.body, cut=False),
        parse.by_flanker(top, content_type or b"", message.body, cut=False),
        parse.by_stdlib(top, content_type or b"", message.body, cut=False),
    )


def shape(entity: Entity):
    """The tree as nested tuples, without the line end before a delimiter (which the stdlib counts as the body's)."""
    if entity.children:
        return (entity.content.value, *map(shape, entity.children))
    return (entity.content.value, entity.body.replace(b"\r\n", b"\n").strip(b"\n"))


def test_flanker_has_the_names_we_use():
    """They are private: another version may lack them."""
    from flanker.mime.message import scanner

    message = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\none\n--b--\n"
    root = scanner.scan(message)
    assert root.content_type.is_multipart()
    part = root.parts[0]
    assert message[part._container.start : part._container.end + 1].endswith("\n\none")


def test_flanker_is_imported_when_a_mail_needs_it():
    """Commands that read no unusual mail do not pay its 0.2 s and 18 MB."""
    code = (
        "import sys; from router.message.read import read; from router.message.language import detect\n"
        "detect('Добрий день'); assert not any(name.startswith('flanker') for name in sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_flanker_is_silent():
    """Its parser generator tells 28 lines to stderr otherwise."""
    code = "from router.message import parse; parse.warm()"
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)
    assert (run.stdout, run.stderr) == (b"", b"")


ALTERNATIVE = alternative("Content-Type: text/plain\n\n1", "Content-Type: text/html\n\n2", boundary="b2").decode()


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: s\n\nplain\n",
        b"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPGI+\n",
        b"Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment\n\nJVBERi0=\n",
        b"Content-Type: text/plain\n\n--b\nContent-Type: text/html\n\n--b--\n",  # delimiters without a multipart
        b"Content-Type: text/plain\n\n",
        alternative("Content-Type: text/plain\n\none", "Content-Type: text/html\n\n<p>one"),
        alternative("content-TYPE: text/plain; charset=koi8-r\n\n", "Content-Type: text/html\n\n"),
        alternative("Content-Type: text/html\n\n<p>", "Content-Type:\n text/plain;\n charset=x\n\none\n\n"),
        alternative("Content-Type: text/plain\nno field\n\none", "Content-Type: text/html\n\n-- b"),
        alternative("Content-Type: text/plain\n\n--\n--b\none", "Content-Type: text/html\n\nx", boundary="b2"),
        alternative("Content-Type: text/plain\n\n1", "Content-Type: text/html\n\n2", boundary="=_x-=?'()+,./:"),
        alternative("Content-Type: text/plain\n\nb1", "Content-Type: text/html\n\ntwo"),
        alternative("Content-Type: text/plain\n\n" + "- -- " * 700, "Content-Type: text/html\n\n--"),
        alternative("Content-Type: text/plain\n\none"),
        multipart("mixed", "Content-Type: text/plain\n\none", "Content-Type: application/pdf; name=a.pdf\n\nJVBERi0="),
        multipart("mixed", ALTERNATIVE, "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA"),
        multipart("related", ALTERNATIVE, "Content-Type: image/png\nContent-ID: <a>\n\nAAAA"),
    ],
)  # fmt: skip
def test_fast_path_equals_flanker(data):
    ours, flankers, stdlibs = trees(data)
    assert ours is not None
    assert ours == flankers
    assert stdlibs is not None
    assert shape(ours) == shape(stdlibs)


@pytest.mark.parametrize(
    "data",
    [
        multipart("mixed", "Content-Type: text/plain\n\none", "Content-Type: message/rfc822\n\nSubject: s\n\ntwo"),
        multipart("mixed", ALTERNATIVE, "Content-Type: text/plain\n\n--b2\n"),  # flanker knows all boundaries anywhere
        multipart("report", "Content-Type: text/plain\n\none", "Content-Type: text/plain\n\ntwo"),
        alternative("Content-Type: text/plain\n\n1", "Content-Type: text/html\n\n2", "Content-Type: text/x\n\n3"),
        alternative("Content-Type: text/plain\n\none", "Content-Type: image/png\n\ntwo"),
        alternative("no field\n\none", "Content-Type: text/html\n\ntwo"),
        alternative("Content-Type: text/plain\n\n--b1x", "Content-Type: text/html\n\ntwo"),
        alternative("Content-Type: text/plain\n\nx --b1", "Content-Type: text/html\n\ntwo"),
        b"Content-Type: text/plain\nContent-Type: text/html\n\nx\n",
        b"Content-Type: multipart/alternative; boundary=b; boundary=c\n\n--b\n\n--b\n\n--b--\n",
        b'Content-Type: text/html; boundary="b"\n\n<p>\n--b\n\n--b--\n',
        b"Content-Type: message/rfc822\n\nSubject: s\n\nx\n",
        alternative("Content-Type: text/plain\n\n1", "Content-Type: text/html\n\n2")[:-7],
    ],
)  # fmt: skip
def test_fast_path_declines_what_is_not_plain(data):
    """Anything odd goes to flanker."""
    assert trees(data)[0] is None


NEWLINES = st.sampled_from(["\n", "\r\n"])
LINES = st.sampled_from(
    [
        *["", " ", "text", "-- ", "--", "--b", "--b--", "--b1", "--b1 ", "--b1--", "--c", "a: b", "\tx", "From x"],
        *["Content-Type: text/plain", "Content-Type: text/html; charset=koi8-r", "Content-Transfer-Encoding: base64"],
        *["Content-Type: multipart/alternative; boundary=c", "Content-Disposition: attachment; filename=x", "--c--"],
        *["\0", "a\rb", "\u0430"],
    ]
)
KINDS = st.sampled_from(
    ["multipart/alternative; boundary=b1", "multipart/mixed; boundary=b1", "text/plain", "text/html; charset=x", "",
     "multipart/alternative; boundary=b"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(KINDS, st.lists(LINES, max_size=16), NEWLINES)
def test_what_the_fast_path_takes_flanker_sees_alike(kind, lines, newline):
    """Random lines, most of them delimiters and fields: our tree is None or flanker's."""
    data = newline.join([f"Content-Type: {kind}" if kind else "Subject: s", "", *lines]).encode()
    ours, flankers, _ = trees(data)
    assert ours is None or ours == flankers


@settings(max_examples=500, deadline=None)
@given(st.lists(LINES, max_size=12), st.lists(LINES, max_size=3), NEWLINES, st.integers(0, 60))
def test_kept_headers_of_parts_are_read_as_new_ones(lines, before, newline, missing):
    """Wherever a part begins and ends: the same fields, and its body begins at the same place, also the second time."""
    data, start = newline.join([*before, *lines]).encode(), len(newline.join([*before, ""]).encode())
    end = max(start, len(data) - missing)
    for _ in range(2):
        assert part_headers(data, start, end) == _part_headers(data, start, end)


def test_delimiters_are_found_among_dashes():
    """Few dashes or many, before the first, between two and behind the last."""
    for dashes in (0, 1, 15, 16, 17, 40):
        text = b"a-" * dashes
        body = text + b"--b" + text + b"--b" + text + b"--b--" + text
        assert [body[at : at + 3] for at in _places(body, b"--b")] == [b"--b"] * 3


PARTS = st.tuples(
    st.sampled_from(["text/plain", "text/html", 'text/plain; charset="utf-8"', "image/png; name=a.png"]),
    st.sampled_from(["", "Content-Transfer-Encoding: base64\n", "Content-Disposition: inline\n", "X-Other: yes\n"]),
    st.lists(st.sampled_from(["word", "", "-- ", "--other", " indented", "Content-Type: text/html"]), max_size=5),
)


def nested_parts(level: int = 1) -> st.SearchStrategy[list[str]]:
    """The lines of a multipart with boundary `b<level>`: leaves, and multiparts of the next level."""
    leaf = st.builds(
        lambda of, lines: [f"Content-Type: {of}", "", *lines],
        st.sampled_from(["text/plain", "text/html", "image/png; name=a.png"]),
        st.lists(
            st.sampled_from(["word", "", "--b", f"--b{level + 1}", "--b2--", "Content-Type: text/html"]), max_size=3
        ),
    )
    inner = st.deferred(lambda: nested_parts(level + 1))
    boundary = f"boundary=b{level + 1}"
    deeper = st.builds(
        lambda kind, lines: [f"Content-Type: multipart/{kind}; {boundary}", "", *lines],
        st.sampled_from(["mixed", "alternative", "related"]),
        inner,
    )
    part = leaf if level == 3 else leaf | deeper
    return st.lists(part, min_size=1, max_size=3).map(
        lambda parts: [*(line for part in parts for line in (f"--b{level}", *part)), f"--b{level}--"]
    )


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["mixed", "alternative", "related"]), nested_parts(), NEWLINES, st.integers(0, 200))
def test_multiparts_in_multiparts_are_seen_alike(kind, lines, newline, missing):
    """Also one whose end was not kept: our tree is None or flanker's."""
    data = newline.join([f"Content-Type: multipart/{kind}; boundary=b1", "", *lines]).encode()
    top = mime_headers(b"multipart/mixed; boundary=b1", None, None, 1)
    body = data.partition(newline.encode() * 2)[2]
    for kept, cut in ((body, False), (body[: max(len(body) - missing, 1)], True)):
        ours = of_plain_mail(top, kept, cut=cut)
        flankers = parse.by_flanker(top, b"multipart/mixed; boundary=b1", kept, cut=cut)
        assert ours is None or ours == flankers


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["mixed", "alternative", "related"]), st.lists(PARTS, min_size=1, max_size=3))
def test_three_readers_agree_on_well_formed_mail(kind, parts):
    """Well-formed multiparts: ours (or none), flanker and the stdlib see the same parts with the same bytes."""
    data = multipart(kind, *(f"Content-Type: {of}\n{more}\n" + "\n".join(lines) for of, more, lines in parts))
    ours, flankers, stdlibs = trees(data)
    assert flankers is not None
    assert stdlibs is not None
    assert shape(flankers) == shape(stdlibs)
    assert ours is None or ours == flankers


def nested(depth: int) -> bytes:
    """A text in `depth` multiparts."""
    lines = [f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(depth)]
    return "".join(lines).encode() + b"Content-Type: text/plain\n\ndeep\n"


def depth_of(entity: Entity) -> int:
    return 1 + max(map(depth_of, entity.children), default=0)


def test_only_the_last_leaf_is_cut():
    """What came before the cut is all there, whoever read it."""

    def ours(top, _, body, *, cut):
        return of_plain_mail(top, body, cut=cut)

    body = multipart("mixed", "Content-Type: text/plain\n\none", "Content-Type: image/png\n\ntwo").partition(b"\n\n")[2]
    top = mime_headers(b"multipart/mixed; boundary=b1", None, None, 1)
    for reader in (ours, parse.by_flanker, parse.by_stdlib):
        tree = reader(top, b"multipart/mixed; boundary=b1", body.partition(b"wo")[0], cut=True)
        assert tree is not None
        assert [child.cut for child in tree.children] == [False, True]


@pytest.mark.parametrize("reader", [1, 2])
def test_depth_is_limited(reader):
    tree = trees(nested(40))[reader]
    assert tree is not None
    assert depth_of(tree) <= MAX_DEPTH + 1


@pytest.mark.parametrize("reader", [1, 2])
def test_number_of_parts_is_limited(reader):
    tree = trees(multipart("mixed", *["Content-Type: text/plain\n\nx"] * (MAX_PARTS + 100)))[reader]
    assert tree is not None
    assert tree.too_much
    assert len(tree.children) == MAX_PARTS - 1


@pytest.mark.parametrize(
    "data",
    [nested(100), b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 5_000, nested(62)],
)
def test_flanker_is_not_asked_what_makes_it_slow(data):
    assert trees(data)[1] is None
