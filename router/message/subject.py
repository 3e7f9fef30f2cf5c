"""What mail programs put before a Subject, in many languages: general knowledge, kept as data."""

import re
import unicodedata
from collections.abc import Sequence

REPLY_PREFIXES = (
    "re", "aw", "antw", "antwort", "ant", "sv", "vs", "odp", "odpowiedź", "ynt", "rif", "ref", "r", "res", "resp",
    "rép", "ré", "vá", "atb", "ats", "odg", "bls", "tl", "отв", "ответ", "відп", "відповідь", "на", "ha", "адк",
    "адказ", "отг", "απ", "σχετ", "回复", "回覆", "答复", "返信", "답장", "회신", "תגובה", "השב", "رد", "ตอบกลับ",
)  # fmt: skip
"""Russian Outlook writes `HA:` in Latin or Cyrillic letters."""
FORWARD_PREFIXES = (
    "fwd", "fw", "forward", "wg", "weitergeleitet", "doorst", "tr", "i", "rv", "enc", "vb", "vl", "videresendt", "pd",
    "ilt", "i̇lt", "továbbítás", "пересл", "переслано", "перенапр", "переадр", "переадресація", "препр", "прп", "πρθ",
    "转发", "轉寄", "転送", "전달", "הועבר", "إعادة توجيه", "ส่งต่อ",
)  # fmt: skip

_COUNTER = r"(?:\s?[\[(^*]?\s?[0-9]{1,3}\s?[\])]?)?"


def one_of(words: Sequence[str]) -> str:
    """An expression for any of the words, NFKC and lower case, the longest first."""
    plain = {unicodedata.normalize("NFKC", word).lower() for word in words}
    return "|".join(re.escape(word) for word in sorted(plain, key=len, reverse=True))


_PREFIX = re.compile(rf"\s*(?:(?P<reply>{one_of(REPLY_PREFIXES)})|(?:{one_of(FORWARD_PREFIXES)})){_COUNTER}\s{{0,3}}:")


def without_prefixes(subject: str) -> tuple[str, tuple[str, ...]]:
    """An NFKC subject without its leading prefixes, white space made one, and the prefixes from the outside in: "reply"
    or "forward".

    `Re[2]: FW: Отв: сайт` gives `сайт` and reply, forward, reply.
    """
    lower = subject.lower()
    prefixes = []
    position = 0
    while match := _PREFIX.match(lower, position):
        prefixes.append("reply" if match["reply"] else "forward")
        position = match.end()
    kept = subject if len(lower) == len(subject) else lower  # İ in lower case is two characters
    return " ".join(kept[position:].split()), tuple(prefixes)
