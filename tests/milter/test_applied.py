"""What an MTA makes of edits: the measurements on Postfix 3.7.11, one by one."""

import pytest

from router.milter.applied import Delivery, Edit, FilterFailed, edit, read
from router.milter.negotiation import Action

MESSAGE = b"""\
Received: from elsewhere
X-Spoof: one
Subject: hello
X-Spoof: two
 folded
x-spoof: three

body
"""


def delivery(*edits, shift=True, leading_space=False, recipients=(b"<bill@desk.example>",)):
    fields, body = read(MESSAGE, [(b"Received", b"from client by mail.example")])
    made = Delivery(b"<a@b>", list(recipients), fields, body, leading_space, shift, b"mail.example")
    for one in edits:
        made.apply(one)
    return made


def header(made):
    return made.message().partition(b"\r\n\r\n")[0].decode().split("\r\n")


def change(index, value=b"", name=b"X-Spoof"):
    return Edit("chgheader", name, value, index)


def test_a_message_is_cut_as_postfix_cuts_it():
    fields, body = read(b"Subject : a\r\n b\nNo field here\n\nbody")
    assert [(one.name, one.body) for one in fields] == [(b"Subject", b" a\n b")]
    assert body == b"No field here\r\n\r\nbody\r\n"
    assert read(b"\r\nbody\r\n") == ([], b"body\r\n")
    assert read(b"A: b\n\n") == (read(b"A: b\n")[0], b"")


def test_deleting_shifts_the_indexes_at_once():
    """Forward deletion of three leaves the middle one; Sendmail keeps counting what is gone."""
    forward = [change(1), change(2), change(3)]
    assert [line for line in header(delivery(*forward)) if "poof" in line] == ["X-Spoof: two"]
    assert not [line for line in header(delivery(*forward, shift=False)) if "poof" in line]
    assert not [line for line in header(delivery(*reversed(forward))) if "poof" in line]


def test_index_zero_is_one_and_beyond_the_last_adds():
    assert header(delivery(change(0, b"new")))[2] == "X-Spoof: new"
    assert header(delivery(change(9, b"new")))[-1] == "X-Spoof: new"
    assert header(delivery(change(9))) == header(delivery())


def test_the_mtas_own_received_is_not_counted_but_insert_counts_it():
    assert header(delivery(change(1, b"new", b"Received")))[:2] == [
        "Received: from client by mail.example",
        "Received: new",
    ]
    assert header(delivery(Edit("insheader", b"X-I", b"0", 0)))[0] == "X-I: 0"
    assert header(delivery(Edit("insheader", b"X-I", b"1", 1)))[1] == "X-I: 1"
    assert header(delivery(Edit("insheader", b"X-I", b"9", 99)))[-1] == "X-I: 9"


def test_with_leading_space_agreed_the_value_is_the_whole_of_it():
    assert header(delivery(Edit("addheader", b"X-A", b"v"), leading_space=True))[-1] == "X-A:v"
    assert header(delivery(Edit("addheader", b"X-A", b" v")))[-1] == "X-A:  v"


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([Edit("delrcpt", address=b"<Bill@desk.example>")], [b"<bill@desk.example>"]),
        ([Edit("delrcpt", address=b"bill@desk.example")], []),
        ([Edit("addrcpt", address=b"<bill@desk.example>")], [b"<bill@desk.example>"] * 2),
        ([Edit("addrcpt", address=b"x@y")] * 2, [b"<bill@desk.example>", b"<x@y>"]),
        ([Edit("addrcpt", address=b"<>")], [b"<bill@desk.example>"]),
        ([Edit("addrcpt", address=b"root")], [b"<bill@desk.example>", b"<root@mail.example>"]),
        ([Edit("addrcpt_par", address=b"x@y", arguments=b"NOTIFY=NEVER")], [b"<bill@desk.example>", b"<x@y>"]),
    ],
)
def test_recipients(edits, expected):
    assert delivery(*edits).recipients == expected


def test_a_source_route_is_gone_once_the_recipient_is_known():
    """Measured: only the address alone removes it, not what was said at RCPT."""
    routed = [b"<@relay.example:bill@desk.example>"]
    assert delivery(Edit("delrcpt", address=routed[0]), recipients=routed).recipients == routed
    assert delivery(Edit("delrcpt", address=b"<bill@desk.example>"), recipients=routed).recipients == []


def test_the_body_is_replaced_by_all_its_pieces_and_the_sender_by_the_last():
    made = delivery(Edit("replbody", value=b"a"), Edit("replbody", value=b"b\r\n"), Edit("chgfrom", address=b"<>"))
    assert (made.body, made.sender) == (b"ab\r\n", b"<>")


@pytest.mark.parametrize(
    ("letter", "data"),
    [
        ("z", b""), ("4", b""), ("h", b"X-A\0v"), ("h", b"X-A\0"), ("h", b"X A\0v\0"), ("h", b"\0v\0"),
        ("h", b"X-A\0a\r\n b\0"), ("h", b"X-A\0a\nb\0"), ("h", b"X-A\0a\n \0"), ("h", b"X-A\0" + b"x" * 999 + b"\0"),
        ("m", b"\0\0\0"), ("i", b"\0\0\0\1X-A\0v\0more\0"), ("+", b"<a@b>"), ("+", b"<a@b>\0NOTIFY=NEVER\0"),
        ("-", b"a\nb\0"), ("q", b"reason"),
    ],
)  # fmt: skip
def test_malformed_edits_are_a_fault_of_the_filter(letter, data):
    with pytest.raises(FilterFailed):
        edit(ord(letter), data, Action.ALL)


def test_an_edit_that_was_not_agreed_on_is_a_fault_of_the_filter():
    with pytest.raises(FilterFailed, match="addrcpt was not agreed on"):
        edit(ord("+"), b"<a@b>\0", Action.ADDHDRS)
