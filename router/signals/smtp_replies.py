"""Replies of SMTP servers in a text: `550 5.1.1 <a@b.example>: Recipient address rejected`, as people copy them.

RFC 5321 section 4.2 is the form of a reply, RFC 3463 that of the status in it. A number is a reply only when a status
stands behind it or a server's English words do: "ошибка 502", "550 гривень" and "WordPress 5.7.1" are none.
"""

import re
from collections.abc import Iterable, Iterator

from router.frozen import dataclass

MAX_REPLIES = 40
MAX_WORDS = 300
_MAX_TRIED = 400
_BEFORE, _BEHIND = 400, 300

ADDRESS = re.compile(r"(?<![\w.+%=-])[\w.+%=/!#$&'*^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}")

_SIGN = re.compile(r"[45#](?=(?<=#)[245]\.|(?<=[45])[0-5][0-9](?:[ \t:(\[#-]|[245]\.))")
"""Where a reply may begin. It begins with one of three characters, so that a text is searched in one go; `_REPLY` is
tried at the few places that this finds."""

_STATUS = r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![\w.]*[0-9])"
_WORDS = (
    r"user|mailbox|mail box|recipient|relay|reject|denied|refused|spam|block|blacklist|quota|full|unknown|not exist"
    r"|no such|policy|spf|dkim|dmarc|helo|greylist|grey-?listed|sender|unrout|undeliver|not found|not allowed|invalid"
    r"|try again|too many|too large|exceed|suspend|disabled|inactive|unavailable|reputation|listed"
)
_REPLY = re.compile(
    rf"(?<![\w.,:/@+-])(?:(?P<code>[45][0-5][0-9])[ \t]?[-:]?[ \t]{{0,3}}[(\[#]{{0,2}}(?P<status>{_STATUS})"
    rf"|\#(?P<marked>{_STATUS})"
    rf"|(?P<bare>421|45[0-5]|50[0-4]|521|541|55[0-6]|571)(?=[ \t:-][\x20-\x7e]{{0,80}}?(?:{_WORDS})))",
    re.IGNORECASE,
)
_HOST = re.compile(r"\bhost ([\w.-]{3,255})", re.IGNORECASE)
_OF_SENDER = re.compile(r"[>'\"]?[:,]?\s{0,2}sender", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n[> \t]*\n")
_QUOTE_MARKS = re.compile(r"^[> \t]{1,40}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """code: "550" or "". status: RFC 3463; `5.0.0` when a code stands alone. recipient: the address that it is about,
    by its place in the text, or "". words: the reply, one line. remote_mta: the host that said it, or ""."""

    code: str
    status: str
    recipient: str
    words: str
    remote_mta: str


def replies_in(text: str) -> Iterable[Reply]:
    """Every refusing or deferring reply of a text, in order, at most MAX_REPLIES. Linear in its length."""
    return _replies(text) if _SIGN.search(text) else ()


def _replies(text: str) -> Iterator[Reply]:
    if ">" in text:
        text = _QUOTE_MARKS.sub("", text)
    found = tried = end = 0
    for sign in _SIGN.finditer(text):
        match = _REPLY.match(text, sign.start()) if sign.start() >= end else None
        if match is None:
            continue
        if found >= MAX_REPLIES or tried >= _MAX_TRIED:
            return
        tried, end = tried + 1, match.end()
        code = match["code"] or match["bare"] or ""
        status = match["status"] or match["marked"] or f"{code[0]}.0.0"
        if status[0] == "2" or (code and code[0] != status[0]):
            continue
        found += 1
        words = _words(text, match.start())
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        yield Reply(code, status, _recipient(before, words), one_line(words)[:MAX_WORDS], _host(before))


def one_line(text: str) -> str:
    """Without line ends and whatever else cannot be printed; single spaces."""
    line = " ".join(text.split())
    return line if line.isprintable() else " ".join("".join(one if one.isprintable() else " " for one in line).split())


def _words(text: str, start: int) -> str:
    """The reply, up to the end of its paragraph."""
    words = text[start : start + _BEHIND]
    end = _PARAGRAPH.search(words)
    return words[: end.start()] if end else words


def _recipient(before: str, words: str) -> str:
    """The address in the reply itself, else the last one before it; not one that is named as the sender's."""
    for match in ADDRESS.finditer(words):
        if not _OF_SENDER.match(words, match.end()):
            return match[0]
    last = ""
    for match in ADDRESS.finditer(before):
        last = match[0]
    return last


def _host(before: str) -> str:
    last = ""
    for match in _HOST.finditer(before[-200:]):
        last = match[1].rstrip(".")
    return last
