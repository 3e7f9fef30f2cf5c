"""The signature over the header fields that we add, so that a helpdesk need not trust the way a mail took to it.

    X-Desk-Sig: v1; k=5f1c09ab; h=X-Desk-Queue, X-Desk-Topic, X-Desk-Note, X-Desk-Note; d=Qm3x t9_A ...; b=...

    k   which key; no secret
    h   the names of the fields, in the order in which they stand in the mail, a name that stands twice twice
    d   for each of them, in the same order, 24 bits of a mac: only to say which one differs
    b   24 bytes of HMAC-SHA-256 over "v1", the queue id, and name and value of each field

The mac is taken over eight bytes of length (big endian) and the bytes of each part in turn; names in small letters,
values as they read: encoded words (RFC 2047) decoded, white space made one space, UTF-8. `d` is made likewise of name
and value. Both are written in base64url. The key of `b` is HMAC-SHA-256(secret, "mailrouter header fields"), that of
`d` HMAC-SHA-256(key of `b`, "marks"); the secret is what stands in `settings.key_file`, without white space round it.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from router.acknowledge.keys import read_secret
from router.frozen import dataclass
from router.message.envelope import LOOP_FIELDS
from router.message.headers import HeaderFields, shown
from router.rules.helpdesks import PREFIXES
from router.rules.ruleset import Ruleset

NAME = "Sig"
VERSION = "v1"

_MAC_BYTES = 24
_MARK_BYTES = 3
_PURPOSE = b"mailrouter header fields"
_PARAMETER = re.compile(r"\s*([a-z])=([^;]*)")
_COMMENT = re.compile(r"\([^()]*\)")
_ID = re.compile(r"(?:^|\s)id\s+([^\s;]+)", re.IGNORECASE)
_BY = re.compile(r"(?:^|\s)by\s+([^\s;]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and verifies. key_id: told in the field, so that a wrong key is not taken for a forgery."""

    key: bytes
    marks_key: bytes
    key_id: str

    @classmethod
    def of(cls, secret: bytes) -> "Signer":
        key = hmac.digest(secret, _PURPOSE, "sha256")
        return cls(key, hmac.digest(key, b"marks", "sha256"), hmac.digest(key, b"id", "sha256").hex()[:8])

    def value(self, fields: Sequence[tuple[str, str]], queue_id: str | None) -> str:
        """The value of the field that signs these (name, value), which are read as they will stand in the mail."""
        signed = [_signed(name.lower(), value) for name, value in fields]
        names = ", ".join([name for name, _ in fields])
        marks = " ".join([self._mark(one) for one in signed])
        return f"{VERSION}; k={self.key_id}; h={names}; d={marks}; b={self._mac(queue_id or '', signed)}"

    def _mark(self, signed: bytes) -> str:
        return _text(hmac.digest(self.marks_key, signed, "sha256")[:_MARK_BYTES])

    def _mac(self, queue_id: str, signed: Sequence[bytes]) -> str:
        said = b"".join([_measured(VERSION.encode()), _measured(queue_id.encode()), *signed])
        return _text(hmac.digest(self.key, said, "sha256")[:_MAC_BYTES])

    def verify(self, fields: HeaderFields, prefix: str | None, queue_id: str) -> "Verdict":
        """Whether the fields of `prefix` (None: of the only signature there is) are those that were signed for the mail
        with this queue id. Never raises."""
        found = [name.decode("ascii", "replace") for name, _ in fields]
        signed_by = [name for name in found if name.lower().endswith(f"-{NAME.lower()}")]
        if prefix is not None:
            signed_by = [name for name in signed_by if name.lower() == (prefix + NAME).lower()]
        if len(signed_by) != 1:
            many = ", ".join(dict.fromkeys(signed_by))
            return Verdict(("there are several signatures: " + many if many else "there is no signature",))
        prefix = signed_by[0][: -len(NAME)]
        stated = _stated(fields.first(signed_by[0]))
        if stated is None:
            return Verdict((f"{signed_by[0]} cannot be read",), prefix)
        if stated.key_id != self.key_id:
            return Verdict((f"signed with the key {stated.key_id}, and this key is {self.key_id}",), prefix)
        return self._compared(fields, stated, prefix, queue_id)

    def _compared(self, fields: HeaderFields, stated: "_Stated", prefix: str, queue_id: str) -> "Verdict":
        """Field by field, those of one name in their order."""
        problems = []
        signed = []
        taken: dict[str, int] = {}
        for name, mark in zip(stated.names, stated.marks, strict=True):
            low = name.lower()
            number = taken[low] = taken.get(low, 0) + 1
            values = fields.all(name)
            if number > len(values):
                problems.append(f"{name} is missing")
                continue
            signed.append(_signed(low, values[number - 1]))
            if not hmac.compare_digest(self._mark(signed[-1]), mark):
                problems.append(f"{name} was changed")
        ours = (prefix, *(one for one in PREFIXES.values() if any(_begins(name, one) for name in stated.names)))
        for name, count in _counted(fields).items():
            surplus = count > taken.get(name, 0) and name != (prefix + NAME).lower()
            if surplus and name.encode() not in LOOP_FIELDS and any(_begins(name, one) for one in ours):
                problems.append(f"{_as_written(fields, name)} was added")
        if not problems and not hmac.compare_digest(self._mac(queue_id, signed), stated.mac):
            told = f"the queue id is not {queue_id}" if queue_id else "the queue id is not known"
            problems.append(f"{told}: signed for another mail, or read from another server's Received")
        return Verdict(tuple(problems), prefix, len(stated.names))


@dataclass(frozen=True, slots=True)
class Verdict:
    """problems: what does not hold, in words; none: the signature holds. prefix: "" when there is no signature."""

    problems: tuple[str, ...]
    prefix: str = ""
    fields: int = 0


def as_read(value: str) -> bytes:
    """A value as it reads in a mail, whatever folds and encodes it on the way."""
    if not value.isascii():
        value = shown(value.encode("utf-8", "replace").decode())
    return " ".join(value.split()).encode()


def _signed(low: str, value: str) -> bytes:
    return _measured(low.encode()) + _measured(as_read(value))


def _measured(part: bytes) -> bytes:
    """A part with its length in front, so that no two lists of parts give the same bytes."""
    return len(part).to_bytes(8, "big") + part


def queue_id_of(fields: HeaderFields, server: str | None = None) -> str:
    """The queue id in the topmost Received, or in the topmost of this server (its name behind `by`); "" without one."""
    for received in fields.all("Received"):
        words, before = received, ""
        while words != before:  # comments nest
            words, before = _COMMENT.sub(" ", words), words
        words = words.rpartition(";")[0] or words
        by, number = _BY.search(words), _ID.search(words)
        if server is None or (by and by[1].lower().rstrip(".") == server.lower().rstrip(".")):
            return number[1] if number else ""
    return ""


def signer_of(ruleset: Ruleset, base: Path, key_file: Path | None = None) -> Signer | None:
    """The signer of these rules; None: they name no key. base: the folder that paths in them start from. key_file:
    instead of the one they name. Raises BadKey."""
    named = ruleset.settings.key_file
    if key_file is None and named is None:
        return None
    return Signer.of(read_secret(key_file or base / str(named)))


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a signature field says."""

    key_id: str
    names: tuple[str, ...]
    marks: tuple[str, ...]
    mac: str


def _stated(value: str) -> _Stated | None:
    version, _, rest = value.partition(";")
    if version.strip() != VERSION:
        return None
    said = {match[1]: match[2].strip() for match in map(_PARAMETER.fullmatch, rest.split(";")) if match}
    names = tuple(one.strip() for one in said.get("h", "").split(",") if one.strip())
    marks = tuple(said.get("d", "").split())
    if "k" not in said or "b" not in said or len(names) != len(marks) or not value.isascii():
        return None
    return _Stated(said["k"], names, marks, said["b"])


def _counted(fields: HeaderFields) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, _ in fields:
        low = name.decode("latin-1").lower()
        found[low] = found.get(low, 0) + 1
    return found


def _as_written(fields: HeaderFields, low: str) -> str:
    return next(text for name, _ in fields if (text := name.decode("latin-1")).lower() == low)


def _begins(name: str, prefix: str) -> bool:
    return name.lower().startswith(prefix.lower())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii")
