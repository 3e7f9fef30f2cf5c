"""Which parts of a message are its text, what that text is, and what is left as attachments.

multipart/alternative gives its plain form, unless that is empty, a stopgap ("your program cannot show HTML"), or says
something else than the HTML that the agent will see. Enclosed messages, delivery reports, files and everything that is
not text stay parts.
"""

import re
from collections.abc import Iterator, Mapping
from ctypes import CDLL
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router import native
from router.message import text as texts
from router.message.charset import decode
from router.message.content import file_name
from router.message.entity import Entity
from router.message.message import Part
from router.message.text import Seen
from router.message.transfer import transfer_decoded

if TYPE_CHECKING:
    from router.message.native_text import NativeText

MAX_PART_BYTES = 262_144  # of decoded text a part
MAX_TEXT_CHARACTERS = 262_144  # of the whole text
MAX_KEPT_BYTES = 65_536  # of an attached message, report or text, still encoded

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_ENRICHED_TYPES = frozenset({"text/enriched", "text/richtext"})
_TEXT_TYPES = _HTML_TYPES | _ENRICHED_TYPES | {"text/plain", "text/markdown"}
_KEPT_TYPES = ("message/", "text/plain")
_KEPT_NAMES = (".eml", ".txt")
_ENCRYPTED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_STOPGAP = re.compile(r"\bhtml\b|браузер|browser|view this (?:e-?mail|message)", re.IGNORECASE)
LETTER = r"[^\W\d_]"
COMPARED_CHARACTERS = 4_000
_WORD = re.compile(f"{LETTER}{{5,}}")
_PGP_MESSAGE = re.compile(
    r"^-----BEGIN PGP MESSAGE-----$.*?(?:^-----END PGP MESSAGE-----$|\Z)", re.DOTALL | re.MULTILINE
)
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_PGP_SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----"
_UUENCODED = re.compile(r"^begin [0-7]{3} (\S[^\n]{0,200})\n(?:[\x20-\x60]{1,62}\n)+end$", re.MULTILINE)
_ENRICHED_TAG = re.compile(r"<(?:param>[^<]{0,200}</param|/?[A-Za-z-]{1,30})>", re.IGNORECASE)


@dataclass
class Body:
    """What was found. Filled while the tree is walked; `text` and `parts` in the order of the message."""

    texts: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    encrypted: bool = False
    signed_opaque: bool = False
    cut: bool = False  # a text that was taken is not all there
    plain_seen: bool = False
    html_seen: bool = False

    @property
    def has_text(self) -> bool:
        return any(map(_has_words, self.texts))

    @property
    def text(self) -> str:
        whole = "\n\n".join([one.strip("\n") for one in self.texts if _has_words(one)])
        if len(whole) > MAX_TEXT_CHARACTERS:
            self.flags.add("text-cut")
            whole = whole[:MAX_TEXT_CHARACTERS]
        return whole


def _has_words(text: str) -> bool:
    return text != "" and not text.isspace()


def find(root: Entity) -> Body:
    """The text and the parts of a message. Never raises on what a mail can hold."""
    body = Body()
    _collect(root, body)
    if not body.has_text:
        _second_look(root, body)
    if body.html_seen and not body.plain_seen:
        body.flags.add("html-only")
    return body


def _in_c(library: CDLL) -> "NativeText | None":
    from router.message.native_text import NativeText  # it is made of the limits of this module

    html = texts.native_html()
    return None if html is None else NativeText(library, html)


_IN_C = native.ForEachThread(_in_c)


def warm() -> None:
    """Teaches C the elements and letters (12 ms) ahead of the first mail: for a process that will fork workers."""
    _IN_C.reader()


def leaves(entity: Entity) -> Iterator[Entity]:
    """Every leaf below (or the entity itself), in order."""
    if not entity.is_multipart:
        yield entity
    for child in entity.children:
        yield from leaves(child)


def _collect(entity: Entity, body: Body) -> None:
    kind = entity.content.value
    if entity.too_much:
        body.flags.add("too-many-parts")
    if not entity.is_multipart:
        _collect_leaf(entity, body)
    elif kind == "multipart/encrypted":
        body.encrypted = True
        body.parts.extend(_part(one) for one in leaves(entity))
    elif kind == "multipart/alternative":
        _collect_alternative(entity, body)
    elif kind in ("multipart/related", "multipart/signed", "multipart/report") and entity.children:
        _collect(entity.children[0], body)
        for child in entity.children[1:]:  # pictures, signatures, the report: parts, even where they are text
            body.parts.extend(_part(one) for one in leaves(child))
    else:
        for child in entity.children:
            _collect(child, body)


def _collect_leaf(entity: Entity, body: Body) -> None:
    kind = entity.content.value
    if kind in _ENCRYPTED_TYPES:
        protected = entity.content.parameters.get("smime-type", "enveloped-data").lower()
        if protected in ("signed-data", "certs-only"):
            body.signed_opaque = body.signed_opaque or protected == "signed-data"
        else:
            body.encrypted = True
    if kind == "application/ms-tnef":
        body.flags.add("tnef")
    if not _is_text(entity):
        body.parts.append(_part(entity))
        return
    _take(entity, _seen(entity, body), body)


def _collect_alternative(entity: Entity, body: Body) -> None:
    plain = next((one for one in entity.children if one.content.value == "text/plain" and _is_text(one)), None)
    rich = next((one for one in reversed(entity.children) if one is not plain and _has_text(one)), None)
    taken = rich
    if plain is not None:
        seen = _seen(plain, body)
        if rich is None or not _rich_is_better(seen.text, rich, body):
            taken = plain
            _take(plain, seen, body)
    if taken is rich and rich is not None:
        _collect(rich, body)
    for child in entity.children:
        if child is not taken:
            body.parts.extend(_part(one) for one in leaves(child) if not _is_text(one))


def _rich_is_better(plain: str, rich: Entity, body: Body) -> bool:
    """Whether the HTML form says what the plain one does not: then the agent will see the HTML."""
    html = next((one for one in leaves(rich) if one.content.value in _HTML_TYPES and _is_text(one)), None)
    if html is None or _agrees(plain, html):
        return False
    if not plain.strip() or (len(plain) < 1_000 and _STOPGAP.search(plain[:500])):
        return True
    shown = _seen(html, body).text
    if not shown.strip() or _same_words(plain, shown):
        return False
    body.flags.add("alternatives-differ")
    body.plain_seen = True
    return True


def _take(entity: Entity, seen: Seen, body: Body) -> None:
    body.texts.append(seen.text)
    if entity.content.value in _HTML_TYPES:
        body.html_seen = True
    else:
        body.plain_seen = True
    if seen.hidden:
        body.flags.add("hidden-text")
    if seen.cut:
        body.flags.add("text-cut")
    if entity.cut:
        body.cut = True


def _second_look(root: Entity, body: Body) -> None:
    """No text where one should be: a text with a file name that nobody called an attachment is better than none."""
    if body.encrypted:
        return
    for entity in leaves(root):
        if entity.content.value in _TEXT_TYPES and entity.placed.value != "attachment" and not _is_text(entity):
            seen = _seen(entity, body)
            if seen.text.strip():
                _take(entity, seen, body)
                if (listed := _part(entity)) in body.parts:
                    body.parts.remove(listed)
                return


def _is_text(entity: Entity) -> bool:
    """Whether a leaf is meant to be read in the mail itself."""
    if entity.content.value not in _TEXT_TYPES or entity.placed.value == "attachment":
        return False
    return not file_name(entity.content, entity.placed)


def _has_text(entity: Entity) -> bool:
    return any(_is_text(one) for one in leaves(entity))


def _part(entity: Entity) -> Part:
    size = None if entity.cut else len(entity.body)
    kind, name = entity.content.value, file_name(entity.content, entity.placed)
    if not kind.startswith(_KEPT_TYPES) and not name.lower().endswith(_KEPT_NAMES):
        return Part(kind, name, size)
    beginning = entity.body[:MAX_KEPT_BYTES]
    return Part(kind, name, size, transfer_decoded(beginning, entity.encoding) if entity.encoding else beginning)


def _decoded(entity: Entity) -> tuple[str, bool]:
    """The text of a leaf before cleaning, and whether there was more than MAX_PART_BYTES of it."""
    data = transfer_decoded(entity.body, entity.encoding) if entity.encoding else entity.body
    too_long = len(data) > MAX_PART_BYTES
    return decode(data[:MAX_PART_BYTES], entity.content.parameters.get("charset")), too_long


def _seen(entity: Entity, body: Body) -> Seen:
    """A text leaf as a reader sees it. What is found on the way (armour, uuencoded files) goes into `body`."""
    kind, parameters = entity.content.value, entity.content.parameters
    seen = None
    reader = _IN_C.reader()
    if reader is not None and kind not in _ENRICHED_TYPES:
        read = reader.html if kind in _HTML_TYPES else reader.plain
        seen = read(entity.body, entity.encoding, parameters.get("charset"))
    seen = seen or _cleaned(entity)
    return seen if kind in _HTML_TYPES else _bare(seen, parameters, body)


def _cleaned(entity: Entity) -> Seen:
    """A text leaf in the words of its type, read in Python."""
    source, too_long = _decoded(entity)
    kind = entity.content.value
    if kind in _HTML_TYPES:
        seen = texts.from_html(source)
    else:
        seen = texts.plain(_ENRICHED_TAG.sub("", source) if kind in _ENRICHED_TYPES else source)
    return Seen(seen.text, seen.hidden, True) if too_long else seen


def _bare(seen: Seen, parameters: Mapping[str, str], body: Body) -> Seen:
    """A plain text without what its lines are wrapped in: soft line breaks, armour, uuencoded files."""
    text = seen.text
    if parameters.get("format", "").lower() == "flowed":
        text = texts.unflowed(text, delete_space=parameters.get("delsp", "").lower() == "yes")
    if "-----BEGIN PGP" in text or "\nbegin " in text or text.startswith("begin "):
        text = _unarmoured(text, body)
    return seen if text is seen.text else Seen(text, seen.hidden, seen.cut)


def _unarmoured(text: str, body: Body) -> str:
    """Plain text without PGP armour and uuencoded files; what they were is noted."""
    if "-----BEGIN PGP MESSAGE-----" in text:
        text, count = _PGP_MESSAGE.subn("", text)
        body.encrypted = body.encrypted or count > 0
    if (start := text.find(_PGP_SIGNED)) >= 0:
        signature = text.find(_PGP_SIGNATURE, start)
        inside = text[start:signature] if signature >= 0 else text[start:]
        _, _, words = inside.partition("\n\n")
        ending = text.find("-----END PGP SIGNATURE-----", signature) if signature >= 0 else -1
        after = text[ending + len("-----END PGP SIGNATURE-----") :] if ending >= 0 else ""
        text = text[:start] + re.sub("^- ", "", words, flags=re.MULTILINE) + after
    if "begin " in text:
        for match in _UUENCODED.finditer(text):
            body.parts.append(Part("application/octet-stream", match[1].strip(), len(match[0])))
            body.flags.add("uuencoded")
        text = _UUENCODED.sub("", text)
    return text


def _agrees(plain: str, html: Entity) -> bool:
    """Whether words of the plain form stand in the HTML source: cheap, and enough for honest mail."""
    reader = _IN_C.reader()
    if reader is not None:
        said = reader.agrees(plain, html.body, html.encoding, html.content.parameters.get("charset"))
        if said is not None:
            return said
    return _agrees_in_python(plain, html)


def _agrees_in_python(plain: str, html: Entity) -> bool:
    words = _WORD.findall(plain[:COMPARED_CHARACTERS])
    if not words:
        return False
    source, _ = _decoded(html)
    sample = words[:: max(1, len(words) // 8)][:8]
    return sum(word in source for word in sample) * 4 >= len(sample) * 3


def _same_words(plain: str, shown: str) -> bool:
    """Whether the two forms say about the same: two thirds of the words of the shorter stand in the longer."""
    one, other = set(_WORD.findall(plain.lower()[:20_000])), set(_WORD.findall(shown.lower()[:20_000]))
    smaller = min(len(one), len(other))
    return smaller == 0 or len(one & other) * 3 >= smaller * 2
