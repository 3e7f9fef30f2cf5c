"""Which mails a person should label, in which order, and the corrections that come of it (format: corpus.py).

The mails that teach most are those that a model is least sure of (uncertainty sampling by margin: Settles, "Active
Learning Literature Survey", 2009, section 3.1). Every classifier has a ranking of its own, and the rankings are taken
in turn, so that a classifier whose scores lie close together does not crowd out the others.
"""

import fcntl
import hashlib
import heapq
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from router.classify import personal
from router.classify.corpus import COLUMNS, Example
from router.classify.judging import INNER
from router.classify.model import Model
from router.errors import BadInput
from router.frozen import dataclass

MAX_TEXT = 32_768
"""Characters of a mail that are kept as a row of its own."""
THREAD_IDS = 10
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Classifier:
    """What is asked about each mail. labels: the model's label and beside it the word for it in a file; one of them is
    chosen. column: its name in a file. is_one: the model knows one label; the other means "is not"."""

    name: str
    column: str
    labels: tuple[str, ...]
    words: tuple[str, ...]
    is_one: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mail that could be asked about. is_row: it stands in a file of labelled mail, so that its id is enough. labels:
    what that file says. scores: classifier -> label -> probability, for one label too. references: pseudonyms of its
    thread."""

    id: str
    author: str
    subject: str
    text: str
    language: str
    source: str
    is_row: bool
    labels: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float]]
    references: str = ""


def classifiers_of(model: Model, wanted: Sequence[str] = ()) -> tuple[Classifier, ...]:
    """Those of the model that a file can say something about. wanted: only these. Raises BadInput."""
    known = {name: labels for name, labels in model.labels.items() if name in COLUMNS and name not in INNER}
    for name in wanted:
        if name not in known:
            raise BadInput(f'the model {model.id} has no classifier "{name}"; it has {", ".join(known)}')
    found = []
    for name, labels in known.items():
        if wanted and name not in wanted:
            continue
        column, words = COLUMNS[name]
        word_of = {label: word for word, label in words.items()}
        others = tuple(one for one in word_of if one not in labels)
        # a classifier of one label: what it is not comes first, since that is the usual answer
        both = (*others, *labels) if len(labels) == 1 else tuple(labels)
        found.append(Classifier(name, column, both, tuple(word_of[one] for one in both), len(labels) == 1))
    return tuple(found)


def suggested(candidate: Candidate, one: Classifier) -> str:
    """What is filled in: what a person said, else the model's likeliest label."""
    told = candidate.labels.get(one.name)
    return told if told in one.labels else likeliest(candidate, one)


def likeliest(candidate: Candidate, one: Classifier) -> str:
    scores = candidate.scores[one.name]
    if one.is_one:
        return one.labels[-1] if scores[one.labels[-1]] >= 0.5 else one.labels[0]
    return max(one.labels, key=lambda label: scores[label])


def sureness(candidate: Candidate, one: Classifier, accept: float) -> float:
    """0..1, the less the more a person's word is worth: the lead of the first label over the second, or how far a score
    is from the threshold that decides. accept: that threshold."""
    scores = candidate.scores[one.name]
    if one.is_one:
        return abs(scores[one.labels[-1]] - accept)
    first, second = sorted((scores[label] for label in one.labels), reverse=True)[:2]
    return first - second


def most_uncertain(
    candidates: Iterable[Candidate], classifiers: Sequence[Classifier], accept: Mapping[str, float], limit: int
) -> list[Candidate]:
    """At most `limit` of them, in the order in which they are asked; memory holds a few times as many. A mail that is
    there twice is asked once. accept: classifier -> threshold."""
    kept: dict[str, Candidate] = {}
    for candidate in candidates:
        kept.setdefault(candidate.id, candidate)
        if len(kept) >= _AT_ONCE + len(classifiers) * limit:
            kept = {one.id: one for one in _in_turn(list(kept.values()), classifiers, accept, limit)}
    return _in_turn(list(kept.values()), classifiers, accept, limit)[:limit]


def _in_turn(
    candidates: Sequence[Candidate], classifiers: Sequence[Classifier], accept: Mapping[str, float], limit: int
) -> list[Candidate]:
    """The first of each classifier's ranking, the second of each, and so on."""
    place: dict[str, tuple[int, int]] = {}
    for number, one in enumerate(classifiers):
        ranked = heapq.nsmallest(limit, candidates, key=lambda found, one=one: sureness(found, one, accept[one.name]))  # type: ignore[misc]  # mypy cannot type a lambda with defaults
        for rank, candidate in enumerate(ranked):
            place[candidate.id] = min(place.get(candidate.id, (rank, number)), (rank, number))
    by_id = {one.id: one for one in candidates}
    return [by_id[one] for one in sorted(place, key=lambda one: place[one])]


def id_of(author: str, subject: str, text: str) -> str:
    """The same mail has the same id wherever it lies, and in the next session."""
    whole = "\0".join((author, subject, text)).encode("utf-8", "surrogatepass")
    return f"mail-{hashlib.blake2b(whole, digest_size=6).hexdigest()}"


def thread_of(message_id: str, references: str) -> str:
    """Pseudonyms of a thread's ids, for `references` of a row: what keeps a thread together needs no names."""
    ids = list(dict.fromkeys([*references.split(), message_id]))
    kept = [one for one in (ids[:1] + ids[1:][-THREAD_IDS + 1 :]) if one]
    return " ".join("t-" + hashlib.blake2b(one.encode("utf-8", "replace"), digest_size=6).hexdigest() for one in kept)


def masked(candidate: Candidate) -> Candidate:
    """Without personal data, and with a pseudonym for the author: 24 bits, enough to keep one author's mails together
    in training, too few to prove that an address is among them."""
    author = candidate.author
    if author:
        author = f"masked-{hashlib.blake2b(author.casefold().encode(), digest_size=3).hexdigest()}@mail.example"
    return replace(
        candidate,
        author=author,
        subject=personal.redacted(candidate.subject),
        text=personal.redacted(candidate.text),
    )


def personal_kinds(candidate: Candidate) -> tuple[str, ...]:
    """What training would refuse a row for: "a phone number", …"""
    return tuple(sorted({found.kind for text in (candidate.subject, candidate.text) for found in personal.find(text)}))


def from_row(one: Example, scores: Mapping[str, Mapping[str, float]]) -> Candidate:
    return Candidate(
        one.id, one.sender, one.subject, one.text, one.language, str(one.place), True, dict(one.labels), scores
    )


def correction(
    candidate: Candidate, classifiers: Sequence[Classifier], chosen: Mapping[str, str], by: str, at: datetime
) -> str:
    """The line for the file, with its line break. chosen: classifier -> label."""
    row = {"id": candidate.id}
    if not candidate.is_row:
        row |= {"from": candidate.author, "subject": candidate.subject, "body": candidate.text[:MAX_TEXT]}
        row |= {"lang": candidate.language} if candidate.language else {}
        row |= {"references": candidate.references} if candidate.references else {}
    for one in classifiers:
        row[one.column] = one.words[one.labels.index(chosen[one.name])]
    row |= {"corrected_by": by, "corrected_at": at.isoformat(timespec="seconds")}
    line = json.dumps(row, ensure_ascii=False) + "\n"
    return line.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is in no UTF-8


class Corrections:
    """The file that corrections are appended to, each at once. done: ids that are in it. mended: what was cut off a
    last line that had not been written to its end."""

    def __init__(self, path: Path) -> None:
        """Raises BadInput: it cannot be written, another session writes to it, or it holds something else."""
        self.path = path
        self.done: set[str] = set()
        self.mended = ""
        self._written: list[tuple[str, int, bytes]] = []
        try:
            # 0600: it may hold mail
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise BadInput(f"{path}: another session of `mailrouter label` writes to it") from None
        except OSError as error:
            raise BadInput(f"{path}: cannot be written: {error.strerror}") from None
        try:
            self._read()
        except BadInput:
            self.close()
            raise

    def _read(self) -> None:
        whole = self.path.read_bytes()
        *lines, last = whole.split(b"\n")
        if last:
            try:
                json.loads(last)
                self._append(b"\n")
                lines.append(last)
            except ValueError:  # the power went while it was written: that mail is asked again
                self.mended = last.decode("utf-8", "replace")
                os.ftruncate(self._file, len(whole) - len(last))
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                self.done.add(str(row["id"]))
            except (ValueError, KeyError, TypeError):
                raise BadInput(
                    f'{self.path}:{number}: is no correction; expected {{"id": …, "corrected_by": …}}'
                ) from None

    def add(self, identifier: str, line: str) -> None:
        """Raises BadInput when it cannot be written; then it is not in the file."""
        data = line.encode()
        at = os.fstat(self._file).st_size
        try:
            self._append(data)
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, at)
            raise BadInput(f"{self.path}: cannot be written: {error.strerror}") from None
        self._written.append((identifier, at, data))
        self.done.add(identifier)

    def undo(self) -> str | None:
        """Take back what this session wrote last; its id, or None when there is nothing, or the file is another by
        now."""
        if not self._written:
            return None
        identifier, at, data = self._written[-1]
        if self.path.read_bytes()[at:] != data:
            return None
        os.ftruncate(self._file, at)
        self._written.pop()
        self.done.discard(identifier)
        return identifier

    def _append(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        os.close(self._file)
