"""What may teach a model: no personal data, nothing twice, and nobody too loud (reliability.md, rows 50 and 51).

Labels come from staff, mails from anybody: who wants to steer the model sends many mails alike. So the same mail
teaches once, and all mails of one sender together weigh no more than a few.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from router.classify import features, personal
from router.classify.corpus import Example
from router.classify.replies import REPLY
from router.errors import BadFile, Problem
from router.frozen import dataclass

SAME = 0.8
"""Jaccard similarity of three-word shingles from which on two mails of one label are one mail."""
ALIKE = 0.5
"""From here on two mails never stand on both sides of a split."""
SHINGLE = 3
COMMON = 60
"""A shingle in more mails than this is a turn of phrase and finds no pairs."""
ROWS_PER_SENDER = 5
SHARE_PER_SENDER = 0.01


@dataclass(frozen=True, slots=True)
class Curated:
    """examples: what training gets. duplicates: id -> id of the row that says the same and is kept.

    masked: rows in which something was masked. quietened: senders whose rows weigh less each, and how many they have.
    """

    examples: tuple[Example, ...]
    duplicates: Mapping[str, str]
    masked: int
    quietened: Mapping[str, int]

    def counts(self) -> dict[str, int]:
        """For the manifest."""
        return {"duplicates": len(self.duplicates), "masked": self.masked, "loud_senders": len(self.quietened)}


def curate(examples: Sequence[Example], *, redact: bool = False) -> Curated:
    """Raises BadFile for rows with personal data (unless `redact`) and for one text with two different labels."""
    masked = [_redacted(one) for one in examples]
    if not redact:
        _refuse_personal(examples, masked)
    kept, duplicates = _without_duplicates(masked)
    loud, heard = _capped(kept)
    changed = sum(one is not other for one, other in zip(examples, masked, strict=True))
    return Curated(tuple(heard), duplicates, changed, loud)


def _redacted(one: Example) -> Example:
    subject, text = personal.redacted(one.subject), personal.redacted(one.text)
    return one if (subject, text) == (one.subject, one.text) else replace(one, subject=subject, text=text)


def _refuse_personal(examples: Sequence[Example], masked: Sequence[Example]) -> None:
    problems = []
    for one, other in zip(examples, masked, strict=True):
        if one is other:
            continue
        kinds = {found.kind for text in (one.subject, one.text) for found in personal.find(text)}
        what = " and ".join(sorted(kinds))
        problems.append(
            Problem("E126", f'"{one.id}" holds what looks like {what} of a real person; `--redact` masks it', one.place)
        )
    if problems:
        raise BadFile(problems)


def _without_duplicates(examples: Sequence[Example]) -> tuple[list[Example], dict[str, str]]:
    """The first of those that say the same with the same labels; mails that are only alike get a tag `pair:ID`."""
    problems: list[Problem] = []
    duplicates: dict[str, str] = {}
    kept: list[Example] = []
    by_text: dict[tuple[str, ...], Example] = {}
    shingles: list[frozenset[tuple[str, ...]]] = []
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for one in examples:
        words = tuple(token for token in features.tokens(one.subject, one.text) if token)
        key = words or (one.id,)  # empty mails say nothing, and are not the same for that
        first = by_text.setdefault(key, one)
        if first is not one and one.is_mail == first.is_mail:
            # the same reply is right in one ticket and a new question in another
            clash = {
                name
                for name in one.labels
                if name != REPLY and first.labels.get(name, one.labels[name]) != one.labels[name]
            }
            if clash and one.is_mail:
                problems.append(
                    Problem("E127", f'"{one.id}" says what {first.place} says, with another {min(clash)}', one.place)
                )
                continue
            if not clash and one.told is None and set(one.labels) <= set(first.labels):
                duplicates[one.id] = first.id
                continue
        if not one.is_mail:
            kept.append(one)
            shingles.append(frozenset())
            continue
        own = frozenset(words[at : at + SHINGLE] for at in range(len(words) - SHINGLE + 1))
        near, likeness = _nearest(own, shingles, holders)
        if near is not None and likeness >= SAME and one.told is None and kept[near].labels == one.labels:
            duplicates[one.id] = kept[near].id
            continue
        if near is not None and likeness >= ALIKE:
            one = replace(one, tags=(*one.tags, f"pair:{kept[near].id}"))
        for shingle in own:
            holders[shingle].append(len(kept))
        kept.append(one)
        shingles.append(own)
    if problems:
        raise BadFile(problems)
    return kept, duplicates


def _nearest(
    own: frozenset[tuple[str, ...]],
    shingles: Sequence[frozenset[tuple[str, ...]]],
    holders: Mapping[tuple[str, ...], Sequence[int]],
) -> tuple[int | None, float]:
    """The kept row that shares most shingles, and the Jaccard similarity to it."""
    shared: Counter[int] = Counter()
    for shingle in own:
        rows = holders.get(shingle, ())
        if len(rows) <= COMMON:
            shared.update(rows)
    best, likeness = None, 0.0
    for row, _ in shared.most_common(5):
        both = len(own & shingles[row])
        found = both / (len(own) + len(shingles[row]) - both)
        if found > likeness:
            best, likeness = row, found
    return best, likeness


def _capped(examples: Sequence[Example]) -> tuple[dict[str, int], list[Example]]:
    """No sender's rows weigh more than ROWS_PER_SENDER rows, nor more than SHARE_PER_SENDER of all; one row stays one.

    All rows of a loud sender are weighed down alike: which of them are meant well, nobody knows.
    """
    rows = Counter(one.sender for one in examples if one.is_mail)
    most = max(1.0, min(ROWS_PER_SENDER, SHARE_PER_SENDER * rows.total()))
    loud = {sender: number for sender, number in rows.items() if number > most}
    return loud, [
        replace(one, weight=one.weight * most / loud[one.sender]) if one.is_mail and one.sender in loud else one
        for one in examples
    ]
