"""Framing: a byte stream in both directions becomes packets.

    u32 big endian: length of command + data, at least 1 | u8 command | data

The reader survives any split of its input, keeps no more than one packet and costs about a third of a microsecond a
packet when many arrive in one read (Postfix sends a macro packet before every header field).
"""

import struct

MAX_PACKET_BYTES = (1 << 20) + 1
"""Command and one MiB of data. Postfix puts a whole header field, up to its header_size_limit of 102,400, into one
packet; the largest that any MTA has been seen to negotiate is a body chunk of 1 MiB."""

MAX_RESPONSE_BYTES = 65_535
"""Data of one packet that we send (libmilter's MILTER_MAX_DATA_SIZE)."""

_HTTP = (b"GET ", b"HEAD", b"POST", b"PUT ", b"OPTI")
_length = struct.Struct(">I").unpack_from


class FramingError(Exception):
    """The stream cannot be read any further: a bad length, an unknown command, one out of place. Ends its connection,
    nothing else. http: a browser or a health check spoke to us."""

    def __init__(self, why: str, *, http: bool = False) -> None:
        super().__init__(why)
        self.http = http


def packet(command: bytes, data: bytes = b"", limit: int = MAX_RESPONSE_BYTES) -> bytes:
    """One packet as it goes on the wire. Raises ValueError for more data than `limit`."""
    if len(data) > limit:
        raise ValueError(f"{len(data)} bytes do not fit into one packet of at most {limit}")
    return (len(data) + 1).to_bytes(4, "big") + command + data


class PacketReader:
    """Cuts what is received into (command, data) pairs, `command` being the number of its letter.

    After a bad length `broken` says why; the packets before it are still given out, the rest of the stream is lost.
    said_again: two commands. A packet of the first that is the last one again, with nothing but packets of the second
    between them, is left out: so Postfix's macros before every header field. As long as both are in one read.
    """

    def __init__(self, max_packet_bytes: int = MAX_PACKET_BYTES, *, said_again: tuple[int, int] | None = None) -> None:
        self.broken: FramingError | None = None
        self._again, self._between = said_again or (-1, -1)
        self._max = max_packet_bytes
        self._rest = bytearray()  # the beginning of a packet whose end has not come yet
        self._needed = 4  # bytes of the packet that `_rest` begins, once its length is there
        self._first = True

    @property
    def held_bytes(self) -> int:
        return len(self._rest)

    def receive(self, data: bytes | memoryview) -> list[tuple[int, bytes]]:
        """The packets that are complete now, in order. A memoryview saves a copy of what is large."""
        packets: list[tuple[int, bytes]] = []
        rest, limit = self._rest, self._max
        if self.broken:
            return packets
        position, size = 0, len(data)
        if rest:
            # What has begun is completed by itself, so that a body chunk in two reads is copied once and not thrice.
            if len(rest) < 4:
                position = min(4 - len(rest), size)
                rest += data[:position]
                if len(rest) < 4:
                    return packets
                (length,) = _length(rest)
                if not 0 < length <= limit:
                    self._break(bytes(rest) if self._first else b"", length)
                    return packets
                self._needed = 4 + length
            end = position + self._needed - len(rest)
            rest += data[position:end]
            if end > size:
                return packets
            packets.append((rest[4], bytes(memoryview(rest)[5:])))
            rest.clear()
            position, self._first = end, False
        again, between = self._again, self._between
        add = packets.append
        said: bytes | memoryview | None = None  # the last packet of `again`, its length before it
        said_bytes = 0
        while size - position >= 4:
            if said is not None and data[position : position + said_bytes] == said:
                position += said_bytes
                continue
            (length,) = _length(data, position)
            if not 0 < length <= limit:
                self._break(bytes(data[:4]) if self._first else b"", length)
                return packets
            end = position + 4 + length
            if end > size:
                self._needed = 4 + length
                break
            command, cut = data[position + 4], data[position + 5 : end]
            add((command, bytes(cut)))  # no copy of what is bytes already
            if command == again:
                said, said_bytes = data[position:end], end - position
            elif command != between:
                said = None
            position = end
        if packets:
            self._first = False
        rest += data[position:]
        return packets

    def _break(self, head: bytes, length: int) -> None:
        if head in _HTTP:
            self.broken = FramingError("HTTP on the milter port", http=True)
        else:
            self.broken = FramingError(f"a packet of {length} bytes; 1 to {self._max} are possible")
