"""What goes between the front and the recorder: length-prefixed frames.

front -> recorder   marshal (("mail", at_ms, queue_id, sender, recipients, event), ("learn", lesson), ("keep", s),
                    ("shadow", at_ms, queue_id, sides, skipped, failed, difference), …)
recorder -> front   JSON {"written": n, "failed": n, "said": [[event, {...}], ...]}
"""

import json
import marshal
import struct
from typing import Any

MAX_ANSWER_BYTES = 1 << 16
_LENGTH = struct.Struct(">I")

Item = tuple[Any, ...]


def items_frame(items: list[bytes]) -> bytes:
    """items: each made by `item`."""
    payload = b"".join([_LENGTH.pack(len(one)) + one for one in items])
    return _LENGTH.pack(len(payload)) + payload


def item(*values: Any) -> bytes:
    return marshal.dumps(values)


def items_from(payload: bytes) -> list[Item]:
    found = []
    at = 0
    while at < len(payload):
        (size,) = _LENGTH.unpack_from(payload, at)
        found.append(marshal.loads(payload[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def told_frame(written: int, failed: int, said: list[tuple[str, dict[str, Any]]]) -> bytes:
    payload = json.dumps({"written": written, "failed": failed, "said": said}, default=str).encode()[:MAX_ANSWER_BYTES]
    return _LENGTH.pack(len(payload)) + payload


def told_from(payload: bytes) -> tuple[int, int, list[tuple[str, dict[str, Any]]]]:
    """Raises ValueError."""
    try:
        told = json.loads(payload)
        said = [(str(event), dict(values)) for event, values in told["said"]]
        return int(told["written"]), int(told["failed"]), said
    except (KeyError, TypeError) as error:
        raise ValueError(f"no answer of a recorder: {error}") from None
