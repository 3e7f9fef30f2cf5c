"""Which language a person writes, by the words and letters of the text.

Letters alone do not decide: "Добрий день! Ще одне питання, як додати поштову скриньку?" has none of і ї є ґ. So every
word votes: by a table of function words and everyday words for the languages that list it, by letters that only one
language has, by endings. Addresses, paths, error texts and log lines do not vote when a person's own words are there.
A text that shows nothing is `undetermined`: no answer beats a wrong one.

No library: py3langid, measured, needs half a second and 100 MB for what these tables do, and knows neither
transliterated Russian nor short Ukrainian.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from router.message.language_words import CYRILLIC_WORDS, LATIN_WORDS, TRANSLITERATED_WORDS
from router.vocabulary import UNDETERMINED

MAX_WORDS = 250  # of the text; a person's language does not change after that
MAX_CHARACTERS = 6_000

Votes = defaultdict[str, float]


def _by_word(tables: Iterable[tuple[str, str]]) -> dict[str, tuple[tuple[str, float], ...]]:
    """word -> ((language, weight), …): a word of several languages tells less, a long word more than a short one."""
    languages: dict[str, set[str]] = {}
    for language, words in tables:
        for word in words.split():
            languages.setdefault(word.replace("ё", "е"), set()).add(language)
    found = {}
    for word, of in languages.items():
        weight = (0.6 if len(word) == 1 else 1.0) / len(of)
        found[word] = tuple((language, weight) for language in sorted(of))
    return found


_CYRILLIC = _by_word(CYRILLIC_WORDS.items())
_LATIN = _by_word(
    [*LATIN_WORDS.items(), *((f"{language}-latn", words) for language, words in TRANSLITERATED_WORDS.items())]
)

# Letters that settle a word, most telling first. Languages that share a letter share the vote.
_CYRILLIC_LETTERS: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = (
    ("ў", (("be", 1.5),)),
    ("әғқңөұүһ", (("kk", 1.5),)),
    ("јљњћђџ", (("sr", 1.2), ("mk", 0.3))),
    ("ќѓѕ", (("mk", 1.5),)),
    ("їєґ", (("uk", 1.2),)),
    ("і", (("uk", 1.0), ("be", 0.3), ("kk", 0.3))),
    ("ыэё", (("ru", 1.0), ("be", 0.3), ("kk", 0.2))),
    ("ъ", (("ru", 0.6), ("bg", 0.6))),
)
_LATIN_LETTERS: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = (
    ("łąęśźż", (("pl", 1.2),)),
    ("řěů", (("cs", 1.2),)),
    ("ľĺŕ", (("sk", 1.2),)),
    ("őű", (("hu", 1.2),)),
    ("țșăâî", (("ro", 0.8), ("fr", 0.1))),
    ("ğış", (("tr", 1.0), ("az", 0.4))),
    ("ə", (("az", 1.5),)),
    ("ß", (("de", 1.2),)),
    ("ñ", (("es", 1.2),)),
    ("ãõ", (("pt", 1.0), ("et", 0.2))),
    ("œêèçàùô", (("fr", 0.6), ("it", 0.2), ("pt", 0.2))),
    ("åæø", (("da", 0.5), ("no", 0.5), ("sv", 0.3))),
    ("đć", (("hr", 1.0),)),
    ("ģķļņ", (("lv", 1.2),)),
    ("ėųįū", (("lt", 1.0), ("lv", 0.2))),
)
_ENDINGS: dict[str, tuple[tuple[str, float], ...]] = {
    **dict.fromkeys(("ская", "ский", "ское", "ского", "ной", "ная", "ное", "ую", "ая", "ое", "ее"), (("ru", 0.5),)),
    **dict.fromkeys(("ется", "ится", "ются", "ать", "ить", "еть", "ешь", "ние", "ния", "нию", "ция"), (("ru", 0.6),)),
    **dict.fromkeys(("ось", "ился", "ался", "авшись", "ски", "ком"), (("ru", 0.2),)),
    **dict.fromkeys(("ння", "ття", "лля", "ється", "ються", "увати", "ювати", "тися"), (("uk", 0.8),)),
    **dict.fromkeys(("ський", "ська", "ське", "ського", "ську", "ував", "увала", "ували", "увало"), (("uk", 0.8),)),
    **dict.fromkeys(("ати", "ити", "єте", "ете", "ову", "ого", "ому"), (("uk", 0.25),)),
}
_LONGEST_ENDING = max(map(len, _ENDINGS))
_OTHER_SCRIPTS: tuple[tuple[str, str, str], ...] = (
    ("\u0370", "\u03ff", "el"),
    ("\u0530", "\u058f", "hy"),
    ("\u0590", "\u05ff", "he"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0900", "\u097f", "hi"),
    ("\u0e00", "\u0e7f", "th"),
    ("\u10a0", "\u10ff", "ka"),
    ("\u3040", "\u30ff", "ja"),
    ("\uac00", "\ud7af", "ko"),
    ("\u4e00", "\u9fff", "zh"),
)

_EDGES = " \t\n.,;:!?()[]{}<>«»„“”\"'‘’`…—–-*+=~|/\\&"
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ`-][^\W\d_]+)*")
_MACHINE = frozenset("@\\/_=<>{}[]|#$%^~0123456789")
_QUOTED = re.compile(r"«[^»\n]{0,400}»|“[^”\n]{0,400}”|„[^“”\n]{0,400}[“”]|\"[^\"\n]{0,400}\"|`[^`\n]{0,400}`")
_LOG_LINE = re.compile(
    r"\s*(?:[\[<({$#>]|\d{1,4}[-./:]\d|\d{1,3}\.\d{1,3}\.|[45]\d\d[ -]|at [\w.$]+\(|File \"|Traceback|caused by"
    r"|(?:\w+ )?(?:error|warning|notice|fatal|exception|failed|denied|refused|timeout)\b[:\]]?)"
    r"|.*(?:\b(?:Error|ERROR|Exception|Warning|FATAL|WARN|ERR_\w+|errno|E_\w+|SQLSTATE)\b|\b[45]\d\d [45]\.\d)",
    re.IGNORECASE,
)
_SEGMENT_END = re.compile(r"[.!?:;\n()]+\s")


def detect(text: str) -> tuple[str, str]:
    """(language, script) of a text: ISO 639-1 or "undetermined"; "cyrillic", "latin", "other", or "" without letters.

    Transliterated Russian or Ukrainian ("ne rabotaet sayt") is that language in script "latin".
    """
    text = text[:MAX_CHARACTERS]
    cyrillic, latin, other = _words(text)
    if other > len(cyrillic) + len(latin):
        return _other_language(text), "other"
    if cyrillic and latin and len(latin) * 3 > len(cyrillic):
        return _of_mixed(text, cyrillic, latin)
    if cyrillic:
        return _of_cyrillic(cyrillic), "cyrillic"
    if not latin:
        return UNDETERMINED, ""
    return _of_latin_text(text, latin), "latin"


def of_message(words: str, signature: str, subject: str) -> tuple[str, str]:
    """The language of a mail: of its words; of its signature or a new subject only where the words show none, and
    never against the letters they are written in."""
    language, script = detect(words)
    if language != UNDETERMINED or script == "other":
        return language, script
    for more in (signature, subject):
        other, other_script = detect(more)
        if other != UNDETERMINED and script in ("", other_script):
            return other, other_script
    return language, script


def _words(text: str) -> tuple[list[str], list[str], int]:
    """(Cyrillic words, Latin words, how many others), folded, without what no person would say: addresses, paths."""
    cyrillic: list[str] = []
    latin: list[str] = []
    other = 0
    for token in text.split():
        word = token.strip(_EDGES)
        if not word:
            continue
        if not word.isalpha():
            if not _MACHINE.isdisjoint(word) or ("." in word and not word.endswith(".")):
                continue
            pieces = _WORD.findall(word)
        else:
            pieces = [word]
        for piece in pieces:
            piece = piece.lower()
            first = piece[0]
            if first <= "\u024f":
                latin.append(piece)
            elif "\u0400" <= first <= "\u052f":
                cyrillic.append(piece)
            else:
                other += 1
        if len(cyrillic) + len(latin) + other >= MAX_WORDS:
            break
    return cyrillic, latin, other


def _of_cyrillic(words: list[str]) -> str:
    votes: Votes = defaultdict(float)
    for word in words:
        if "’" in word or "ʼ" in word or "`" in word:
            word = word.replace("’", "'").replace("ʼ", "'").replace("`", "'")
        listed = _CYRILLIC.get(word.replace("ё", "е") if "ё" in word else word)
        if listed:
            for language, weight in listed:
                votes[language] += weight
            if len(listed) == 1:
                continue
        _vote_by_letters(word, _CYRILLIC_LETTERS, votes)
        if not listed and len(word) > 4:
            for size in range(min(_LONGEST_ENDING, len(word) - 2), 1, -1):
                if found := _ENDINGS.get(word[-size:]):
                    for language, weight in found:
                        votes[language] += weight
                    break
    return _elected(votes)


def _vote_by_letters(word: str, letters: tuple[tuple[str, tuple[tuple[str, float], ...]], ...], votes: Votes) -> None:
    for group, weights in letters:
        for letter in group:
            if letter in word:
                for language, weight in weights:
                    votes[language] += weight
                return


def _elected(votes: Votes, needed: float = 0.9) -> str:
    ranked = sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))[:2]
    if not ranked or ranked[0][1] < needed:
        return UNDETERMINED
    if len(ranked) > 1 and ranked[0][1] < ranked[1][1] * 1.2:
        return UNDETERMINED
    return ranked[0][0]


def _of_latin(words: list[str]) -> str:
    votes: Votes = defaultdict(float)
    for word in words:
        word = word.replace("’", "'") if "’" in word else word
        listed = _LATIN.get(word)
        if listed:
            for language, weight in listed:
                votes[language] += weight
        elif not word.isascii():
            _vote_by_letters(word, _LATIN_LETTERS, votes)
    # one short word in a long text is chance, not a language
    return _elected(votes, needed=max(0.9, min(3.0, len(words) / 12))).removesuffix("-latn")


def _of_latin_text(text: str, words: list[str]) -> str:
    own = _words(_QUOTED.sub(" ", "\n".join(line for line in text.split("\n") if not _LOG_LINE.match(line))))[1]
    language = _of_latin(own) if len(own) >= 3 else UNDETERMINED
    return language if language != UNDETERMINED else _of_latin(words)


def _of_mixed(text: str, cyrillic: list[str], latin: list[str]) -> tuple[str, str]:
    """Both scripts: what a person says counts, what a machine said or a person quotes does not."""
    own_cyrillic: list[str] = []
    own_latin: list[str] = []
    for segment in _SEGMENT_END.split(_QUOTED.sub(" ", text) + " "):
        here_cyrillic, here_latin, _ = _words(segment)
        if len(here_cyrillic) >= len(here_latin):
            own_cyrillic += here_cyrillic
        elif not _LOG_LINE.match(segment):
            own_latin += here_latin
    if not own_cyrillic and not own_latin:
        own_cyrillic, own_latin = cyrillic, latin
    spoken = sum(word in _LATIN for word in own_latin)
    if len(own_cyrillic) * 2 >= spoken and own_cyrillic:
        return _of_cyrillic(own_cyrillic), "cyrillic"
    return _of_latin(own_latin or latin), "latin"


def _other_language(text: str) -> str:
    counts: Counter[str] = Counter()
    for letter in text[:1_000]:
        if letter > "\u0370":
            for first, last, language in _OTHER_SCRIPTS:
                if first <= letter <= last:
                    counts[language] += 1
                    break
    if counts["ja"]:  # Japanese has its kana between the Chinese signs
        return "ja"
    return counts.most_common(1)[0][0] if counts else UNDETERMINED
