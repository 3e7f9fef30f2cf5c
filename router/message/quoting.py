"""What this writer wrote, apart from what is quoted: for ru, uk, en first, and other languages by `attribution`.

Rules, in the order of what they protect:
  - a forwarded message is content; so is a header or an error text that the writer pastes ("Браузер пише: ERR_…");
  - answers between and below quoted lines stay;
  - an attribution line ("… wrote:") cuts only if quoted lines follow, or if it has a date and an address;
  - a header block (From, Sent, To, Subject in any language) or "-----Original Message-----" cuts the rest away.
Losing the writer's words is worse than keeping a quote: what is doubtful stays. One pass, linear.
"""

import re

from router.frozen import dataclass
from router.message import attribution as forms
from router.message.lines import ATTRIBUTION, BLANK, FIELD, FIELD_CHARACTERS, QUOTE, RULED, WORDS, having
from router.message.lines import kinds as kinds_of
from router.message.signature import without_signature

MAX_ATTRIBUTION_CHARACTERS = 400
MAX_LINES = 3_000  # further down only ">" is looked for: no person writes so much above a quote
_WRAPPED_QUOTE_CHARACTERS = 66  # a quoted line so long may have lost its end to a line of its own

_UNDERSCORES = re.compile(r"\s*_{8,}\s*|\s*-{20,}\s*")
_TRACE = re.compile(r"\s*[<*] ")  # curl -v: the other direction of the conversation
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_CUTTING = re.compile(having(QUOTE).pattern + b"+|" + having(ATTRIBUTION | RULED | FIELD).pattern)
"""A run of quoted lines, or a line that may be one that cuts."""
_ONLY_QUOTES = re.compile(having(BLANK | QUOTE).pattern + rb"*\Z")


@dataclass(frozen=True, slots=True)
class Split:
    """new_text: the writer's words. quoted_text: the lines that were cut, with their marks."""

    new_text: str
    quoted_text: str = ""
    signature: str = ""


def split(text: str, subject: str = "") -> Split:
    """The writer's words apart from quotes and signature. subject: tells a forward ("Fwd:") from a reply."""
    lines = text.split("\n")
    kept, kinds, quoted = _Cutter(text, lines, subject).cut()
    words, signature = without_signature(kept, kinds)
    new_text = "\n".join(words)
    if "\n\n\n" in new_text or "\n " in new_text or "\n\t" in new_text:
        new_text = _BLANK_LINES.sub("\n\n", new_text)
    return Split(new_text.strip(), "\n".join(quoted).strip("\n"), "\n".join(signature).strip("\n"))


class _Cutter:
    def __init__(self, text: str, lines: list[str], subject: str) -> None:
        self.text = text
        self.lines = lines
        self.kinds = kinds_of(text, lines)
        self.subject = subject
        self.kept: list[str] = []
        self.kept_kinds = bytearray()
        self.quoted: list[str] = []
        self.may_ask_above: bool | None = None

    def cut(self) -> tuple[list[str], bytes, list[str]]:
        """(kept lines, their kinds, quoted lines)"""
        lines, kinds = self.lines, self.kinds
        index, end = 0, len(lines)
        while found := _CUTTING.search(kinds, index):
            start = found.start()
            if index < start:
                self._keep(index, start)
            index, kind, line = start, kinds[start], lines[start]
            if kind & QUOTE:
                index = self._quote_block(index, found.end())
            elif index > MAX_LINES:
                self._keep(index, index + 1)
                index += 1
            elif kind & RULED and forms.begins_forward(line):
                break
            elif kind & (RULED | FIELD) and self._cuts_here(index, line, kind):
                self._to_quote(index, end)
                index = end
            elif kind & ATTRIBUTION and (used := self._attribution(index)):
                self._quote_greeting(line)
                stop = index + used
                if not self._quote_follows(stop) and self._has_words():
                    stop = end
                self._to_quote(index, stop)  # answers may follow: between the quoted lines, or below
                index = stop
            else:
                self._keep(index, index + 1)
                index += 1
        self._keep(index, end)
        return self.kept, bytes(self.kept_kinds), self.quoted

    def _keep(self, start: int, stop: int) -> None:
        self.kept += self.lines[start:stop]
        self.kept_kinds += self.kinds[start:stop]

    def _has_words(self) -> bool:
        return WORDS.search(self.kept_kinds) is not None

    def _is_forwarded(self) -> bool:
        return forms.FORWARD_SUBJECT.match(self.subject) is not None

    def _to_quote(self, start: int, stop: int) -> None:
        self.quoted += self.lines[start:stop]

    def _quote_follows(self, index: int) -> bool:
        found = WORDS.search(self.kinds, index)
        return found is not None and bool(self.kinds[found.start()] & QUOTE)

    def _next_words(self, index: int) -> int:
        found = WORDS.search(self.kinds, index)
        return found.start() if found else len(self.lines)

    def _quote_block(self, start: int, stop: int) -> int:
        """Moves a run of quoted lines away; returns where it ends. The trace of a protocol, both ways, stays."""
        kinds, end = self.kinds, len(self.kinds)
        while stop < end and kinds[stop] != BLANK and self._is_wrapped(stop):
            stop += 1
            while stop < end and kinds[stop] & QUOTE:
                stop += 1
        traced = self.kept and self.kept_kinds[-1] != BLANK and _TRACE.match(self.kept[-1])
        if traced or (stop < end and kinds[stop] != BLANK and _TRACE.match(self.lines[stop])):
            self._keep(start, stop)
        elif _ONLY_QUOTES.match(kinds, stop):  # as a mail mostly ends; blank lines at the end are of no text
            self.quoted += self.lines[start:] if stop == end else filter(str.strip, self.lines[start:])
            return end
        else:
            self._to_quote(start, stop)
        return stop

    def _is_wrapped(self, index: int) -> bool:
        """Whether this is the end of the quoted line above, which was wrapped on its way."""
        lines = self.lines
        if index + 1 == len(lines) or not self.kinds[index + 1] & QUOTE:
            return False
        line = lines[index].lstrip()
        return len(lines[index - 1]) >= _WRAPPED_QUOTE_CHARACTERS and line[0].islower() and len(line) < 40

    def _cuts_here(self, index: int, line: str, kind: int) -> bool:
        if self._is_forwarded() or not self._has_words():
            return False
        if kind & RULED and line.lstrip()[0] in "-_=~—–*#":
            ruled = forms.RULED.fullmatch(line) if len(line) < 120 else None
            if ruled and forms.ORIGINAL.search(ruled[1]):
                return True
            if _UNDERSCORES.fullmatch(line):
                following = self._next_words(index + 1)
                return following <= index + 3 and self._header_block(following)
        if kind & RULED and len(line) < 120 and self._may_ask_above() and forms.REPLY_ABOVE.match(line):
            return True
        return bool(kind & FIELD) and ":" in line[:FIELD_CHARACTERS] and self._header_block(index)

    def _may_ask_above(self) -> bool:
        if self.may_ask_above is None:
            folded = self.text.casefold()
            self.may_ask_above = any(words in folded for words in forms.ABOVE_THIS_LINE)
        return self.may_ask_above

    def _header_block(self, start: int) -> bool:
        """Whether the block of field lines of a quoted mail begins here (and the writer did not paste it)."""
        lines = self.lines
        roles: set[str] = set()
        index = start
        missed = 0
        while index < min(len(lines), start + 14):
            line = lines[index]
            if not line.strip():
                if len(roles) >= 3 or not roles:
                    break
                index += 1
                continue
            found = forms.FIELD.match(line)
            role = forms.ROLE_OF.get(found[1].strip().lower()) if found else None
            if role is None:
                if index == start or forms.PASTED.match(line):
                    return False
                missed += 1
                if missed > 2 or len(roles) >= 3:
                    break
            else:
                roles.add(role)
            index += 1
        if not ("from" in roles and len(roles & {"from", "date", "to", "copy", "subject"}) >= 3):
            return False
        above = next((one for one in reversed(self.kept) if one.strip()), "")
        return not (above.rstrip().endswith(":") or forms.PASTED.match(above))

    def _attribution(self, index: int) -> int:
        """How many lines of an attribution begin here; 0: none does. Only one that may cut."""
        lines = self.lines
        joined = ""
        for used in (1, 2, 3):
            if index + used > len(lines):
                return 0
            line = lines[index + used - 1].strip()
            if not line or (used > 1 and line.startswith(">")):
                return 0
            joined = f"{joined} {line}" if joined else line.lstrip("-*_ ")
            if len(joined) > MAX_ATTRIBUTION_CHARACTERS:
                return 0
            if self._attributes(joined, index + used):
                return used
            if used == 1 and not self._may_wrap(joined):
                return 0
        return 0

    def _may_wrap(self, line: str) -> bool:
        return "@" in line or "<" in line[-80:] or bool(forms.OPENING.match(line))

    def _attributes(self, line: str, following: int) -> bool:
        """Whether `line` is an attribution that may cut: `following` is the index of the line after it."""
        ends = line.endswith((":", ":*"))
        if not ends and not line.endswith(">"):
            return False
        quote_follows = self._quote_follows(following)
        if not ends and not quote_follows:
            return False
        if not quote_follows and self._is_forwarded():
            return False
        verb = ends and (line.endswith(forms.USUAL_ENDS) or forms.VERB.search(line))
        if quote_follows and verb:
            return True
        # the date is the dearest to look for
        bracketed = not quote_follows and forms.BRACKETED.search(line)
        date = (verb or quote_follows or bracketed) and forms.DATE.search(line)
        if quote_follows:
            return bool(date and (forms.ADDRESS.search(line) or forms.TIME.search(line)))
        if date and bracketed:
            return bool(verb or forms.ENDS_IN_ADDRESS_OR_TIME.search(line))
        dated = verb and date and forms.TIME.search(line) and forms.DATED_OPENING.match(line)
        return bool(dated or (verb and forms.NAME_WROTE.fullmatch(line)))

    def _quote_greeting(self, attribution: str) -> None:
        """The Bat! puts a greeting above "You wrote", which is not this writer's if words precede it."""
        index = len(self.kept) - 1
        while index >= 0 and self.kept_kinds[index] == BLANK:
            index -= 1
        if (
            index > 0
            and forms.GREETING.fullmatch(self.kept[index])
            and forms.YOU_WROTE.search(attribution)
            and WORDS.search(self.kept_kinds, 0, index)
        ):
            self.quoted.append(self.kept[index])
            del self.kept[index:]
            del self.kept_kinds[index:]
