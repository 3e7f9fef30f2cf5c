"""`mailrouter label`: a person says what mails are, the most uncertain first; training learns from it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from router.archive import stored
from router.classify import corpus, held_out, labelling, registry
from router.classify.labelling import Candidate, Classifier, Corrections
from router.classify.model import Model
from router.cli import labelling_screen as screen
from router.cli.evaluate import doubted
from router.cli.shared_options import MODELS
from router.errors import BadInput
from router.identity import author
from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.message.read import read
from router.rule_files import this_person
from router.vocabulary import UNDETERMINED

ROWS = (".jsonl", ".csv", ".tsv")


@click.command("label")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="corrections.jsonl",
    show_default=True,
    metavar="FILE",
    help="Where the corrections are appended.",
)
@click.option("--model", "model_id", metavar="ID", help="Whose suggestions. Default: the promoted one.")
@MODELS
@click.option("--by", metavar="NAME", help="Who says it. Default: the user who runs this.")
@click.option(
    "--classifier",
    "wanted",
    multiple=True,
    metavar="NAME",
    help="Ask for this one only: topic; repeatable. Default: all that the model has.",
)
@click.option("--suspects", is_flag=True, help="Ask only about labels that the model doubts, the most doubted first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Ask at most so many.")
@click.option("--redact", is_flag=True, help="Mask e-mail addresses and numbers, on the screen and in the file.")
def label_command(
    paths: tuple[str, ...],
    out: Path,
    model_id: str | None,
    models: Path,
    by: str | None,
    wanted: tuple[str, ...],
    suspects: bool,
    limit: int,
    redact: bool,
) -> None:
    """Show mails one by one, those that the model is least sure of first, and write down what a person says they are.
    PATH is an .eml, a folder of them, a Maildir or an mbox; or labelled mail (.jsonl, .csv, or a folder of those).

    Each answer is written at once, and what was answered is not asked again. Enter takes what is filled in, other keys
    stand on the screen. Training reads the file beside the others.

    \b
    mailrouter label Maildir --redact
    mailrouter label models/data --classifier topic --by olga
    mailrouter label models/data --suspects
    mailrouter train models/data corrections.jsonl
    """
    if "-" in paths:
        raise click.UsageError("standard input is where the keys come from; name a file or folder")
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise BadInput("label asks a person: run it in a terminal")
    who = (by if by is not None else this_person()).strip()
    if not who:
        raise click.UsageError("--by wants a name")
    model = registry.load(models, model_id)
    classifiers = labelling.classifiers_of(model, wanted)
    corrections = Corrections(out)
    try:
        if corrections.mended:
            click.echo(f"{out}: its last line was not written to its end and was removed; that mail is asked again")
        found = _progress(_candidates(paths, model, models, corrections.done))
        accept = {name: one.accept for name, one in model.thresholds.items()}
        if suspects:
            asked = _most_doubted(paths, model, models, classifiers, found)[:limit]
        else:
            asked = labelling.most_uncertain(found, classifiers, accept, limit)
        if not asked:
            click.echo(f"nothing to ask: {len(corrections.done)} are in {out}")
            return
        session = Session([labelling.masked(one) if redact else one for one in asked], classifiers, corrections, who)
        with screen.keyboard():
            session.run()
    finally:
        corrections.close()
    click.echo("\n".join(session.told(paths, redact)))


def _now() -> datetime:
    return datetime.now().astimezone()


@dataclass
class Session:
    """One sitting. at: which mail is asked. steps: what was done with each before it: its place, and if it was
    written."""

    asked: list[Candidate]
    classifiers: tuple[Classifier, ...]
    corrections: Corrections
    by: str
    now: Callable[[], datetime] = _now
    at: int = 0
    steps: list[tuple[int, bool]] = field(default_factory=list)

    @property
    def labelled(self) -> int:
        return sum(written for _, written in self.steps)

    def run(self) -> None:
        """Until all are asked or somebody quits."""
        keys = screen.keys_of(self.classifiers)
        remark = ""
        while self.at < len(self.asked):
            one = self.asked[self.at]
            chosen = {each.name: labelling.suggested(one, each) for each in self.classifiers}
            done, remark = self._ask(one, chosen, keys, remark)
            if done == screen.QUIT:
                return
            if done == screen.UNDO:
                remark = self._undo()
                continue
            written = done == screen.ACCEPT
            if written:
                self._write(one, chosen)
            self.steps.append((self.at, written))
            self.at += 1

    def _ask(self, one: Candidate, chosen: dict[str, str], keys: screen.Keys, remark: str) -> tuple[str, str]:
        """chosen is changed by the keys. Gives what ends the asking."""
        page = 0
        while True:
            shown = screen.Page(one, chosen, self._place(), remark or self._warning(one), page)
            pages = screen.show(shown, self.classifiers, keys)
            pressed = screen.key()
            remark = ""
            what = screen.meaning(pressed)
            if what == screen.MORE:
                page = (page + 1) % pages
            elif what:
                return what, ""
            elif pressed in keys.chosen:
                name, label = keys.chosen[pressed]
                chosen[name] = label
            elif pressed in keys.toggles:
                each = next(each for each in self.classifiers if each.name == keys.toggles[pressed])
                chosen[each.name] = next(label for label in each.labels if label != chosen[each.name])

    def _write(self, one: Candidate, chosen: dict[str, str]) -> None:
        self.corrections.add(one.id, labelling.correction(one, self.classifiers, chosen, self.by, self.now()))

    def _undo(self) -> str:
        """Back to the mail before, and its line out of the file."""
        if not self.steps:
            return "nothing to undo in this session"
        at, written = self.steps[-1]
        if written and self.corrections.undo() is None:
            return f"{self.corrections.path} was changed by somebody else: mend it by hand"
        self.steps.pop()
        self.at = at
        return ""

    def _place(self) -> str:
        return f"{self.at + 1} of {len(self.asked)} · {self.labelled} labelled"

    def _warning(self, one: Candidate) -> str:
        kinds = () if one.is_row else labelling.personal_kinds(one)
        return f"holds what looks like {' and '.join(kinds)}: training refuses it unless --redact" if kinds else ""

    def told(self, paths: tuple[str, ...], redact: bool) -> list[str]:
        """What came of it, for the person."""
        skipped = len(self.steps) - self.labelled
        lines = [f"{self.labelled} labelled, {skipped} skipped, {len(self.asked) - self.at} left"]
        if not self.labelled:
            return lines
        written = [self.asked[at] for at, written in self.steps if written]
        kept = sum(bool(labelling.personal_kinds(one)) for one in written if not one.is_row)
        if kept and not redact:
            lines.append(f"{kept} of them hold personal data: train with --redact, or label with --redact")
        rows = [one for one in paths if Path(one).suffix in ROWS or _is_corpus(Path(one))] or ["models/data"]
        lines.append(f"next: mailrouter train {' '.join(rows)} {self.corrections.path}")
        return lines


# --------------------------------------------------------------------------------------------------------- what to ask
def _candidates(paths: tuple[str, ...], model: Model, models: Path, done: set[str]) -> Iterator[Candidate]:
    rows = [Path(one) for one in paths if Path(one).suffix in ROWS or _is_corpus(Path(one))]
    if rows:
        # of what a model was trained on it is always sure: what counts is what it said before it knew them
        stored_scores = {one.id: one.scores for one in held_out.read(models, model.id) or ()}
        for example in corpus.read(rows):
            if example.is_mail and not example.corrected_by and example.id not in done:
                scores = stored_scores.get(example.id)
                if scores is None:
                    scores = model.scores(example.subject, example.text, example.language)
                yield labelling.from_row(example, scores)
    for source, data in stored(one for one in paths if Path(one) not in rows):
        candidate = _of_mail(source, data, model)
        if candidate is not None and candidate.id not in done:
            yield candidate


def _most_doubted(
    paths: tuple[str, ...], model: Model, models: Path, classifiers: tuple[Classifier, ...], found: Iterator[Candidate]
) -> list[Candidate]:
    """Those of `found` that have a doubtful label of these classifiers."""
    rows = [Path(one) for one in paths]
    if not all(one.suffix in ROWS or _is_corpus(one) for one in rows):
        raise BadInput("--suspects is about labelled mail (.jsonl, .csv, or a folder of those)")
    asked = {one.name for one in classifiers}
    by_id = {one.id: one for one in found}
    order = [one.example.id for one in doubted(model, models, corpus.read(rows)) if one.classifier in asked]
    return [by_id[one] for one in dict.fromkeys(order) if one in by_id]


def _is_corpus(path: Path) -> bool:
    """A folder of labelled mail, and no Maildir."""
    return path.is_dir() and not (path / "cur").is_dir() and any(one.suffix in ROWS for one in path.iterdir())


def _of_mail(source: str, data: bytes, model: Model) -> Candidate | None:
    """None: nothing in it to read."""
    message = read(raw_message(data, Envelope(b"<>", ()), datetime.now(UTC), source=source))
    subject, text = message.subject, message.new_text[: labelling.MAX_TEXT]
    if not (subject + text).strip():
        return None
    address = author.find(message).address or ""
    return Candidate(
        labelling.id_of(address, subject, text),
        address,
        subject,
        text,
        "" if message.language == UNDETERMINED else message.language,
        source,
        False,
        {},
        model.scores(subject, text, message.language),
        labelling.thread_of(message.message_id, message.fields.first("References")),
    )


def _progress(candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    for number, one in enumerate(candidates, 1):
        if number % 500 == 0 and sys.stderr.isatty():
            click.echo(f"\r\x1b[K{number} read …", err=True, nl=False)
        yield one
