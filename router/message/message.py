"""A message as the rest of the house sees it: decoded, frozen, with what could not be read named in `degraded`."""

from dataclasses import field
from enum import StrEnum

from router.frozen import dataclass
from router.message.envelope import RawMessage
from router.message.headers import HeaderFields
from router.vocabulary import UNDETERMINED


class ReadBy(StrEnum):
    """Which reader gave the body: the fast path for plain mail, flanker, the stdlib, or nothing but a guess."""

    FAST = "fast"
    FLANKER = "flanker"
    STDLIB = "stdlib"
    RAW = "raw"


FLAGS: dict[str, str] = {
    "duplicate-…": "a field that may stand once (from, subject, content-type …) stands more often; the first counts",
    "two-boundaries": "the Content-Type names two boundaries, so that two mail programs may see two messages",
    "nul": "the body holds NUL bytes",
    "bare-cr": "the body holds CR without LF, in its first 8 KiB",
    "bare-lf": "the body holds both CRLF and lone LF, in its first 8 KiB",
    "html-only": "there is no plain form of the text",
    "hidden-text": "HTML that no reader sees was left out, or letters were parted by characters without width",
    "alternatives-differ": "plain and HTML form say different things; the HTML was taken, as mail programs show it",
    "mixed-script": "words are made of Latin and Cyrillic letters",
    "text-cut": "the text is longer than what is read of it",
    "too-many-parts": "more parts or deeper ones than are looked at",
    "tnef": "holds winmail.dat, which is not unpacked",
    "uuencoded": "held a file in the text, listed as a part",
}
"""What `Message.flags` may hold."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """Something that could not be known about this mail. what: `body`, `fields`, `model`, `dns` …; why: in words."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is not the text of the mail: an attachment, an enclosed message, a picture.

    media_type: lower case `type/subtype`. name: decoded file name or "". size_bytes: of the encoded part as kept, None
    when the body was cut inside it. content: of an enclosed message, a delivery report or a text, whatever it is named:
    its first bytes, transfer encoding undone, so that a bounce can be looked for; else empty.
    """

    media_type: str
    name: str = ""
    size_bytes: int | None = None
    content: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One mail, read.

    subject: decoded, one line, no control characters. full_text: the whole text (text/plain, or HTML without hidden
    text), LF lines. new_text: what this writer wrote, without quotes and signature. quoted_text: the quotes that were
    cut. signature: the writer's own, cut from new_text. language: ISO 639-1, or "undetermined"; of new_text, the
    subject never outvotes it. script: "cyrillic", "latin", "other", or "" when there are no letters. media_type: of
    the top level. encrypted: S/MIME or PGP, so that there is no text. flags: oddities that a rule or a person may want
    to know ("duplicate-from", "two-boundaries", "nul", "hidden-text" …; all of them in `FLAGS`). text_known: False
    when the body could not be decoded; the texts are then "".
    """

    raw: RawMessage
    fields: HeaderFields
    subject: str
    full_text: str
    new_text: str
    quoted_text: str
    signature: str = ""
    language: str = UNDETERMINED
    script: str = ""
    media_type: str = "text/plain"
    parts: tuple[Part, ...] = ()
    encrypted: bool = False
    read_by: ReadBy = ReadBy.RAW
    flags: frozenset[str] = frozenset()
    text_known: bool = True
    degraded: tuple[Degraded, ...] = ()

    @property
    def message_id(self) -> str:
        """The Message-ID with its brackets, or ""."""
        return self.fields.first("Message-ID").strip()
