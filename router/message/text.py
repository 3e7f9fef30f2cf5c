"""Text as a reader sees it: plain text cleaned, HTML without its tags and without what nobody sees.

The HTML scanner goes once over the source. It keeps `<blockquote>` as "> ", so that the quote cutter works on HTML too,
and drops comments, scripts, styles and hidden elements: text that steers a classifier and that the agent never sees.
No parser library: the ones measured either lose everything behind 256 nested tags, or take seconds on a flood of `<`.
"""

import html
import re
import unicodedata
from collections import Counter
from ctypes import CDLL
from dataclasses import replace
from typing import TYPE_CHECKING

from router import native
from router.frozen import dataclass

if TYPE_CHECKING:
    from router.message.native_html import NativeHtml

MAX_CHARACTERS = 262_144
MAX_TEXT_CHARACTERS = 100_000

_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # beside CR and LF
_BLANKS = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_JOINERS = re.compile("(?<=[A-Za-z\u0400-\u052f])[\u200c\u200d]+(?=[A-Za-z\u0400-\u052f])")
_WIDTHLESS = re.compile("(?<=\\w)[\xad\u200b-\u200d\u2060\ufeff]+(?=\\w)")
_CHANGED = re.compile(f"{_LINE_ENDS.pattern}|{_BLANKS.pattern}|{_UNSEEN.pattern}|[\u200c\u200d]")
ORDINARY = "\t\n\x20-\x7e\u0400-\u045f\u0490\u0491«»–—‘’“”…№"
"""Within a class: letters and signs that `plain` leaves as they are, in whatever order."""
_ODD = re.compile(f"[^{ORDINARY}]")


@dataclass(frozen=True, slots=True)
class Seen:
    """text: LF lines, nothing invisible. hidden: it held text that a reader does not see. cut: there was more."""

    text: str
    hidden: bool = False
    cut: bool = False


def plain(text: str) -> Seen:
    """Plain text: LF lines, NFC, every kind of space a space, nothing invisible.

    hidden: more than a few characters of no width stood between letters, which only happens on purpose.
    """
    cut = len(text) > MAX_CHARACTERS
    text = text[:MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n")
    odd = "".join(set(_ODD.findall(text)))
    if not odd:
        return Seen(text, cut=cut)
    hidden = False
    if _CHANGED.search(odd):
        text = _BLANKS.sub(" ", _LINE_ENDS.sub("\n", text).removeprefix("\ufeff"))
        hidden = len(_WIDTHLESS.findall(text)) > 3
        text = _UNSEEN.sub("", _JOINERS.sub("", text))
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return Seen(text, hidden, cut)


def unflowed(text: str, *, delete_space: bool) -> str:
    """`format=flowed` text (RFC 3676) with its soft line breaks closed. delete_space: the parameter DelSp=yes."""
    paragraphs: list[tuple[int, list[str]]] = []  # quote depth, its lines
    open_depth = -1  # of the paragraph whose last line was soft, or -1
    for line in text.split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")
        soft = words.endswith(" ") and words != "-- "
        piece = words[:-1] if soft and delete_space else words
        if open_depth == depth and words != "-- ":
            paragraphs[-1][1].append(piece)
        else:
            paragraphs.append((depth, [piece]))
        open_depth = depth if soft else -1
    return "\n".join("> " * min(depth, 20) + "".join(pieces) for depth, pieces in paragraphs)


# A tag with its attributes; atomic, so that an unclosed quote costs one pass. What fails is read up to the next ">".
_TAG = re.compile(r"""</?([a-zA-Z][^\s/>]{0,60})((?:[^>"']++|"[^"]*+"|'[^']*+')*+)>""")
_LOOSE_TAG = re.compile(r"</?([a-zA-Z][^\s/>]{0,60})([^>]{0,2000})[^>]*>")
_MAX_LOOSE_TAGS = 50
_SUSPICIOUS = re.compile(r"\b(?:style|hidden|class|id)\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,40})\s*(?:=\s*(?:"([^"]*+)"?|'([^']*+)'?|([^\s"'>]++)))?""")
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all"
    r"|font-size\s*:\s*(?:0*(?:\.0+)?|0*1(?:\.0*)?px)(?:px|pt|em|rem|%)?\s*(?:!important\s*)?(?:;|$|\})"
    r"|opacity\s*:\s*0*(?:\.0+)?\s*(?:!important\s*)?(?:;|$|\})"
    r"|(?<![-\w])color\s*:\s*transparent"
    r"|(?:max-)?height\s*:\s*0(?:px)?\s*;.{0,200}overflow\s*:\s*hidden"
    r"|overflow\s*:\s*hidden\s*;.{0,200}(?:max-)?height\s*:\s*0(?:px)?\s*(?:;|$)",
    re.IGNORECASE | re.DOTALL,
)
_HIDING_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_SELECTOR = re.compile(r"\s*(?:[a-zA-Z]+)?([.#][\w-]{1,60})\s*")

_HUGE_NUMBER = re.compile(r"&#[0-9]{4000,}+")

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_RAW = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
_DROPPED = _RAW | {"select", "option", "datalist", "template", "svg", "math", "object", "audio", "video", "canvas"}
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "dl", "table"})
_CLOSED_BY_ITSELF = frozenset({"p", "li", "dt", "dd", "tr", "td", "th"})
_BLOCK = (
    _SPACED
    | {"address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "dir", "div", "dt"}
    | {"fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li", "main", "menu"}
    | {"nav", "section", "summary", "tbody", "tfoot", "thead", "tr"}
)
_CELLS = frozenset({"td", "th"})


def from_html(source: str) -> Seen:
    """What a reader sees of an HTML text, as lines; quotes (`<blockquote>`) begin with "> "."""
    if len(source) > MAX_CHARACTERS:
        return replace(from_html(source[:MAX_CHARACTERS]), cut=True)
    reader = native_html()
    return (reader and reader.seen(source)) or _from_html(source)


def native_html() -> "NativeHtml | None":
    """This thread's scanner in C; None where the library is not."""
    return _IN_C.reader()


def _in_c(library: CDLL) -> "NativeHtml":
    from router.message.native_html import NativeHtml  # it is made of the tables of this module

    return NativeHtml(library)


_IN_C = native.ForEachThread(_in_c)


def _from_html(source: str) -> Seen:
    """`from_html` in Python, of a source that is cut already."""
    scanner = _Scanner(source)
    scanner.scan()
    clean = plain(scanner.text())
    return Seen(clean.text, clean.hidden or scanner.hid_text, scanner.full)


class _Scanner:
    """One pass over the source; the stack of open elements knows what is hidden and how deep the quote is."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.hid_text = False
        self.full = False
        self._lines: list[str] = []
        self._line: list[str] = []
        self._size = 0
        self._stack: list[tuple[str, bool, bool, bool]] = []  # name, hidden, quote, preformatted
        self._open: Counter[str] = Counter()
        self._hidden = self._quotes = self._pre = 0
        self._hidden_selectors: set[str] = set()
        self._loose_tags = 0

    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n")[:MAX_TEXT_CHARACTERS]

    def scan(self) -> None:
        source = self.source
        position, end = 0, len(source)
        last_closing = source.rfind(">")
        while position < end and not self.full:
            opening = source.find("<", position)
            if opening < 0 or opening > last_closing:
                self._words(source[position:])
                return
            if opening > position:
                self._words(source[position:opening])
            following = source[opening + 1 : opening + 2]
            if following in _LETTERS or (following == "/" and source[opening + 2 : opening + 3] in _LETTERS):
                position = self._tag(opening)
            elif following in "!?/":
                position = self._markup(opening)
            else:
                self._words("<")
                position = opening + 1

    def _markup(self, opening: int) -> int:
        """A comment, a declaration, a processing instruction: where it ends. An unclosed comment hides the rest."""
        source = self.source
        if source.startswith("<!--", opening):
            if source.startswith((">", "->"), opening + 4):
                return source.index(">", opening) + 1
            closing = source.find("-->", opening + 4)
            return closing + 3 if closing >= 0 else len(source)
        closing = source.find(">", opening)
        return closing + 1 if closing >= 0 else len(source)

    def _tag(self, opening: int) -> int:
        match = _TAG.match(self.source, opening) if self._loose_tags < _MAX_LOOSE_TAGS else None
        if match is None:
            self._loose_tags += 1
            match = _LOOSE_TAG.match(self.source, opening)
            if match is None:
                self._words("<")
                return opening + 1
        name = match[1].lower()
        if self.source[opening + 1] == "/":
            self._close(name)
        elif name in _RAW:
            return self._raw_element(name, match.end())
        else:
            self._start(name, match[2])
        return match.end()

    def _raw_element(self, name: str, start: int) -> int:
        """Skips script, style and the like up to their end tag; learns from style which classes are hidden."""
        closing = re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE).search(self.source, start)
        stop = closing.start() if closing else len(self.source)
        if name == "style":
            self.learns(self.source[start : min(stop, start + 32_768)])
        if not closing:
            return len(self.source)
        end = self.source.find(">", stop)
        return end + 1 if end >= 0 else len(self.source)

    def learns(self, style: str) -> bool:
        """Reads which classes and ids a style sheet hides; whether there are any by now."""
        if not _HIDING.search(style):
            return bool(self._hidden_selectors)
        style = _without_comments(style)
        if "@" in style:  # what holds for phones or printers only does not hide it from the agent
            style = _without_at_rules(style)
        for selectors, declarations in _HIDING_RULE.findall(style):
            if _HIDING.search(declarations):
                for selector in selectors.split(","):
                    if found := _SELECTOR.fullmatch(selector):
                        self._hidden_selectors.add(found[1].lower())
        return bool(self._hidden_selectors)

    def _start(self, name: str, attributes: str) -> None:
        stack = self._stack
        if stack and _ends_by_itself(stack[-1][0], name):
            self._pop()
        if name == "br":
            self._end_line()
            return
        if name in _BLOCK:
            self._end_line()
            if name in _SPACED:
                self._blank_line()
        elif name in _CELLS and self._line:
            self._line.append(" ")
        if name in _VOID:
            return
        hidden = name in _DROPPED or self.hides(attributes)
        quote, pre = name == "blockquote", name == "pre"
        stack.append((name, hidden, quote, pre))
        self._open[name] += 1
        self._hidden += hidden
        self._quotes += quote
        self._pre += pre

    def hides(self, attributes: str) -> bool:
        """Whether an element with these attributes is hidden, also by the style sheets above."""
        if not (attributes and _SUSPICIOUS.search(attributes)):
            return False
        for found in _ATTRIBUTE.finditer(attributes[:8_192]):
            name = found[1].lower()
            value = found[2] or found[3] or found[4] or ""
            if name == "hidden":
                return True
            if name == "style" and _HIDING.search(_unescaped(value) if "&" in value else value):
                return True
            if self._hidden_selectors:
                if name == "class" and any("." + one in self._hidden_selectors for one in value.lower().split()):
                    return True
                if name == "id" and "#" + value.lower() in self._hidden_selectors:
                    return True
        return False

    def _close(self, name: str) -> None:
        if name == "br":
            self._end_line()
        if not self._open[name]:
            if name == "p":
                self._blank_line()
            return
        while self._pop() != name:
            pass

    def _pop(self) -> str:
        name, hidden, quote, pre = self._stack.pop()
        self._open[name] -= 1
        if name in _BLOCK:
            self._end_line()
        self._hidden -= hidden
        self._quotes -= quote
        self._pre -= pre
        if name in _SPACED:
            self._blank_line()
        return name

    def _words(self, text: str) -> None:
        if self._hidden:
            if not self.hid_text and self._stack and not text.isspace() and self._hidden_by_style():
                self.hid_text = True
            return
        if "&" in text:
            text = _unescaped(text)
        if self._pre:
            first, *others = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self._line.append(first)
            for other in others:
                self._end_line(keep_blank=True)
                self._line.append(other)
        else:
            words = " ".join(text.split())
            if not words:
                if self._line:
                    self._line.append(" ")
                return
            if text[0].isspace() and self._line:
                words = " " + words
            self._line.append(words + " " if text[-1].isspace() else words)
        self._size += len(text)
        if self._size > MAX_TEXT_CHARACTERS:
            self.full = True

    def _hidden_by_style(self) -> bool:
        return not any(hidden and name in _DROPPED for name, hidden, _, _ in self._stack[-64:])

    def _end_line(self, *, keep_blank: bool = False) -> None:
        if not self._line:
            if keep_blank:
                self._lines.append("> " * min(self._quotes, 20))
            return
        line = "".join(self._line)
        self._line.clear()
        if not self._pre:
            line = line.replace("  ", " ").strip()
        if line or keep_blank:
            self._lines.append("> " * min(self._quotes, 20) + line)

    def _blank_line(self) -> None:
        self._end_line()
        blank = "> " * min(self._quotes, 20)
        if self._lines and self._lines[-1] != blank and self._lines[-1].strip("> "):
            self._lines.append(blank)


def _unescaped(text: str) -> str:
    """Without character references. Of one with thousands of digits Python makes no number: it is no letter either."""
    try:
        return html.unescape(text)
    except ValueError:
        return html.unescape(_HUGE_NUMBER.sub("&#x110000", text))


def _ends_by_itself(name: str, following: str) -> bool:
    """Whether the start of `following` ends an open element `name`, as HTML has it for paragraphs, items and cells."""
    return (name == "p" and following in _BLOCK) or (name == following and name in _CLOSED_BY_ITSELF)


def _without_comments(style: str) -> str:
    first, *others = style.replace("<!--", "").replace("-->", "").split("/*")
    return first + "".join(other.partition("*/")[2] for other in others)


def _without_at_rules(style: str) -> str:
    """A style sheet without its `@media {…}` and other at-rules."""
    out: list[str] = []
    depth = 0
    skipping = 0  # the depth at which the at-rule being skipped began, plus one
    for piece in re.split(r"([{};@])", style):
        if piece == "@" and not skipping:
            skipping = depth + 1
        elif piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
            if skipping and depth < skipping:
                skipping = 0
                continue
        elif piece == ";" and skipping and depth < skipping:
            skipping = 0
            continue
        if not skipping:
            out.append(piece)
    return "".join(out)
