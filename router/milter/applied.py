"""What an MTA makes of a filter's edits: the receiving half of the protocol, as Postfix 3.7 carries it out.

Everything measured in milter-protocol.md section 6 is here: indexes count per name and shift when a field goes, an
index beyond the last adds, INSHEADER counts the MTA's own Received, DELRCPT compares byte for byte with what came at
RCPT less a source route, a recipient added twice is added once but one that was there before gets the mail twice, and
without a last one the mail is for nobody.
"""

import re
from collections.abc import Sequence
from dataclasses import field

from router.frozen import dataclass
from router.milter.negotiation import Action

_NAME = re.compile(rb"[!-9;-~]+\Z")
_ADDRESS = re.compile(rb"[^\x00-\x1f\x7f]*\Z")
MAX_LINE = 998


class FilterFailed(Exception):
    """The filter cannot be reached, says what it may not say, or says nothing in time. The text is for a person."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit, decoded. kind: `addheader`, `insheader`, `chgheader`, `addrcpt`, `addrcpt_par`, `delrcpt`, `chgfrom`,
    `replbody`, `quarantine`. name and value: of a field; value also the body or the reason. address: verbatim."""

    kind: str
    name: bytes = b""
    value: bytes = b""
    index: int = 0
    address: bytes = b""
    arguments: bytes = b""


KINDS: dict[int, tuple[str, int]] = {
    # letter: kind, the action that must have been agreed on
    ord("h"): ("addheader", Action.ADDHDRS),
    ord("i"): ("insheader", Action.ADDHDRS),
    ord("m"): ("chgheader", Action.CHGHDRS),
    ord("+"): ("addrcpt", Action.ADDRCPT),
    ord("2"): ("addrcpt_par", Action.ADDRCPT_PAR),
    ord("-"): ("delrcpt", Action.DELRCPT),
    ord("e"): ("chgfrom", Action.CHGFROM),
    ord("b"): ("replbody", Action.CHGBODY),
    ord("q"): ("quarantine", Action.QUARANTINE),
}


def edit(letter: int, data: bytes, actions: int) -> Edit:
    """Decode one edit. Raises FilterFailed for one that is malformed or was not agreed on."""
    if letter not in KINDS:
        raise FilterFailed(f"{chr(letter)!r} is no edit")
    kind, needed = KINDS[letter]
    if not actions & needed:
        raise FilterFailed(f"{kind} was not agreed on")
    if kind == "replbody":
        return Edit(kind, value=data)
    index = 0
    if kind in ("insheader", "chgheader"):
        if len(data) < 4:
            raise FilterFailed(f"{kind} without an index")
        index, data = int.from_bytes(data[:4], "big"), data[4:]
    if not data.endswith(b"\0"):
        raise FilterFailed(f"{kind} does not end with a NUL")
    words = data[:-1].split(b"\0")
    if kind in ("addheader", "insheader", "chgheader"):
        if len(words) != 2:
            raise FilterFailed(f"{kind} of {len(words)} strings")
        return Edit(kind, words[0], _checked(kind, words[0], words[1]), index)
    if kind == "quarantine":
        return Edit(kind, value=words[0])
    if len(words) > (2 if kind in ("addrcpt_par", "chgfrom") else 1) or not _ADDRESS.match(words[0]):
        raise FilterFailed(f"{kind} with {data!r}")
    return Edit(kind, address=words[0], arguments=words[1] if len(words) > 1 else b"")


def _checked(kind: str, name: bytes, value: bytes) -> bytes:
    """The value, when it can make one field and nothing else. A deletion may name whatever the mail had."""
    if value and not _NAME.match(name):
        raise FilterFailed(f"{kind} of a field called {name!r}")
    if b"\r" in value:
        raise FilterFailed(f"{kind} with a CR in {name!r}")
    for number, line in enumerate(value.split(b"\n")):
        if len(line) > MAX_LINE:
            raise FilterFailed(f"{kind} with a line of {len(line)} bytes in {name!r}")
        if number and (line[:1] not in (b" ", b"\t") or not line.strip()):
            raise FilterFailed(f"{kind} with a bad fold in {name!r}: {line!r}")
    return value


@dataclass(slots=True)
class Field:
    """One header field. body: with the white space after the colon, folds as LF + white space. hidden: the MTA's own,
    not shown to filters. gone: deleted."""

    name: bytes
    body: bytes
    hidden: bool = False
    gone: bool = False


@dataclass(slots=True)
class Delivery:
    """A message on its way through the MTA, edits applied one by one.

    leading_space: HDR_LEADSPC was agreed on. deletes_shift: Postfix renumbers at once, Sendmail keeps counting what is
    gone. host: completes an address without a domain.
    """

    sender: bytes
    recipients: list[bytes]
    fields: list[Field]
    body: bytes
    leading_space: bool = False
    deletes_shift: bool = True
    host: bytes = b"localhost"
    quarantined: bool = False
    reason: bytes = b""
    _added: list[bytes] = field(default_factory=list)
    _replacing: bool = False

    def apply(self, one: Edit) -> None:
        if one.kind == "replbody":
            self.body = (self.body if self._replacing else b"") + one.value
            self._replacing = True
            return
        if one.kind in ("addheader", "insheader", "chgheader"):
            self._edit_fields(one)
        elif one.kind == "delrcpt":
            self.recipients = [kept for kept in self.recipients if _kept(kept) != _bare(one.address)]
        elif one.kind in ("addrcpt", "addrcpt_par"):
            self._add_recipient(_bare(one.address))
        elif one.kind == "chgfrom":
            self.sender = one.address
        else:
            self.quarantined, self.reason = True, one.value

    def message(self) -> bytes:
        """The message as it would be delivered, CRLF lines."""
        shown = b"".join(
            one.name + b":" + one.body.replace(b"\n", b"\r\n") + b"\r\n" for one in self.fields if not one.gone
        )
        return shown + b"\r\n" + self.body

    def _edit_fields(self, one: Edit) -> None:
        made = Field(one.name, one.value if self.leading_space else b" " + one.value)
        if one.kind == "addheader":
            self._add_field(made)
        elif one.kind == "insheader":
            self.fields.insert(min(one.index, len(self.fields)), made)
        else:
            found = self._find(one.name, max(one.index, 1))
            if found is None:
                if one.value:
                    self.fields.append(made)
            elif one.value:
                found.name, found.body, found.gone = made.name, made.body, False
            else:
                found.gone = True

    def _add_field(self, made: Field) -> None:
        """At the end; Sendmail (8.17, measured) uses the place of a deleted field of that name again."""
        if not self.deletes_shift:
            for at, one in enumerate(self.fields):
                if one.gone and one.name.lower() == made.name.lower():
                    self.fields[at] = made
                    return
        self.fields.append(made)

    def _find(self, name: bytes, index: int) -> Field | None:
        lowered = name.lower()
        for one in self.fields:
            if one.hidden or one.name.lower() != lowered or (one.gone and self.deletes_shift):
                continue
            index -= 1
            if index == 0:
                return one
        return None

    def _add_recipient(self, address: bytes) -> None:
        if not address:
            return
        if b"@" not in address:
            address += b"@" + self.host
        if address not in self._added:
            self._added.append(address)
            self.recipients.append(b"<" + address + b">")


def read(message: bytes, own: Sequence[tuple[bytes, bytes]] = ()) -> tuple[list[Field], bytes]:
    """(fields, body) of a message with CRLF or LF lines, as Postfix cuts it: the first line that is no field ends the
    header. own: fields that the MTA puts on top and shows to no filter."""
    lines = re.sub(rb"\r?\n", b"\n", message).split(b"\n")
    fields = [Field(name, b" " + body, hidden=True) for name, body in own]
    at = 0
    for line in lines:
        if line[:1] in (b" ", b"\t") and at:
            fields[-1].body += b"\n" + line
        else:
            name, colon, body = line.partition(b":")
            name = name.rstrip(b" \t")
            if not colon or not _NAME.match(name):
                break
            fields.append(Field(name, body))
        at += 1
    rest = lines[at + 1 :] if at < len(lines) and not lines[at] else lines[at:]
    body = b"\r\n".join(rest)
    return fields, body + b"\r\n" if body and not body.endswith(b"\r\n") else body


def _bare(argument: bytes) -> bytes:
    return argument[1:-1] if argument[:1] == b"<" and argument[-1:] == b">" else argument


def _kept(argument: bytes) -> bytes:
    """What the MTA has kept of a RCPT argument: the address without brackets and without a source route."""
    bare = _bare(argument)
    return bare.partition(b":")[2] if bare.startswith(b"@") and b":" in bare else bare
