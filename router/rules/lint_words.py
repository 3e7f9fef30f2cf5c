"""Warnings about words: phrases (W508, W509), mixed letters (W512), regular expressions (W517, W518, W522)."""

import re
from collections.abc import Iterator

import re2

from router.errors import Problem
from router.rules import schema_conditions as c
from router.rules.schema import Pattern, RulesFile, Texts
from router.rules.schema_conditions import Text
from router.rules.text import normalise, words
from router.rules.walk import conditions_of

# Letters that look the same: Latin, and the Cyrillic one of the same shape.
_LATIN = "aceiopxyABCEHIKMOPTX"
_CYRILLIC = "асеіорхуАВСЕНІКМОРТХ"
_TO_CYRILLIC = str.maketrans(_LATIN, _CYRILLIC)
_TO_LATIN = str.maketrans(_CYRILLIC, _LATIN)
_LETTERS = re.compile(r"[^\W\d_]+")
_GAP = 5  # words that ".." stands for


def warnings(file: RulesFile) -> Iterator[Problem]:
    for pattern in file.patterns.values():
        yield from _languages(pattern, file)
        yield from _general(pattern)
    for text in _texts(file):
        yield from _mixed_letters(text)
    for condition in conditions_of(file):
        if isinstance(condition, c.TextTest | c.HeaderTest) and isinstance(condition.operator, c.Regex):
            for source in condition.operator.sources:
                yield from _phrase_would_do(source)
                yield from _never_seen(source)
                yield from _counts_far(source)
    for extract in file.extract.values():
        yield from _never_seen(extract.regex)
        yield from _counts_far(extract.regex)


# -------------------------------------------------------------------------------------------------------------- phrases
def _languages(pattern: Pattern, file: RulesFile) -> Iterator[Problem]:
    present = {str(language) for language, _ in pattern.phrases}
    missing = [language for language in file.languages if language not in present]
    if missing and "any" not in present:
        message = f'pattern "{pattern.name}" has no phrases in {", ".join(missing)}'
        yield Problem("W508", message, pattern.name.at)


def _general(pattern: Pattern) -> Iterator[Problem]:
    """W509: whenever this phrase is found, another of the same language is found too."""
    by_language: dict[str, list[tuple[Text, list[str]]]] = {}
    for language, phrase in pattern.phrases:
        by_language.setdefault(language, []).append((phrase, _tokens(phrase)))
    for phrases in by_language.values():
        first_words: dict[str, list[int]] = {}
        for number, (_, tokens) in enumerate(phrases):
            first_words.setdefault(tokens[0], []).append(number)
        needed = [frozenset(tokens) for _, tokens in phrases]
        for number, (phrase, tokens) in enumerate(phrases):
            # Only a phrase of which every word fits some word of this one can be the more general one.
            keys = {word.rstrip("*")[:size] + "*" for word in tokens for size in range(1, len(word) + 1)}
            keys |= {*tokens, ".."}
            rivals = sorted(
                rival for key in keys for rival in first_words.get(key, ()) if rival != number and needed[rival] <= keys
            )
            for rival in rivals:
                same = phrases[rival][1] == tokens
                if (rival < number) if same else covers(phrases[rival][1], tokens):
                    other = phrases[rival][0]
                    how = "stands here twice" if same else f'is needless: "{other}" finds all that it finds'
                    yield Problem("W509", f'the phrase "{phrase}" {how}', phrase.at)
                    break


def _tokens(phrase: str) -> list[str]:
    """The words of a phrase, normalised; `..` and a `*` at the end of a word are kept."""
    found: list[str] = []
    for part in phrase.split():
        if part == "..":
            found.append("..")
            continue
        cut = words(part)
        if cut and part.endswith("*"):
            cut[-1] += "*"
        found.extend(cut)
    return found


def covers(general: list[str], special: list[str]) -> bool:
    """Whether every text that holds `special` holds `general` too, by their words alone."""
    first = general[0]
    return any(_fits(first, word) and _covers_from(general, special, start) for start, word in enumerate(special))


def _covers_from(general: list[str], special: list[str], start: int) -> bool:
    """general matched on the words of special from `start` on."""
    states = {start}
    gap = 0
    for token in general:
        if token == "..":
            gap = _GAP
            continue
        following = set()
        for state in states:
            left = gap
            at = state
            while at < len(special):
                if special[at] != ".." and _fits(token, special[at]):
                    following.add(at + 1)
                left -= _GAP if special[at] == ".." else 1
                if left < 0:
                    break
                at += 1
        states, gap = following, 0
        if not states:
            return False
    return True


def _fits(general: str, special: str) -> bool:
    if general.endswith("*"):
        return special.rstrip("*").startswith(general[:-1])
    return general == special


# -------------------------------------------------------------------------------------------------------------- letters
def _texts(file: RulesFile) -> Iterator[Text]:
    for pattern in file.patterns.values():
        yield from (phrase for _, phrase in pattern.phrases)
    for condition in conditions_of(file):
        operator = condition.operator if isinstance(condition, c.TextTest | c.HeaderTest) else None
        if isinstance(operator, c.Words):
            yield from operator.phrases
        elif isinstance(operator, c.Compare):
            yield from operator.values
    texts: list[Texts] = [queue.titles for queue in file.queues.values()]
    texts += [item.ask for checklist in file.checklists.values() for item in checklist.items]
    if file.replies is not None:
        texts += [file.replies.subject, file.replies.open, file.replies.close, *file.replies.snippets.values()]
    for one in texts:
        yield from one.by_language.values()


def _mixed_letters(text: Text) -> Iterator[Problem]:
    """W512, once a text: a letter of the other alphabet that looks alike ("DNSом" is a word that people do type)."""
    if text.isascii():
        return
    for found in _LETTERS.finditer(text):
        word = found[0]
        latin = [char for char in word if char.isascii()]
        cyrillic = [char for char in word if "Ѐ" <= char <= "ӿ"]
        if not latin or not cyrillic:
            continue
        meant = None
        if len(cyrillic) >= len(latin) and all(char in _LATIN for char in latin):
            meant = word.translate(_TO_CYRILLIC)
        elif all(char in _CYRILLIC for char in cyrillic):
            meant = word.translate(_TO_LATIN)
        if meant:
            message = f'the word "{word}" mixes Latin and Cyrillic letters and will not match what people type'
            yield Problem("W512", message, text.at, suggestion=None if meant == word else meant)
            return


# -------------------------------------------------------------------------------------------------- regular expressions
_PHRASE_LIKE = re.compile(
    r"(?P<word>[^\W_]+)(?P<star>\[[^\]]*\][*+]|\\p\{L\}[*+]|\\S\*)?(?P<space>(?: |\\s)[+*]?|\\s\{0,[0-9]+\})?"
)


def _phrase_would_do(source: Text) -> Iterator[Problem]:
    """W517: only words, endings and spaces."""
    at, parts = 0, []
    while found := _PHRASE_LIKE.match(source, at):
        if found.end() == at:
            break
        parts.append(found["word"] + ("*" if found["star"] else ""))
        at = found.end()
        if at < len(source) and not found["space"]:
            return
    phrase = " ".join(parts)
    if at == len(source) and phrase and all(len(part.rstrip("*")) > 1 or "*" not in part for part in parts):
        yield Problem("W517", f'this regex is a phrase in disguise; write words: ["{phrase}"]', source.at)


_NAMES_IN_REGEX = re.compile(r"\(\?P?<[^>]*>|\(\?[a-zA-Z-]+[:)]|\\[pP]\{\^?[^}]*\}|\\[pP].|\[:\^?[a-z]+:\]|\\.")


def _never_seen(source: Text) -> Iterator[Problem]:
    """W518: characters that no normalised text has."""
    plain = _NAMES_IN_REGEX.sub("", source)
    if re.search(r"\(\?[a-zA-Z]*i", source):
        plain = plain.casefold()
    for char in dict.fromkeys(plain):
        seen = normalise(char)
        if seen == char or (char.isspace() and seen.isspace() and seen == " " == char):
            continue
        becomes = (
            f'it sees "{seen}" instead' if seen.strip() else "it sees a space instead" if seen else "it is removed"
        )
        shown = char if char.isprintable() else f"U+{ord(char):04X}"
        yield Problem("W518", f'this regex holds "{shown}", which normalised text never has; {becomes}', source.at)


_LONG_PROGRAM = 4_000
"""Steps of an expression as RE2 runs it. With 9,500 and 16,000 of them two extracts of rules.yaml took 73 and 450 us a
text, with 220 and 2,100 (the same, without the counts) 6 and 36.
"""
_COUNTED = re.compile(r"\{(\d+),(\d+)\}")


def _counts_far(source: Text) -> Iterator[Problem]:
    """W522: RE2 writes every counted repeat out."""
    counts = [found for found in _COUNTED.finditer(source) if int(found[2]) > 9]
    if not counts or (steps := re2.compile(source).programsize) < _LONG_PROGRAM:
        return
    widest = max(counts, key=lambda found: int(found[2]))
    instead = {"0": "*", "1": "+"}.get(widest[1], f"{{{widest[1]},}}")
    message = f"this regex is {steps:,} steps long, since {widest[0]} is written out {widest[2]} times; write {instead}"
    yield Problem("W522", message, source.at)
