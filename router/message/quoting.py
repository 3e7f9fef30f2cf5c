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
from router.message.signature import without_signature

MAX_ATTRIBUTION_CHARACTERS = 400
MAX_LINES = 3_000  # further down only ">" is looked for: no person writes so much above a quote
_WRAPPED_QUOTE_CHARACTERS = 66  # a quoted line so long may have lost its end to a line of its own

_UNDERSCORES = re.compile(r"\s*_{8,}\s*|\s*-{20,}\s*")
_TRACE = re.compile(r"\s*[<*] ")  # curl -v: the other direction of the conversation
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")


@dataclass(frozen=True, slots=True)
class Split:
    """new_text: the writer's words. quoted_text: the lines that were cut, with their marks."""

    new_text: str
    quoted_text: str = ""
    signature: str = ""


def split(text: str, subject: str = "") -> Split:
    """The writer's words apart from quotes and signature. subject: tells a forward ("Fwd:") from a reply."""
    lines = text.split("\n")
    folded = text.casefold()
    cutter = _Cutter(
        lines,
        forwarded=bool(forms.FORWARD_SUBJECT.match(subject)),
        may_ask_above=any(words in folded for words in forms.ABOVE_THIS_LINE),
    )
    kept, quoted = cutter.cut()
    words, signature = without_signature(kept)
    return Split(
        _BLANK_LINES.sub("\n\n", "\n".join(words)).strip(),
        "\n".join(quoted).strip("\n"),
        "\n".join(signature).strip("\n"),
    )


class _Cutter:
    def __init__(self, lines: list[str], *, forwarded: bool, may_ask_above: bool) -> None:
        self.lines = lines
        self.forwarded = forwarded
        self.may_ask_above = may_ask_above
        self.kept: list[str] = []
        self.quoted: list[str] = []
        self.has_words = False

    def cut(self) -> tuple[list[str], list[str]]:
        """(kept, quoted) lines."""
        lines = self.lines
        index, end = 0, len(lines)
        while index < end:
            line = lines[index]
            first = line.lstrip()[:1]
            if not first:
                self.kept.append(line)
                index += 1
            elif first == ">":
                index = self._quote_block(index)
            elif index > MAX_LINES:
                self._keep(line)
                index += 1
            elif forms.begins_forward(line):
                self.kept.extend(lines[index:])
                return self.kept, self.quoted
            elif self._cuts_here(index, line, first):
                self.quoted.extend(lines[index:])
                return self.kept, self.quoted
            elif used := self._attribution(index):
                self._quote_greeting(line)
                if self.has_words and not self._quote_follows(index + used):
                    self.quoted.extend(lines[index:])
                    return self.kept, self.quoted
                self._to_quote(index, index + used)  # answers may follow: between the quoted lines, or below
                index += used
            else:
                self._keep(line)
                index += 1
        return self.kept, self.quoted

    def _keep(self, line: str) -> None:
        self.kept.append(line)
        self.has_words = True

    def _to_quote(self, start: int, stop: int) -> None:
        self.quoted.extend(self.lines[start:stop])

    def _quote_follows(self, index: int) -> bool:
        index = self._next_words(index)
        return index < len(self.lines) and self.lines[index].lstrip().startswith(">")

    def _next_words(self, index: int) -> int:
        while index < len(self.lines) and not self.lines[index].strip():
            index += 1
        return index

    def _quote_block(self, start: int) -> int:
        """Moves a run of quoted lines away; returns where it ends. The trace of a protocol, both ways, stays."""
        lines = self.lines
        stop = start
        while stop < len(lines):
            line = lines[stop].lstrip()
            if line.startswith(">"):
                stop += 1
            elif (
                line
                and stop + 1 < len(lines)
                and len(lines[stop - 1]) >= _WRAPPED_QUOTE_CHARACTERS
                and line[0].islower()
                and lines[stop + 1].lstrip().startswith(">")
                and len(line) < 40
            ):
                stop += 1  # the end of a quoted line that was wrapped on its way
            else:
                break
        before = self.kept[-1] if self.kept else ""
        after = lines[stop] if stop < len(lines) else ""
        if _TRACE.match(before) or _TRACE.match(after):
            for line in lines[start:stop]:
                self._keep(line)
        else:
            self._to_quote(start, stop)
        return stop

    def _cuts_here(self, index: int, line: str, first: str) -> bool:
        if not self.has_words or self.forwarded:
            return False
        if first in "-_=~—–*#":
            ruled = forms.RULED.fullmatch(line) if len(line) < 120 else None
            if ruled and forms.ORIGINAL.search(ruled[1]):
                return True
            if _UNDERSCORES.fullmatch(line):
                following = self._next_words(index + 1)
                return following <= index + 3 and self._header_block(following)
        if self.may_ask_above and len(line) < 120 and forms.REPLY_ABOVE.match(line):
            return True
        return ":" in line[:40] and self._header_block(index)

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
        if self.forwarded and not quote_follows:
            return False
        verb = ends and forms.VERB.search(line)
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
        if not forms.YOU_WROTE.search(attribution):
            return
        index = len(self.kept) - 1
        while index >= 0 and not self.kept[index].strip():
            index -= 1
        if index > 0 and forms.GREETING.fullmatch(self.kept[index]) and any(one.strip() for one in self.kept[:index]):
            self.quoted.append(self.kept[index])
            del self.kept[index:]
