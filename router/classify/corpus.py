"""Labelled mail: reading it and checking it. Three formats, told apart by the file's ending.

`.jsonl`, one mail a line:
    {"id", "from", "subject", "body", "lang": "ru|uk|en", "topic": LABEL, "abusive": "yes|no", "vague": "yes|no",
    "priority": "low|normal|high|urgent", "in_reply_to", "references", "tags"}
`.csv` with a header:
    id,subject,text,lang,topic,abusive,priority,follow_up,source,raw_label
`.tsv`, phrases: the header names a column and languages, each line has a label and the same said in each of them:
    topic   ru   uk   en
An empty or absent label means: not labelled. `new_question_in_old_ticket` counts in follow-ups only.

A JSON line with a `reply` is a pair of a ticket and a reply, which teaches whether a reply asks something else:
    {"id", "sender", "lang", "subject", "ticket": [{"by": "customer|staff", "text"}], "status": "open|closed",
    "idle_days": 12.5, "reply", "new_question": "yes|no", "situation"}
Pairs of one situation, told in several languages or with another reply, stay on one side of a split.

A row with `corrected_by` and `corrected_at` is a person's correction: it replaces the labels it names of the row with
the same id, wherever that stands; of several corrections of one row the latest counts. It may bring its own body, and
is then a mail of its own if no other row has the id:
    {"id": "n-ru-001", "topic": "billing", "corrected_by": "olga", "corrected_at": "2026-11-24T10:00:00+02:00"}
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path

from router.classify.replies import ASKS_ANEW, REPLY, Told
from router.errors import BadFile, Location, Problem, closest
from router.frozen import dataclass
from router.message.stems import overlap, stems

TOPICS = ("technical", "billing", "sales", "other")
URGENCIES = ("low", "normal", "high", "urgent")
COLUMNS: dict[str, tuple[str, dict[str, str]]] = {
    # classifier: the column in the file, and each of its words with the label it means
    "topic": ("topic", {one: one for one in TOPICS}),
    "abuse": ("abusive", {"yes": "abusive", "no": "clean"}),
    "vague": ("vague", {"yes": "vague", "no": "clean"}),
    "urgency": ("priority", {one: one for one in URGENCIES}),
    "ours": ("ours", {"yes": "ours", "no": "foreign"}),
    REPLY: ("new_question_in_old_ticket", {"yes": ASKS_ANEW, "no": "clean"}),
}
PHRASE_WEIGHT = 0.5
"""Of a phrase in training, against a mail."""

_QUOTE = re.compile(
    r"^(?:-{2,} ?(?:original message|forwarded message|исходное сообщение|пересылаемое сообщение|вихідне повідомлення)"
    r"|.{0,80}\b(?:wrote|writes|пишет|написал|написала|написав|пише)(?: ?\(а\))?:\s*$)",
    re.IGNORECASE,
)


NOWHERE = Location("")


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled mail. text: without quoted lines. labels: classifier -> label; `abuse` is "abusive" or "clean".

    sender: whose address, folded; what one sender wrote never stands on both sides of a split. thread: its References.
    weight: of one row in training. is_mail: False for a phrase, which teaches but measures nothing.
    place: where it was read. corrected_by: whose labels these are, if somebody corrected them. told: of a pair, what is
    known of the ticket; the text is the reply's.
    """

    id: str
    sender: str
    subject: str
    text: str
    language: str
    labels: Mapping[str, str]
    thread: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""
    weight: float = 1.0
    is_mail: bool = True
    place: Location = NOWHERE
    corrected_by: str = ""
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class _Correction:
    example: Example
    has_body: bool
    at: datetime


def without_quotes(body: str) -> str:
    """What the author wrote above and between the quoted lines of a plain-text mail."""
    kept = []
    for line in body.split("\n"):
        if line.lstrip().startswith(">"):
            continue
        if _QUOTE.match(line.strip()) and not re.match(
            r"-{2,} ?(?:forwarded|пересылаемое)", line.strip(), re.IGNORECASE
        ):
            continue
        kept.append(line)
    return "\n".join(kept).strip("\n")


def read(paths: Iterable[Path]) -> list[Example]:
    """All labelled mails of the files, in order; a folder stands for its files. Raises BadFile with every bad line."""
    examples: list[Example] = []
    problems: list[Problem] = []
    seen: dict[str, Location] = {}
    corrections: list[_Correction] = []
    for path in _files(paths):
        reader = {".csv": _csv_rows, ".tsv": _phrases}.get(path.suffix, _json_rows)
        rows = reader(path, problems)
        for place, row in rows:
            if "corrected_by" in row or "corrected_at" in row:
                correction = _correction(row, place, path.stem, problems)
                corrections += [correction] if correction else []
                continue
            example = (_pair if "reply" in row else _example)(row, place, path.stem, problems)
            if example is None:
                continue
            if example.id in seen:
                problems.append(Problem("E120", f'id "{example.id}" is already used at {seen[example.id]}', place))
                continue
            seen[example.id] = place
            examples.append(example)
    examples = _corrected(examples, corrections, problems)
    if problems:
        raise BadFile(problems)
    return examples


def _correction(row: dict[str, str], place: Location, stem: str, problems: list[Problem]) -> _Correction | None:
    if not row.get("corrected_by", "").strip():
        problems.append(Problem("E128", "corrected_by is empty: who corrected it?", place))
    try:
        at = datetime.fromisoformat(row.get("corrected_at", ""))
    except ValueError:
        problems.append(Problem("E128", "corrected_at is no date and time; write 2026-11-24T10:00:00+02:00", place))
        return None
    example = _example({"body": "", **row}, place, stem, problems)
    if example is None:
        return None
    if not example.labels:
        columns = ", ".join(column for column, _ in COLUMNS.values())
        problems.append(Problem("E128", f"corrects nothing; expected one of {columns}", place))
    example = replace(example, corrected_by=row.get("corrected_by", "").strip())
    return _Correction(example, "body" in row, at if at.tzinfo else at.replace(tzinfo=UTC))


def _corrected(
    examples: Sequence[Example], corrections: Iterable[_Correction], problems: list[Problem]
) -> list[Example]:
    found = {one.id: one for one in examples}
    for correction in sorted(corrections, key=lambda one: one.at):
        new = correction.example
        had = found.get(new.id)
        if had is not None:
            # whoever says that a mail has a topic says that it is of our trade, unless it says so itself
            found[new.id] = replace(had, labels={**had.labels, **new.labels}, corrected_by=new.corrected_by)
        elif correction.has_body:
            found[new.id] = new
        else:
            near = closest(new.id, found)
            hint = f'; did you mean "{near}"?' if near else ""
            problems.append(Problem("E129", f'corrects "{new.id}", which no file has{hint}', new.place))
    return list(found.values())


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.suffix in (".jsonl", ".csv", ".tsv"))
        else:
            yield path


def _json_rows(path: Path, problems: list[Problem]) -> Iterator[tuple[Location, dict[str, str]]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        problems.append(Problem("E121", f"cannot be read: {error.strerror}", Location(str(path))))
        return
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = Location(str(path), number, 1)
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            problems.append(Problem("E122", "is not UTF-8", Location(str(path), number, error.start + 1)))
            continue
        except ValueError as error:
            column = getattr(error, "colno", 1)
            problems.append(Problem("E122", f"is not JSON: {error}", Location(str(path), number, column)))
            continue
        if not isinstance(row, dict):
            problems.append(Problem("E122", 'expected an object {"id": …, "body": …}', place))
            continue
        yield (
            place,
            {
                key: value if isinstance(value, str) else json.dumps(value)
                for key, value in row.items()
                if isinstance(value, str) or key in ("ticket", "idle_days")
            },
        )


def _csv_rows(path: Path, problems: list[Problem]) -> Iterator[tuple[Location, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = {"id", "text"} - set(reader.fieldnames or ())
            if missing:
                problems.append(
                    Problem("E123", f"the header lacks {', '.join(sorted(missing))}", Location(str(path), 1, 1))
                )
                return
            for row in reader:
                values = {key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
                values["body"] = values.pop("text", "")
                yield Location(str(path), reader.line_num, 1), values
    except OSError as error:
        problems.append(Problem("E121", f"cannot be read: {error.strerror}", Location(str(path))))
    except UnicodeDecodeError:
        problems.append(Problem("E122", "is not UTF-8", Location(str(path))))
    except csv.Error as error:
        problems.append(Problem("E122", f"is not CSV: {error}", Location(str(path))))


def _phrases(path: Path, problems: list[Problem]) -> Iterator[tuple[Location, dict[str, str]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        problems.append(Problem("E121", f"cannot be read: {error.strerror}", Location(str(path))))
        return
    except UnicodeDecodeError:
        problems.append(Problem("E122", "is not UTF-8", Location(str(path))))
        return
    column, *languages = lines[0].split("\t")
    known = [one for one, _ in COLUMNS.values()]
    if column not in known or not languages:
        problems.append(
            Problem(
                "E123",
                f"expected a header such as topic<TAB>ru<TAB>uk, one of {known}",
                Location(str(path), 1, 1),
            )
        )
        return
    for number, line in enumerate(lines[1:], 2):
        if not line:
            continue
        place = Location(str(path), number, 1)
        label, *texts = line.split("\t")
        if len(texts) != len(languages):
            problems.append(Problem("E124", f"expected {len(languages)} texts, found {len(texts)}", place))
            continue
        for language, text in zip(languages, texts, strict=True):
            name = f"{path.stem}-{number}"
            yield (
                place,
                {
                    "id": f"{name}-{language}",
                    "from": name,
                    "body": text,
                    "lang": language,
                    column: label,
                    "is": "phrase",
                },
            )


def _example(row: dict[str, str], place: Location, stem: str, problems: list[Problem]) -> Example | None:
    bad = len(problems)
    if not row.get("id"):
        problems.append(Problem("E124", "has no id", place))
    if "body" not in row:
        problems.append(Problem("E124", "has no body (text in CSV)", place))
    labels: dict[str, str] = {}
    for classifier, (column, allowed) in COLUMNS.items():
        word = row.get(column, "")
        if not word:
            continue
        if word not in allowed:
            near = closest(word, allowed)
            hint = f'; did you mean "{near}"?' if near else f"; expected one of {', '.join(allowed)}"
            problems.append(Problem("E125", f'{column} "{word}" is unknown{hint}', place, suggestion=near))
            continue
        labels[classifier] = allowed[word]
    if len(problems) > bad:
        return None
    if row.get("follow_up") != "yes":
        labels.pop(REPLY, None)
    is_phrase = row.get("is") == "phrase"
    if "topic" in labels:
        labels.setdefault("ours", "ours")
    return Example(
        id=row["id"],
        sender=_address(row.get("from", "")) or row["id"],
        subject=row.get("subject", ""),
        text=without_quotes(row["body"]),
        language=row.get("lang", ""),
        labels=labels,
        thread=row.get("references", "") or row.get("in_reply_to", ""),
        tags=tuple(row.get("tags", "").split()),
        source=row.get("source", "") or stem,
        weight=PHRASE_WEIGHT if is_phrase else 1.0,
        is_mail=not is_phrase,
        place=place,
    )


def _pair(row: dict[str, str], place: Location, stem: str, problems: list[Problem]) -> Example | None:
    """A ticket so far and a reply to it."""
    bad = len(problems)
    said, label = [row.get("subject", "")], COLUMNS[REPLY][1].get(row.get("new_question", ""))
    try:
        said += [one["text"] for one in json.loads(row.get("ticket", ""))]
        idle_days = float(row.get("idle_days", ""))
    except (ValueError, TypeError, KeyError):
        problems.append(Problem("E124", 'a pair needs ticket: [{"by", "text"}, ...] and idle_days: NUMBER', place))
        return None
    if not row.get("id"):
        problems.append(Problem("E124", "has no id", place))
    if label is None:
        problems.append(Problem("E125", 'new_question: expected "yes" or "no"', place))
    if row.get("status") not in ("open", "closed"):
        problems.append(Problem("E125", 'status: expected "open" or "closed"', place))
    if len(problems) > bad or label is None:
        return None
    reply, known = without_quotes(row["reply"]), frozenset(stems(*said))
    return Example(
        id=row["id"],
        sender=_address(row.get("sender", "")) or row["id"],
        subject="",
        text=reply,
        language=row.get("lang", ""),
        labels={REPLY: label},
        thread="".join(row.get("situation", "").split()),
        tags=tuple(row.get("tags", "").split()),
        source=row.get("source", "") or stem,
        place=place,
        told=Told(overlap(reply, known.__contains__), row["status"] == "closed", idle_days),
    )


def _address(sender: str) -> str:
    """`Olga <Olga+x@firm.example>` -> `olga@firm.example`: neither another name nor a detail makes another sender."""
    folded = sender.strip().casefold()
    name, at, domain = parseaddr(folded)[1].rpartition("@")
    return f"{name.partition('+')[0]}@{domain}" if at and name else folded
