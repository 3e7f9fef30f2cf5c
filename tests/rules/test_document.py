"""Bytes to a tree with places."""

import pytest

from router.errors import Location
from router.rules import document
from router.rules.document import Mapping, Scalar, Sequence


def test_tree_has_texts_and_places():
    """Every key and value has its line and column; nothing is interpreted."""
    root = document.read("a: no\nб: [1, {c: 'x y'}]\n".encode(), "f").root
    assert root == Mapping(
        (
            document.Entry(Scalar("a", Location("f", 1, 1)), Scalar("no", Location("f", 1, 4))),
            document.Entry(
                Scalar("б", Location("f", 2, 1)),
                Sequence(
                    (
                        Scalar("1", Location("f", 2, 5)),
                        Mapping(
                            (
                                document.Entry(
                                    Scalar("c", Location("f", 2, 9)), Scalar("x y", Location("f", 2, 12), plain=False)
                                ),
                            ),
                            Location("f", 2, 8),
                        ),
                    ),
                    Location("f", 2, 4),
                ),
            ),
        ),
        Location("f", 1, 1),
    )


@pytest.mark.parametrize(
    ("data", "place", "code"),
    [
        (b"", "f", "E101"),
        (b"# only a comment", "f", "E101"),
        (b"a: [1", "f:2:1", "E101"),
        (b"\ta: 1", "f:1:1", "E101"),
        (b"a: 1\n---\nb: 2", "f:2:1", "E101"),
        (b"{a: 1}: 2", "f:1:1", "E101"),
        (b"a: &x 1", "f:1:4", "E102"),
        (b"a: *x", "f:1:4", "E102"),
        (b"<<: {a: 1}", "f:1:1", "E102"),
        (b"a: 1\na: 2", "f:2:1", "E103"),
        (b"a: !x 1", "f:1:4", "E104"),
        (b"a: !!python/object/apply:os.system [id]", "f:1:4", "E104"),
        (b"%TAG ! tag:x.example,2000:\n---\na: 1", "f:1:1", "E104"),
        (b"\xef\xbb\xbfa: 1", "f:1:1", "E105"),
        (b"\xff\xfea\x00", "f:1:1", "E105"),
        (b"a: 1\nb: \xff", "f:2:4", "E105"),
        (b"a: \x00", "f:1:4", "E105"),
        (b"a: \x1b[2J", "f:1:4", "E105"),
        (b"[" * 100_000, "f:1:51", "E105"),
        (b"a:\n" * 60 + b"", "f:2:1", "E103"),
        (b"x" * (2 * 1024 * 1024 + 1), "f", "E105"),
    ],
)
def test_surprises_are_refused_with_their_place(data, place, code):
    """Each surprise of YAML is one located problem of its code."""
    found = document.read(data, "f").problems
    assert (str(found[0].location), found[0].code) == (place, code)


def test_all_of_a_kind_are_told():
    """Problems of the tree do not stop at the first."""
    found = document.read(b"a: &x 1\nb: *x\na: 2\nc: !t 3\n", "f").problems
    assert [one.code for one in found] == ["E102", "E102", "E104", "E103"]


def test_fifty_levels_are_allowed():
    """The limit is fifty blocks inside each other."""
    assert not document.read(b"[" * 50 + b"]" * 50, "f").problems
    assert document.read(b"[" * 51 + b"]" * 51, "f").root is None


def test_places_are_words():
    """A place is the way to it: keys, and items counted from 1 with their id or name."""
    tree = document.read(b"rules:\n  - id: first\n    then: [{tag: x}]\n  - {name: second}\n", "f")
    assert tree.place(Location("f", 2, 5)) == "rules[1] first"
    assert tree.place(Location("f", 3, 18)) == "rules[1] first > then[1]"
    assert tree.place(Location("f", 4, 6)) == "rules[2] second > name"
    assert tree.place(Location("other", 2, 5)) == tree.place(Location("f")) == ""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_lines_are_counted_as_yaml_counts_them(end):
    """The line that is shown is the line that is meant, whatever ends it."""
    data = f"a: 1{end}b: [x, ]{end}a: 2".encode()
    (problem,) = document.read(data, "f").problems
    assert (problem.code, document.lines_of(data)[problem.location.line - 1]) == ("E103", "a: 2")
