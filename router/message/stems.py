"""Rough stems of what a text speaks about: the words by which a reply is held against its ticket.

Measured for what `Overlap` needs: whether a text speaks about what was spoken about before, in languages that bend
their words. Not for reading: order and endings are gone.
"""

import re
import unicodedata
from collections.abc import Callable

from router.frozen import dataclass

MAX_CHARACTERS = 20_000
MAX_WORDS = 400
STEM = 5
MIN_LETTERS = 4
MIN_STEMS = 3
"""Fewer words say nothing about what a text is about."""

_WORD = re.compile(r"[^\W_]{2,}(?:[.-][^\W_]{2,})*")
_COMMON = """
    дякую дякує спасибо пожалуйс будь ласка добрий добрый доброго день вечір вечер ранку утро здравств вітаю привіт
    привет уважением повагою підкажіть подскажите скажите скажіть прошу просим просимо можна можно можете можеш
    нужно треба потрібно ваше ваша ваши ваші вашого вашей наше наша наши наші нашого нашей який яка какой какая
    какие які котор чтобы щоб коли когда если якщо тоже також также лише только тільки зараз сейчас теперь тепер
    дуже очень всё все вже уже ещё еще було была было были були буде будет будут будуть есть этот эта эти этого
    цього цей тому того этом цьому після после через перед питання вопрос вопроса ответ відповідь помощь допомогу
    помогите допоможіть номер лист письмо please thank thanks hello dear regards with your yours ours this that
    these those have been will would could should from about what when where which there here some just also only
    very more then them they their help question answer need want like know kind best team support ticket mail email
    message wrote пишет пише написав написал
"""


def _stem(word: str) -> str:
    # Numbers, hosts and addresses are names: their end matters.
    return word[:STEM] if word.isalpha() else word


_COMMON_STEMS = frozenset(_stem(word) for word in _COMMON.replace("ё", "е").split())


def stems(*texts: str) -> tuple[str, ...]:
    """The stems of texts, in order of appearance, each once, at most MAX_WORDS."""
    found: dict[str, None] = {}
    for text in texts:
        plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).lower().replace("ё", "е")
        for word in _WORD.findall(plain):
            if len(word) < MIN_LETTERS:
                continue
            stem = _stem(word)
            if stem not in _COMMON_STEMS:
                found[stem] = None
                if len(found) == MAX_WORDS:
                    return tuple(found)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a text has in common with what was spoken about before.

    said: its stems. shared: how many of them were known. share: of the stems that are words, 0..1; None when there are
    fewer than MIN_STEMS. names_known, names_new: it names a number, host or address that was named before, and one that
    was not.
    """

    said: int
    shared: int
    share: float | None
    names_known: bool
    names_new: bool


def overlap(text: str, is_known: Callable[[str], bool]) -> Overlap:
    """is_known: whether a stem was spoken about."""
    known = {stem: is_known(stem) for stem in stems(text)}
    words = [known[stem] for stem in known if stem.isalpha()]
    names = [known[stem] for stem in known if not stem.isalpha()]
    share = sum(words) / len(words) if len(words) >= MIN_STEMS else None
    return Overlap(len(known), sum(known.values()), share, any(names), not all(names))
