"""What the MTA says, decoded; hostile data never raises."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.milter import commands
from router.milter.commands import Client
from router.milter.packets import FramingError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"mx\x004\xb2\x0e203.0.113.25\0", Client(b"mx", "203.0.113.25", 45582)),
        (b"[203.0.113.25]\x004\0\x19203.0.113.25\0", Client(b"[203.0.113.25]", "203.0.113.25", 25)),
        (b"mx\x006\0\x192001:db8::25\0", Client(b"mx", "2001:db8::25", 25)),
        (b"mx\x006\0\x19IPv6:2001:DB8::25\0", Client(b"mx", "2001:db8::25", 25)),
        (b"mx\x006\0\x19IPv6:::ffff:203.0.113.25\0", Client(b"mx", "203.0.113.25", 25)),
        (b"mx\x006\0\x19fe80::1%eth0\0", Client(b"mx", "fe80::1%eth0", 25)),
        (b"mx\x004\0\x19203.0.113.25", Client(b"mx", "203.0.113.25", 25)),  # without its NUL
        (b"localhost\0U", Client(b"localhost")),
        (b"localhost\0L\0\0/run/sock\0", Client(b"localhost")),
        (b"mx\x004\0\x19unknown\0", Client(b"mx", None, 25)),
        (b"\xef\xf0\x004\0\x19\xff\0", Client(b"\xef\xf0", None, 25)),
        (b"mx\x004", Client(b"mx")),
        (b"mx", Client(b"mx")),
        (b"", Client(b"")),
    ],
)
def test_clients_of_every_family(data, expected):
    assert expected == commands.client(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Subject\0 hello\0", (b"Subject", b" hello")),
        (b"Subject\0 a\n\tb\0", (b"Subject", b" a\n\tb")),
        (b"Subject\0 a\0b\0", (b"Subject", b" a")),
        (b"Subject\0\0", (b"Subject", b"")),
        (b"Subject\0 no end", (b"Subject", b" no end")),
        (b"Subject", (b"Subject", b"")),
        (b"", (b"", b"")),
    ],
)
def test_header_fields(data, expected):
    assert expected == commands.header(data)


def test_macros_are_named_without_braces():
    data = b"Ci\x004Z0A1\0{client_addr}\x00203.0.113.25\0j\0\0"
    assert {name: commands.macro(data, name) for name in (b"i", b"client_addr", b"j", b"4Z0A1", b"")} == {
        b"i": b"4Z0A1",
        b"client_addr": b"203.0.113.25",
        b"j": b"",
        b"4Z0A1": None,  # a value is no name
        b"": None,
    }


@given(
    st.lists(st.tuples(st.sampled_from([b"i", b"{i}", b"j", b""]), st.sampled_from([b"", b"i", b"1"]))), st.booleans()
)
def test_of_macros_of_one_name_the_last_one_counts(pairs, whole):
    data = b"E" + b"".join(name + b"\0" + value + b"\0" for name, value in pairs)
    known = {name.strip(b"{}"): value for name, value in pairs}
    for name in (b"i", b"j", b"k"):
        assert known.get(name) == commands.macro(data if whole else data[:-1], name)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([b"SIZE=310", b"BODY=8BITMIME"], 310),
        ([b"BODY=8BITMIME", b"size=0"], 0),
        ([b"SIZE=-1"], None),
        ([b"SIZE=" + b"9" * 40], None),
        ([b"SIZE=a=b"], None),
        ([], None),
    ],
)
def test_the_size_that_a_client_says(arguments, expected):
    assert expected == commands.size_argument(arguments)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_hostile_data_never_raises(data):
    for decode in (commands.client, commands.header, commands.strings, commands.first_string):
        decode(data)
    commands.macro(data, data[1:3])
    commands.size_argument(commands.strings(data))


def test_a_negotiation_needs_three_numbers():
    with pytest.raises(FramingError, match="a negotiation of 11 bytes"):
        commands.optneg(b"\0" * 11)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.ip_addresses().map(str),
        st.lists(
            st.sampled_from([*"0123456789", "00", "010", "25", "255", "256", "\u0664"]), min_size=4, max_size=5
        ).map(".".join),
        st.text("0123456789.:\n\0 fF", max_size=16),
        st.ip_addresses(v=4).map(lambda one: f"::ffff:{one}"),
    )
)
def test_addresses_are_what_the_standard_library_says(text):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        expected = None
    else:
        expected = str(getattr(address, "ipv4_mapped", None) or address)
    assert expected == commands.ip_address(text)
    assert expected == commands.ip_address("IPv6:" + text)
