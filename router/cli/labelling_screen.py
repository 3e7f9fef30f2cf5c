"""The terminal of `mailrouter label`: one mail on the screen, one key at a time.

A mail is hostile text: of what is shown no character but letters, marks and line breaks reaches the terminal. Keys are
taken by their place too, so that they work while the keyboard is Ukrainian or Russian.
"""

import os
import re
import select
import shutil
import signal
import sys
import termios
import textwrap
import tty
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from router.classify.labelling import Candidate, Classifier, likeliest
from router.frozen import dataclass

ACCEPT, SKIP, UNDO, QUIT, MORE, NOTHING = "accept", "skip", "undo", "quit", "more", ""
_FIXED = {"\r": ACCEPT, "\n": ACCEPT, "s": SKIP, "u": UNDO, "q": QUIT, " ": MORE, "\x04": QUIT, "": QUIT}
_LETTERS = "abcdefghijklmnoprtvwxyz"
_BY_PLACE = {
    cyrillic: latin
    for row in ("йцукенгшщзхї фівапролджє ячсмитьбю", "йцукенгшщзхъ фывапролджэ ячсмитьбю")
    for cyrillic, latin in zip(row, "qwertyuiop[] asdfghjkl;' zxcvbnm,.", strict=True)
    if cyrillic != " "
}
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MIN_TEXT_LINES = 5


@dataclass(frozen=True, slots=True)
class Keys:
    """chosen: key -> (classifier, label). toggles: key -> classifier of two labels."""

    chosen: Mapping[str, tuple[str, str]]
    toggles: Mapping[str, str]

    def of(self, name: str, label: str = "") -> str:
        """The key of a label, or the one that toggles a classifier."""
        pairs = self.chosen.items() if label else self.toggles.items()
        return next(key for key, meant in pairs if meant == ((name, label) if label else name))


def keys_of(classifiers: Sequence[Classifier]) -> Keys:
    """Digits for the labels of those that choose, in order; a letter, of its name if one is free, for each that says
    yes or no."""
    free = [*"1234567890", *(one for one in _LETTERS if one not in _FIXED)]
    chosen: dict[str, tuple[str, str]] = {}
    toggles: dict[str, str] = {}
    for one in classifiers:
        if one.is_one:
            key = next((letter for letter in one.name if letter in free and letter.isalpha()), free[-1])
            free.remove(key)
            toggles[key] = one.name
    for one in classifiers:
        if not one.is_one:
            for label in one.labels:
                chosen[free.pop(0)] = (one.name, label)
    return Keys(chosen, toggles)


@contextmanager
def keyboard() -> Iterator[None]:
    """Keys come one by one and are not shown; the terminal is as it was afterwards, and again after Ctrl-Z and fg."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def begin(*_: object) -> None:
        tty.setcbreak(descriptor)

    old = signal.signal(signal.SIGCONT, begin)
    begin()
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, old)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def key() -> str:
    """The next key as a Latin letter, digit or control character; "" when the terminal is gone. What arrows and
    function keys send is read over."""
    descriptor = sys.stdin.fileno()
    while True:
        try:
            data = os.read(descriptor, 1)
        except OSError:  # EIO: the terminal was closed
            return ""
        if data == b"\x1b":
            _read_over(descriptor)
            continue
        if data and data[0] >= 0xC0:
            data += os.read(descriptor, 1 if data[0] < 0xE0 else 2 if data[0] < 0xF0 else 3)
        pressed = data.decode("utf-8", "replace").lower()
        return _BY_PLACE.get(pressed, pressed)


def _read_over(descriptor: int) -> None:
    """The rest of what follows an Escape (ECMA-48): `[` … a final byte, `O` and one more, or one with Alt."""
    first = _at_once(descriptor)
    if first == b"O":
        _at_once(descriptor)
    while first == b"[" and not b"\x40" <= (_at_once(descriptor) or b"~") <= b"\x7e":
        pass


def _at_once(descriptor: int) -> bytes:
    return os.read(descriptor, 1) if select.select([descriptor], [], [], 0.05)[0] else b""


def meaning(pressed: str) -> str:
    """What a key does whatever is on the screen, or NOTHING."""
    return _FIXED.get(pressed, NOTHING)


def plain(text: str) -> str:
    """The text without anything a terminal would obey, or that makes what is shown differ from what is there."""
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n").replace("\t", "    "))


def lines_of(text: str, width: int) -> list[str]:
    """Cut to the width of the screen."""
    found: list[str] = []
    for line in plain(text).split("\n"):
        found += textwrap.wrap(line, max(20, width), drop_whitespace=False, replace_whitespace=False) or [""]
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that is on the screen but its size. place: "3 of 200 · 2 labelled". warning: "" or a line. page: of
    a long text, from 0."""

    candidate: Candidate
    chosen: Mapping[str, str]
    place: str
    warning: str = ""
    page: int = 0


def drawn(page: Page, classifiers: Sequence[Classifier], keys: Keys, columns: int, rows: int) -> tuple[list[str], int]:
    """The lines of the screen, and how many pages the text has."""
    one = page.candidate
    head = [f"{page.place} · {one.language or 'no language'} · {plain(one.id)}"[:columns]]
    head += [f"From:    {plain(one.author)}"[:columns]] if one.author else []
    head += [f"Subject: {plain(one.subject)}"[: 2 * columns], "─" * min(columns, 100)]
    foot = ["─" * min(columns, 100)]
    foot += [page.warning[:columns]] if page.warning else []
    for classifier in classifiers:
        foot.append(_asked(one, classifier, page.chosen[classifier.name], keys))
    foot.append("Enter accepts · s skips · u undoes · q quits")
    text = lines_of(one.text, min(columns, 100))
    room = max(_MIN_TEXT_LINES, rows - len(head) - len(foot) - sum(_width(line) > columns for line in foot) - 1)
    pages = 1
    if len(text) > room:
        room -= 1
        pages = -(-len(text) // room)
        at = page.page % pages
        text = [*text[at * room : (at + 1) * room], f"… page {at + 1} of {pages}: space turns it"]
    return [*head, *text, *foot], pages


def _asked(one: Candidate, classifier: Classifier, chosen: str, keys: Keys) -> str:
    scores = one.scores[classifier.name]
    parts = []
    for label in classifier.labels:
        p = scores.get(label, 1 - max(scores.values()) if classifier.is_one else 0.0)
        pressed = "" if classifier.is_one else f"{keys.of(classifier.name, label)} "
        text = f"{pressed}{label} {p:.2f}"
        parts.append(f"\x1b[7m[{text}]\x1b[0m" if label == chosen else f" {text} ")
    toggle = f" ({keys.of(classifier.name)})" if classifier.is_one else ""
    told = one.labels.get(classifier.name)
    # a row with a label of its own is pre-filled with that; what the model would say stands beside it
    other = f"  file: {told}, model: {likeliest(one, classifier)}" if told else ""
    return f"{classifier.name + toggle:<12}{' '.join(parts)}{other}"


def _width(line: str) -> int:
    shown = line.replace("\x1b[7m", "").replace("\x1b[0m", "")
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in shown)


def show(page: Page, classifiers: Sequence[Classifier], keys: Keys) -> int:
    """Draw it; gives the number of pages of its text."""
    columns, rows = shutil.get_terminal_size()
    lines, pages = drawn(page, classifiers, keys, columns, rows)
    sys.stdout.write("\x1b[2J\x1b[H" + "\n".join(lines) + "\n")
    sys.stdout.flush()
    return pages
