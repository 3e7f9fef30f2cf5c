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
from ctypes import CDLL
from functools import lru_cache
from typing import TYPE_CHECKING

from router import native
from router.message.language_words import CYRILLIC_PIECES, CYRILLIC_WORDS, LATIN_WORDS, TRANSLITERATED_WORDS
from router.vocabulary import UNDETERMINED

if TYPE_CHECKING:
    from router.message.native_language import NativeLanguage

MAX_WORDS = 250  # of the text; a person's language does not change after that
MAX_CYRILLIC_WORDS = 80  # no log is written in Cyrillic letters: these are a person's, and enough
MAX_CHARACTERS = 6_000

Votes = defaultdict[str, float]
Weights = tuple[tuple[str, float], ...]

# Languages of few mails need more than one lucky word: it may be a slip of the pen in a common one.
_COMMON = frozenset({"ru", "uk", "en", "de", "pl", "fr", "es", "it", "ru-latn", "uk-latn"})


def _by_word(tables: Iterable[tuple[str, str]]) -> dict[str, Weights]:
    """word -> ((language, weight), …). A word tells the less the more languages share it."""
    languages: dict[str, set[str]] = {}
    for language, words in tables:
        for word in words.split():
            languages.setdefault(word.replace("ё", "е"), set()).add(language)
    found: dict[str, Weights] = {}
    for word, of in languages.items():
        common = len(of & _COMMON)
        weight = 0.6 if len(word) == 1 else 1.0
        rare = weight * (0.7 if common else 1.6) / len(of)
        found[word] = tuple((one, weight / common if one in _COMMON else rare) for one in sorted(of))
    return found


def _by_piece() -> dict[str, str]:
    return {piece: language for language, pieces in CYRILLIC_PIECES.items() for piece in pieces.split()}


_CYRILLIC = _by_word(CYRILLIC_WORDS.items())
_LATIN = _by_word(
    [*LATIN_WORDS.items(), *((f"{language}-latn", words) for language, words in TRANSLITERATED_WORDS.items())]
)
_PIECES = _by_piece()

# What one letter tells; Russian and Ukrainian by far the most often seen, the others by letters of their own.
_CYRILLIC_LETTERS: tuple[tuple[str, Weights], ...] = (
    ("ы", (("ru", 1.0), ("be", 0.5), ("kk", 0.2))),
    ("э", (("ru", 1.0), ("be", 0.5))),
    ("ё", (("ru", 1.0), ("be", 0.3))),
    ("і", (("uk", 1.0), ("be", 0.5), ("kk", 0.3))),
    ("ї", (("uk", 1.2),)),
    ("є", (("uk", 1.2),)),
    ("ґ", (("uk", 1.2),)),
    ("ў", (("be", 3.0),)),
    ("ј", (("sr", 0.6), ("mk", 0.6))),
    ("љ", (("sr", 0.6), ("mk", 0.6))),
    ("њ", (("sr", 0.6), ("mk", 0.6))),
    ("ћ", (("sr", 1.5),)),
    ("ђ", (("sr", 1.5),)),
    ("ќ", (("mk", 1.5),)),
    ("ѓ", (("mk", 1.5),)),
    *((letter, (("kk", 1.5),)) for letter in "әғқңөұүһ"),
)
_LATIN_LETTERS: tuple[tuple[str, Weights], ...] = (
    *((letter, (("pl", 1.2),)) for letter in "łąęśźż"),
    *((letter, (("cs", 1.2),)) for letter in "řěů"),
    *((letter, (("sk", 1.2),)) for letter in "ľĺŕ"),
    *((letter, (("cs", 0.3), ("sk", 0.3), ("hr", 0.2), ("sl", 0.2))) for letter in "čšž"),
    *((letter, (("hu", 1.2),)) for letter in "őű"),
    *((letter, (("ro", 1.0),)) for letter in "țșăţ"),
    *((letter, (("tr", 0.8), ("az", 0.4))) for letter in "ğış"),
    ("ə", (("az", 1.5),)),
    ("ß", (("de", 1.2),)),
    *((letter, (("de", 0.4), ("sv", 0.1), ("fi", 0.2), ("hu", 0.1), ("tr", 0.1))) for letter in "äöü"),
    ("ñ", (("es", 1.2),)),
    ("¿", (("es", 1.2),)),
    *((letter, (("pt", 1.0),)) for letter in "ãõ"),
    *((letter, (("fr", 0.5), ("pt", 0.2))) for letter in "êçœùûëï"),
    *((letter, (("it", 0.4), ("fr", 0.3))) for letter in "àèìò"),
    *((letter, (("da", 0.5), ("no", 0.5))) for letter in "æø"),
    ("å", (("sv", 0.4), ("da", 0.3), ("no", 0.3))),
    *((letter, (("hr", 1.0),)) for letter in "đć"),
    *((letter, (("lv", 1.2),)) for letter in "ģķļņāē"),
    *((letter, (("lt", 1.0),)) for letter in "ėųįū"),
)
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
_ASCII_LETTER = re.compile("[a-zï]")
_HARD_SIGN = re.compile("ъ[^еёюяиі ]")
_CYRILLIC_LETTER = re.compile("[\u0400-\u052f]")
_TO_CYRILLIC = str.maketrans("aceiïopxy", "асеіїорху")
_TO_LATIN = str.maketrans("асеіїорхуѕј", "aceiïopxysj")
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
    reader = _IN_C.reader()
    return (reader and reader.detect(text)) or _detect(text)


def _in_c(library: CDLL) -> "NativeLanguage":
    from router.message.native_language import NativeLanguage  # it is made of the tables of this module

    return NativeLanguage(library)


_IN_C = native.ForEachThread(_in_c)


def _detect(text: str) -> tuple[str, str]:
    """`detect` in Python, of a text that is cut already."""
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
    if script == "latin" and len(words) < 40 and len(words.split()) < 4:
        script = ""  # "ok", "PHP 8.2": people of every language write that
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
        if token.isalpha():
            pieces = [token]
        else:
            word = token.strip(_EDGES)
            if not word:
                continue
            if word.isalpha():
                pieces = [word]
            elif not _MACHINE.isdisjoint(word) or ("." in word and not word.endswith(".")):
                continue
            else:
                pieces = _WORD.findall(word)
        for piece in pieces:
            piece = piece.lower()
            if piece.isascii():
                latin.append(piece)
            elif _ASCII_LETTER.search(piece) and _CYRILLIC_LETTER.search(piece):
                _of_two_scripts(piece, cyrillic, latin)
            elif "\u0400" <= piece[0] <= "\u052f":
                cyrillic.append(piece)
            elif piece[0] <= "\u024f":
                latin.append(piece)
            else:
                other += 1
        if len(cyrillic) >= MAX_CYRILLIC_WORDS or len(latin) + other >= MAX_WORDS:
            break
    return cyrillic, latin, other


def _of_two_scripts(word: str, cyrillic: list[str], latin: list[str]) -> None:
    """Old keyboards have no і, so Ukrainians type the Latin one; swindlers put Cyrillic letters into Latin words. What
    is left when the look-alikes are changed tells which it is."""
    as_latin = word.translate(_TO_LATIN)
    if as_latin.isascii():
        latin.append(as_latin)
    else:
        cyrillic.append(word.translate(_TO_CYRILLIC))


def _of_cyrillic(words: list[str]) -> str:
    text = " ".join(words)
    votes = _letter_votes(text, _CYRILLIC_LETTERS)
    if "ъ" in text:  # before a consonant only in Bulgarian
        votes["bg"] += 1.5 * len(_HARD_SIGN.findall(text))
    if _clear(votes):
        return _elected(votes)
    if "’" in text or "ʼ" in text or "`" in text or "ё" in text:
        words = text.replace("’", "'").replace("ʼ", "'").replace("`", "'").replace("ё", "е").split()
    unlisted = []
    for word in _without_spelled(words):
        if listed := _CYRILLIC.get(word):
            for language, weight in listed:
                votes[language] += weight
        elif len(word) > 3:
            unlisted.append(word)
    if not _clear(votes):
        for word in unlisted:
            _vote_by_pieces(word, votes)
    return _elected(votes)


def _without_spelled(words: list[str]) -> list[str]:
    """Letters of a word pulled apart ("h e l l") are not the words they look like."""
    longer = [word for word in words if len(word) > 1]
    return longer if (len(words) - len(longer)) * 3 > len(words) else words


def _clear(votes: Votes) -> bool:
    """Enough of one common language and next to nothing of another: no need to look closer."""
    first, second = _leaders(votes)
    return first[1] >= 5 and second[1] * 6 < first[1] and first[0] in _COMMON


def _vote_by_pieces(word: str, votes: Votes) -> None:
    """Prefixes, endings and what is between them: less than a known word, more than nothing."""
    balance = _balance_of_pieces(word)
    if balance:
        votes["ru" if balance > 0 else "uk"] += 0.45 if abs(balance) > 1 else 0.25


@lru_cache(maxsize=8_192)  # a pure function; people use the same words, and cutting them costs more than all the rest
def _balance_of_pieces(word: str) -> int:
    """How many pieces of the word are Russian, less those that are Ukrainian."""
    word = f"_{word}_"
    balance = 0
    for size in (2, 3, 4):
        for start in range(len(word) - size + 1):
            language = _PIECES.get(word[start : start + size])
            if language:
                balance += 1 if language == "ru" else -1
    return balance


def _letter_votes(text: str, letters: tuple[tuple[str, Weights], ...]) -> Votes:
    votes: Votes = defaultdict(float)
    for letter, weights in letters:
        if count := text.count(letter):
            for language, weight in weights:
                votes[language] += weight * count
    return votes


def _leaders(votes: Votes) -> tuple[tuple[str, float], tuple[str, float]]:
    first, second, *_ = (*sorted(votes.items(), key=lambda vote: (-vote[1], vote[0])), ("", 0.0), ("", 0.0))
    return first, second


def _elected(votes: Votes, needed: float = 0.9) -> str:
    first, second = _leaders(votes)
    if first[0] not in _COMMON:
        needed = max(needed, 1.8)
    if first[1] < needed or first[1] < second[1] * 1.2:
        return UNDETERMINED
    return first[0]


def _of_latin(words: list[str]) -> str:
    text = " ".join(words)
    votes = defaultdict(float) if text.isascii() else _letter_votes(text, _LATIN_LETTERS)
    words = _without_spelled(words)
    for word in words:
        if listed := _LATIN.get(word.replace("’", "'")):
            for language, weight in listed:
                votes[language] += weight
    # one short word in a long text is chance, not a language
    return _elected(votes, needed=max(0.9, len(words) / 12)).removesuffix("-latn")


def _of_latin_text(text: str, words: list[str]) -> str:
    own = _words(_QUOTED.sub(" ", "\n".join(line for line in text.split("\n") if not _LOG_LINE.match(line))))[1]
    language = _of_latin(own) if len(own) >= 3 else UNDETERMINED
    return language if language != UNDETERMINED else _of_latin(words)


def _of_mixed(text: str, cyrillic: list[str], latin: list[str]) -> tuple[str, str]:
    """Both scripts: what a person says counts, what a machine said or a person quotes does not."""
    own_cyrillic: list[str] = []
    own_latin: list[str] = []
    for line in _QUOTED.sub(" ", text).split("\n"):
        machine = _LOG_LINE.match(line)
        for segment in _SEGMENT_END.split(line + " "):
            here_cyrillic, here_latin, _ = _words(segment)
            if len(here_cyrillic) >= len(here_latin):
                own_cyrillic += here_cyrillic
            elif not machine:
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
