"""Framing: every cut of a stream gives the same packets, and a bad one ends it."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from router.milter.packets import MAX_PACKET_BYTES, MAX_RESPONSE_BYTES, PacketReader, packet

from .making import command

PACKETS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=20)


@settings(max_examples=200, deadline=None)
@given(PACKETS, st.lists(st.integers(0, 4000), max_size=30), st.sampled_from([bytes, memoryview]))
def test_every_cut_gives_the_same_packets(packets, cuts, kind):
    stream = b"".join(command(*one) for one in packets)
    reader = PacketReader()
    found = []
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(places):
        found += reader.receive(kind(stream[start:end]))
    assert packets == found
    assert all(type(data) is bytes for _, data in found), "what is kept must not hold on to the front's buffer"
    assert reader.held_bytes == 0


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000), st.integers(1, 50))
def test_any_bytes_are_packets_or_a_named_end(data, step):
    whole, cut = PacketReader(500), PacketReader(500)
    in_pieces = [one for at in range(0, len(data), step) for one in cut.receive(data[at : at + step])]
    assert whole.receive(data) == in_pieces
    assert str(whole.broken) == str(cut.broken)
    assert cut.held_bytes <= 504


def test_a_packet_of_one_mebibyte_is_taken():
    data = b"x" * (1 << 20)
    assert [(ord("L"), data)] == PacketReader().receive(command(ord("L"), data))


def test_one_byte_more_is_refused():
    reader = PacketReader()
    assert reader.receive((MAX_PACKET_BYTES + 1).to_bytes(4, "big")) == []
    assert f"a packet of {MAX_PACKET_BYTES + 1} bytes" in str(reader.broken)


def test_the_limit_can_be_set():
    reader = PacketReader(10)
    assert [(ord("L"), b"123456789")] == reader.receive(command(ord("L"), b"123456789"))
    reader.receive(command(ord("L"), b"1234567890"))
    assert reader.broken is not None


def test_packets_before_a_bad_length_are_given_out_and_none_after():
    reader = PacketReader()
    assert [(ord("A"), b"")] == reader.receive(command(ord("A")) + b"\0\0\0\0" + command(ord("A")))
    assert "a packet of 0 bytes" in str(reader.broken)
    assert reader.receive(command(ord("A"))) == []


def test_http_is_recognised_only_at_the_beginning():
    first, later = PacketReader(), PacketReader()
    for one in b"GET / HTTP/1.0\r\n":
        first.receive(bytes((one,)))
    later.receive(command(ord("A")) + b"GET / HTTP/1.0\r\n")
    assert first.broken.http
    assert not later.broken.http


def test_we_send_no_packet_that_libmilter_cannot_read():
    assert len(packet(b"b", b"x" * MAX_RESPONSE_BYTES)) == MAX_RESPONSE_BYTES + 5
    try:
        packet(b"b", b"x" * (MAX_RESPONSE_BYTES + 1))
    except ValueError as error:
        assert "65536 bytes do not fit" in str(error)
    else:
        raise AssertionError("it was made")
