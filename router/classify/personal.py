"""Personal data in a text: real-looking e-mail addresses, phone numbers, payment cards and IBANs.

What cannot be real is let through: names reserved for documentation (RFC 2606, RFC 6761), and numbers with 555 or 000
in them, as nobody has. What is found is masked by such values, so that a masked text gives training the same features.
"""

import re

from router.frozen import dataclass

_MAIL = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24})\b")
_RESERVED = re.compile(r"(?:^|\.)(?:example|test|invalid|localhost|local|example\.(?:com|net|org))$")
_GAP = r"[ \u00a0().\-]{0,2}"
_PHONE = re.compile(
    rf"(?<![\w+.\-])(?:\+|00)[1-9](?:{_GAP}\d){{8,13}}(?![\w\-])"  # +380 67 123-45-67
    rf"|(?<![\w+.\-])\(?0\d{{2}}\)?{_GAP}\d{{3}}(?:{_GAP}\d{{2}}){{2}}(?![\w\-])"  # 067 123 45 67, (067) 123-45-67
    rf"|(?<![\w+.\-])8{_GAP}9\d{{2}}{_GAP}\d{{3}}(?:{_GAP}\d{{2}}){{2}}(?![\w\-])"  # 8 912 345-67-89
)
_CARD = re.compile(r"(?<![\w.\-])[2-6]\d{3}(?:[ \-]?\d{4}){2}[ \-]?\d{1,7}(?![\w\-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_TEST_CARDS = frozenset({"4242424242424242", "4111111111111111", "5555555555554444"})
_NOT_DIGITS = re.compile(r"\D")


@dataclass(frozen=True, slots=True, order=True)
class Personal:
    """start, end: characters of the text. kind: what it is, in words."""

    start: int
    end: int
    kind: str


def find(text: str) -> list[Personal]:
    """All there is, by place; nothing twice."""
    found: list[Personal] = []
    for kind, pattern, is_real in (
        ("an e-mail address", _MAIL, _is_real_mail),
        ("an IBAN", _IBAN, _is_real_iban),
        ("a payment card", _CARD, _is_real_card),
        ("a phone number", _PHONE, _is_real_phone),
    ):
        for match in pattern.finditer(text):
            free = all(match.end() <= one.start or match.start() >= one.end for one in found)
            if free and is_real(match):
                found.append(Personal(match.start(), match.end(), kind))
    return sorted(found)


def redacted(text: str) -> str:
    """The text with every such value masked: `masked@mail.example`, and 0 for every digit of a number."""
    parts, done = [], 0
    for one in find(text):
        value = text[one.start : one.end]
        mask = "masked@mail.example" if "@" in value else re.sub(r"[A-Z]", "X", re.sub(r"\d", "0", value))
        parts += [text[done : one.start], mask]
        done = one.end
    return "".join([*parts, text[done:]])


def _is_real_mail(match: re.Match[str]) -> bool:
    return not _RESERVED.search(match[1].casefold())


def _is_real_phone(match: re.Match[str]) -> bool:
    digits = _NOT_DIGITS.sub("", match[0])
    return "000" not in digits and "555" not in digits


def _is_real_card(match: re.Match[str]) -> bool:
    digits = _NOT_DIGITS.sub("", match[0])
    if "0000" in digits or digits in _TEST_CARDS or len(digits) not in range(13, 20):
        return False
    # Luhn (ISO/IEC 7812-1): every second digit from the right is doubled
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_real_iban(match: re.Match[str]) -> bool:
    letters = match[0].replace(" ", "")
    if "0000" in letters or not 15 <= len(letters) <= 34:
        return False
    # ISO 13616: the first four go last, letters are 10 to 35, the whole is 1 modulo 97
    return int("".join(str(int(one, 36)) for one in letters[4:] + letters[:4])) % 97 == 1
