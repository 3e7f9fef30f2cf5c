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


SAID = st.tuples(st.sampled_from(b"DDLLB"), st.sampled_from([b"", b"Li\x001\0", b"Li\x002\0", b"x" * 300]))


@settings(max_examples=300, deadline=None)
@given(st.lists(SAID, max_size=30), st.lists(st.integers(0, 4000), max_size=5), st.sampled_from([bytes, memoryview]))
def test_what_is_said_again_between_fields_is_left_out_and_nothing_else(packets, cuts, kind):
    """Whoever keeps the last packet of each letter and stage has the same before every other packet."""
    stream = b"".join(command(*one) for one in packets)
    reader = PacketReader(said_again=(ord("D"), ord("L")))
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    found = [one for start, end in itertools.pairwise(places) for one in reader.receive(kind(stream[start:end]))]

    def known(packets):
        last, told = {}, []
        for letter, data in packets:
            if letter == ord("D"):
                last[data[:1]] = data
            else:
                told.append((letter, data, dict(last)))
        return told, last

    assert known(packets) == known(found)
    assert reader.held_bytes == 0


def test_macros_before_every_field_are_given_once():
    macro, field, body = command(ord("D"), b"Li\x001\0"), command(ord("L"), b"a\0b\0"), command(ord("B"), b"x")
    reader = PacketReader(said_again=(ord("D"), ord("L")))
    found = reader.receive((macro + field) * 3 + body + macro + field)
    assert "".join(chr(letter) for letter, _ in found) == "DLLLBDL"
    assert "".join(chr(letter) for letter, _ in PacketReader().receive((macro + field) * 2)) == "DLDL"


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
