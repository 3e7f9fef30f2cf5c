"""What the MTA says: the letters of its commands, and their data decoded.

Decoding never raises but for the negotiation, without which there is no conversation: whatever else an MTA sends, the
mail goes on. Strings end with a NUL and are bytes of any kind: a HELO in UTF-8 or a Subject in cp1251 arrives raw.
"""

import ipaddress
import re
import struct
from enum import IntEnum

from router.frozen import dataclass
from router.milter.packets import FramingError

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_is_dotted = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}").fullmatch  # what `ipaddress` would give back as it is


class Command(IntEnum):
    """The letter of each command, as a number. `K` is sent by no MTA we know, but libmilter serves it."""

    OPTNEG = ord("O")
    MACRO = ord("D")
    CONNECT = ord("C")
    HELO = ord("H")
    MAIL = ord("M")
    RCPT = ord("R")
    DATA = ord("T")
    UNKNOWN = ord("U")
    HEADER = ord("L")
    EOH = ord("N")
    BODY = ord("B")
    BODYEOB = ord("E")
    ABORT = ord("A")
    QUIT = ord("Q")
    QUIT_NC = ord("K")


@dataclass(frozen=True, slots=True)
class Client:
    """Who is connected to the MTA. name: as the MTA calls it, or `[address]`. address: an IP address without prefix, or
    None (unix socket, unknown, unreadable)."""

    name: bytes = b""
    address: str | None = None
    port: int = 0


def optneg(data: bytes) -> tuple[int, int, int]:
    """(version, actions, protocol) that the MTA offers. Raises FramingError when there are not three numbers."""
    if len(data) < 12:
        raise FramingError(f"a negotiation of {len(data)} bytes, 12 are needed")
    version, actions, protocol = struct.unpack_from(">III", data)
    return version, actions, protocol


def first_string(data: bytes) -> bytes:
    """The first string; what follows its NUL are the arguments of MAIL and RCPT."""
    return data.partition(b"\0")[0]


def strings(data: bytes) -> list[bytes]:
    """All strings; a last one that lacks its NUL counts."""
    found = data.split(b"\0")
    if not found[-1]:
        found.pop()
    return found


def header(data: bytes) -> tuple[bytes, bytes]:
    """(field name, field body); folds are LF + white space, and a body ends at its first NUL, as libmilter reads it."""
    name, _, rest = data.partition(b"\0")
    return name, rest.partition(b"\0")[0]


def macro(data: bytes, name: bytes) -> bytes | None:
    """The value of a macro; of two with this name the last one's. `data` begins with the letter of the stage; name:
    without braces, which it may have there."""
    words = data[1:].split(b"\0")
    for at in range(len(words) // 2 * 2 - 2, -1, -2):
        if words[at].strip(b"{}") == name:
            return words[at + 1]
    return None


def client(data: bytes) -> Client:
    """The client of a CONNECT: families U (unknown), L (unix socket), 4 and 6; Sendmail writes `IPv6:` before a 6."""
    name, _, rest = data.partition(b"\0")
    if rest[:1] not in (b"4", b"6") or len(rest) < 3:
        return Client(name)
    port = int.from_bytes(rest[1:3], "big")
    text = first_string(rest[3:]).decode("ascii", "replace")
    return Client(name, ip_address(text), port)


def ip_address(text: str) -> str | None:
    """The address without Sendmail's prefix, or None when it is none. One of IPv4 inside IPv6 is the IPv4 one."""
    if _is_dotted(text):
        return text
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def size_argument(arguments: list[bytes]) -> int | None:
    """The SIZE= of MAIL FROM: what the client says the message has, in bytes."""
    for argument in arguments:
        name, _, value = argument.partition(b"=")
        if name.upper() == b"SIZE" and value.isdigit() and len(value) <= 18:
            return int(value)
    return None
