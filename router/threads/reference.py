"""What a mail says about its own thread: ticket tags and prefixes of its Subject, ids it answers, marks of forwarding.

All of it is a claim that anybody can type; threads/followup.py decides what is believed. Marks of forwarding are
general knowledge of mail programs and live here as data, prefixes of a Subject in message/subject.py; ticket tags are
the site's and come in.
"""

import re
import unicodedata
from functools import lru_cache

from router.frozen import dataclass
from router.message.message import Message
from router.message.subject import one_of, without_prefixes

MAX_IDS = 50  # the newest; a hostile References field holds thousands
MAX_FIELD_BYTES = 32_768
MAX_SUBJECT = 1_000
MAX_TEXT = 65_536
MAX_NUMBERS = 20

FORWARDED_BLOCKS = (
    "forwarded message", "begin forwarded message", "original message forwarded", "пересылаемое сообщение",
    "пересылаемое письмо", "пересланное сообщение", "пересланное письмо", "начало переадресованного сообщения",
    "переслане повідомлення", "пересланий лист", "переслане листування", "початок пересланого повідомлення",
    "weitergeleitete nachricht", "anfang der weitergeleiteten nachricht", "message transféré", "mensaje reenviado",
    "messaggio inoltrato", "wiadomość przekazana", "przekazana wiadomość", "mensagem encaminhada",
)  # fmt: skip
"""The line that mail programs put above a message they forward, without its dashes."""

_RESENT = frozenset({"resent-from", "resent-to", "resent-message-id"})
_ID = re.compile(rb"<[^<>\s]{1,998}>")
# With a line end before it, for which a search is many times faster than for the begin of any line.
_FORWARDED_BLOCK = re.compile(rf"\n[ \t>*_-]{{0,60}}(?:{one_of(FORWARDED_BLOCKS)})[ \t]{{0,3}}(?::|-|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reference:
    """numbers: of all ticket tags in the Subject, in order, without repeats. noted: of tags in the text only.

    ids: the Message-IDs it answers, with brackets, the nearest first (In-Reply-To, then References from the end).
    forwarded: the mark that it is a forwarded mail, or "". subject: NFKC, without tags and prefixes. replies: how many
    reply prefixes stand before it.
    """

    numbers: tuple[str, ...]
    noted: tuple[str, ...]
    ids: tuple[str, ...]
    forwarded: str
    subject: str
    replies: int


def read(message: Message, tags: tuple[str, ...]) -> Reference:
    """What `message` says about its thread. tags: the site's, such as `[desk #{number}]`, present and former."""
    subject = unicodedata.normalize("NFKC", message.subject[:MAX_SUBJECT])
    numbers = numbers_in(subject, tags)
    bare, prefixes = stripped(subject, tags)
    return Reference(
        numbers,
        tuple(one for one in numbers_in(message.full_text[:MAX_TEXT], tags) if one not in numbers),
        ids_of(message),
        _forwarded(message, prefixes),
        bare,
        prefixes.count("reply"),
    )


def numbers_in(text: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    """The ticket numbers of all tags in a text, ASCII digits, in order, without repeats, at most MAX_NUMBERS.

    The text should be NFKC (no-break spaces, fullwidth digits); letter case and spaces inside the tag do not matter.
    """
    pattern = _tags(tags)
    if pattern is None:
        return ()
    found: dict[str, None] = {}
    for match in pattern.finditer(text):
        found[next(group for group in match.groups() if group)] = None
        if len(found) == MAX_NUMBERS:
            break
    return tuple(found)


def stripped(subject: str, tags: tuple[str, ...] = ()) -> tuple[str, tuple[str, ...]]:
    """An NFKC subject without tags and leading prefixes, and the prefixes from the outside in: "reply" or "forward".

    `Re[2]: FW: [desk #7] Отв: сайт` gives `сайт` and reply, forward, reply.
    """
    pattern = _tags(tags)
    return without_prefixes(pattern.sub(" ", subject) if pattern else subject)


def ids_of(message: Message) -> tuple[str, ...]:
    """The Message-IDs that In-Reply-To and References name, nearest first, without repeats, at most MAX_IDS."""
    found: dict[str, None] = {}
    for name in ("In-Reply-To", "References"):
        if name in message.fields:
            # Raw: the newest ids stand at the end, where decoding for people has long been cut off.
            for body in reversed(message.fields.raw(name)):
                for one in reversed(_ID.findall(body[-MAX_FIELD_BYTES:])):
                    found[one.decode("utf-8", "replace")] = None
    return tuple(found)[:MAX_IDS]


def _forwarded(message: Message, prefixes: tuple[str, ...]) -> str:
    if prefixes[:1] == ("forward",):
        return "a forward prefix in the Subject"
    if not _RESENT.isdisjoint(message.fields.names):
        return "Resent-* fields"
    if prefixes[:1] == ("reply",):
        return ""  # an answer may enclose a mail, or quote one that was forwarded
    if any(part.media_type in ("message/rfc822", "message/global") for part in message.parts):
        return "an enclosed message"
    text = f"\n{message.full_text[:MAX_TEXT].lower()}"
    return "a forwarded message in the text" if _FORWARDED_BLOCK.search(text) else ""


@lru_cache(maxsize=32)  # a pure function of the site's tags, asked for every mail
def _tags(tags: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(_tag(one) for one in tags), re.IGNORECASE) if tags else None


def _tag(tag: str) -> str:
    """A regex for one tag: its words as they stand, any few spaces between its pieces.

    Raises ValueError for a tag without exactly one `{number}`.
    """
    before, number, after = unicodedata.normalize("NFKC", tag).partition("{number}")
    if not number or "{number}" in after:
        raise ValueError(f'a ticket tag holds {{number}} once, as in "[desk #{{number}}]", unlike "{tag}"')
    pieces = [[re.escape(piece) for piece in re.findall(r"\w+|[^\w\s]", part)] for part in (before, after)]
    between = r"\s{0,3}"
    start = "" if not pieces[0] or pieces[0][0].startswith("\\") else r"(?<![^\W_])"
    end = "" if pieces[1] and pieces[1][-1].startswith("\\") else r"(?![^\W_])"
    return start + between.join([*pieces[0], "([0-9]{1,20})", *pieces[1]]) + end
