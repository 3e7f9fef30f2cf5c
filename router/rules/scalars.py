"""Texts of rules.yaml as values: durations, sizes, rates, dates, addresses. Each raises `Malformed`, in words.

YAML types nothing here (`18:00` is no number, `no` no boolean): these functions do, and say what they expect.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from router import hours
from router.rules.schema import Rate
from router.rules.schema_conditions import LengthUnit
from router.rules.suggestions import suggest
from router.rules.text import words

DAY_NAMES = hours.DAY_NAMES
NAME = r"[a-z][a-z0-9_-]{0,63}"
TAG = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONG_UNITS = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hr": "h", "hour": "h", "day": "d", "msec": "ms"}
_SIZES = {"b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_PERIODS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MAX_DURATION = timedelta(days=3660)


class Malformed(ValueError):
    """A text that does not have the form it must have. suggestion: the form that was probably meant."""

    def __init__(self, code: str, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.suggestion = code, message, suggestion


def duration(text: str) -> timedelta:
    """`500ms`, `30s`, `15m`, `4h`, `7d`; at most ten years."""
    found = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h|d)", text)
    if not found:
        raise Malformed(
            "E206", f'a duration looks like 500ms, 30s, 15m, 4h or 7d, not "{_shown(text)}"', _meant_duration(text)
        )
    seconds = int(found[1]) * _UNITS_S[found[2]]
    if seconds > _MAX_DURATION.total_seconds():
        raise Malformed("E206", f'the duration "{text}" is longer than ten years')
    return timedelta(seconds=seconds)


def positive_duration(text: str) -> timedelta:
    value = duration(text)
    if not value:
        raise Malformed("E206", f'a duration of "{text}" is none; it must be longer')
    return value


def _meant_duration(text: str) -> str | None:
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*([a-z]+)\s*", text.casefold())
    if not found:
        return None
    unit = found[2].removesuffix("s") or "s"
    unit = _LONG_UNITS.get(unit, unit)
    if unit in ("w", "week"):
        return f"{int(found[1]) * 7}d"
    return f"{found[1]}{unit}" if unit in _UNITS_S else None


def size(text: str) -> int:
    """`10MB`, `100 kB`, `256 KiB`, in bytes."""
    found = re.fullmatch(r"([0-9]{1,12})\s?([kmg]?i?b)", text.casefold())
    if not found or found[2] == "ib":
        bare = re.fullmatch(r"\s*([0-9]{1,12})\s*([kmg]?)\s*", text.casefold())
        meant = f"{bare[1]}{ {'': 'B', 'k': 'kB', 'm': 'MB', 'g': 'GB'}[bare[2]] }" if bare else None
        raise Malformed("E208", f'a size looks like 500kB, 10MB or 256KiB, not "{_shown(text)}"', meant)
    return int(found[1]) * _SIZES[found[2]]


def rate(text: str) -> Rate:
    """`2 per day`."""
    found = re.fullmatch(r"([0-9]{1,9})\s+per\s+(minute|hour|day|week)", text)
    if not found:
        loose = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:/|per|a|an|every)\s*([a-z]+)\s*", text.casefold())
        unit = loose and next((unit for unit in _PERIODS if unit.startswith(loose[2].removesuffix("s"))), None)
        meant = f"{loose[1]} per {unit}" if loose and unit else None
        raise Malformed("E208", f'a rate looks like "2 per day" (minute, hour, day, week), not "{_shown(text)}"', meant)
    return Rate(int(found[1]), _PERIODS[found[2]])


def probability(text: str) -> float:
    """0..1, written as `0.8` or `80%`."""
    if found := re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s?%", text):
        value = float(found[1]) / 100
    else:
        value = number(text)
    if not 0 <= value <= 1:
        meant = f"{text}%" if 1 < value <= 100 else None
        raise Malformed("E208", f'a probability lies between 0 and 1, not at "{_shown(text)}"', meant)
    return value


def number(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]{0,9}(?:\.[0-9]{1,9})?", text) or not re.search("[0-9]", text):
        comma = text.replace(",", ".")
        meant = comma if re.fullmatch(r"-?[0-9]{1,9}\.[0-9]{1,9}", comma) else None
        raise Malformed("E208", f'a number is wanted, not "{_shown(text)}"', meant)
    return float(text)


def integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise Malformed("E208", f'a whole number is wanted, not "{_shown(text)}"')
    return int(text)


def count(text: str) -> int:
    """A whole number of at least 1."""
    value = integer(text)
    if value < 1:
        raise Malformed("E208", f'a number of at least 1 is wanted, not "{text}"')
    return value


def amount(text: str) -> int:
    """A whole number of at least 0."""
    value = integer(text)
    if value < 0:
        raise Malformed("E208", f'a number of at least 0 is wanted, not "{text}"')
    return value


def length(text: str) -> tuple[int, LengthUnit]:
    """`20 words`, `200 characters`."""
    found = re.fullmatch(r"([0-9]{1,9}) (words?|characters?)", text)
    if not found:
        bare = re.fullmatch(r"\s*([0-9]{1,9})\s*", text)
        raise Malformed(
            "E208",
            f'a length looks like "20 words" or "200 characters", not "{_shown(text)}"',
            f"{bare[1]} words" if bare else None,
        )
    return int(found[1]), LengthUnit(found[2].removesuffix("s") + "s")


def day(text: str) -> date:
    """`2026-12-31`."""
    try:
        return hours.parse_date(text)
    except ValueError as error:
        raise Malformed("E204", str(error), _meant_date(text)) from None


def _meant_date(text: str) -> str | None:
    found = re.fullmatch(r"\s*([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})\s*", text)  # as it is written from Kyiv to Berlin
    if not found:
        return None
    try:
        return date(int(found[3]), int(found[2]), int(found[1])).isoformat()
    except ValueError:
        return None


def holiday_date(text: str) -> str:
    """`12-25` every year or `2026-12-25` once."""
    short = re.fullmatch(r"[0-9]{2}-[0-9]{2}", text)
    try:
        hours.parse_date(f"2024-{text}" if short else text)  # 2024 has a 29 February
    except ValueError:
        raise Malformed(
            "E204",
            f'the date of a holiday looks like "12-25" or "2026-12-25", not "{_shown(text)}"',
            _meant_date(text),
        ) from None
    return text


def instant(text: str) -> datetime:
    """`2026-03-06T19:40+02:00`, with its offset."""
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([+-][0-9]{2}:[0-9]{2}|Z)"
    try:
        if re.fullmatch(form, text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # the right form, but no such day or hour
    raise Malformed("E204", f'a moment looks like "2026-03-06T19:40+02:00", not "{_shown(text)}"')


def span(text: str) -> str:
    """`09:00-18:00`; checked, and given back as it is."""
    try:
        hours.parse_span(text)
    except ValueError as error:
        ends = re.fullmatch(r"\s*([0-9]{1,2})(?:[:.]([0-9]{2}))?\s*[-–—]\s*([0-9]{1,2})(?:[:.]([0-9]{2}))?\s*", text)
        meant = None
        if ends and (spoken := f"{int(ends[1]):02}:{ends[2] or '00'}-{int(ends[3]):02}:{ends[4] or '00'}") != text:
            meant = spoken
            try:
                hours.parse_span(spoken)
            except ValueError:
                meant = None
        raise Malformed("E205", str(error).replace(text, _shown(text)), meant) from None
    return text


def days(text: str) -> tuple[int, ...]:
    """`mon-fri` as (0, 1, 2, 3, 4)."""
    try:
        return hours.parse_days(text)
    except ValueError as error:
        message, _, meant = str(error).replace(text, _shown(text)).partition('; did you mean "')
        raise Malformed("E205", message, meant.partition('"')[0] or None) from None


def time_between(text: str) -> tuple[int, int]:
    """`22:00-06:00` in minutes of the day; it may go over midnight."""
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)", text)
    if not found:
        raise Malformed("E205", f'hours must look like "22:00-06:00", not "{_shown(text)}"')
    start = int(found[1]) * 60 + int(found[2])
    end = 1440 if found[3] is None else int(found[3]) * 60 + int(found[4])
    if start == end:
        raise Malformed("E205", f'"{text}" begins when it ends')
    return start, end


def timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder of the database
        raise Malformed("E218", f'unknown time zone "{_shown(text)}"', suggest(text, available_timezones())) from None
    return text


def address(text: str) -> str:
    """One bare address; its domain may be international."""
    if re.fullmatch(r"[^\s@<>()\",;:\\\[\]]{1,64}@[^\s@<>()\",;:\\\[\]]{1,253}", text) and _is_domain(
        text.rpartition("@")[2]
    ):
        return text
    inner = re.fullmatch(r".*<([^<>]+@[^<>]+)>\s*", text)
    raise Malformed(
        "E218", f'an address looks like desk@example.org, not "{_shown(text)}"', inner[1] if inner else None
    )


def address_or_null(text: str) -> str:
    """An address; "" is the null sender."""
    return text and address(text)


def domain(text: str) -> str:
    if not _is_domain(text):
        raise Malformed(
            "E218",
            f'a domain looks like example.org, not "{_shown(text)}"',
            text.rpartition("@")[2] if "@" in text and _is_domain(text.rpartition("@")[2]) else None,
        )
    return text


def _is_domain(text: str) -> bool:
    labels = text.split(".")
    return all(label and not re.search(r"[\x00-\x2c/:-@\[-`{-\x7f\s]", label.replace("_", "")) for label in labels)


def network(text: str) -> IPv4Network | IPv6Network:
    """`192.0.2.0/24`, `2001:db8::/32` or one address."""
    try:
        return ip_network(text)
    except ValueError:
        try:
            meant = str(ip_network(text, strict=False))
        except ValueError:
            meant = None
        raise Malformed("E218", f'a network looks like 192.0.2.0/24, not "{_shown(text)}"', meant) from None


def field_name(text: str) -> str:
    """The name of a header field."""
    if not re.fullmatch(r"[!-9;-~]{1,76}", text):
        bare = text.strip().rstrip(":")
        meant = bare if re.fullmatch(r"[!-9;-~]{1,76}", bare) else None
        raise Malformed("E218", f'a header field is named like "X-Spam-Score", not "{_shown(text)}"', meant)
    return text


def header_prefix(text: str) -> str:
    if not re.fullmatch(r"X-(?:[A-Za-z0-9]+-)+", text) or len(text) > 40:
        bare = re.sub("[^A-Za-z0-9-]", "", text).strip("-").removeprefix("X-").removeprefix("x-")
        raise Malformed("E218", f'a prefix looks like "X-Desk-", not "{_shown(text)}"', f"X-{bare}-" if bare else None)
    return text


def url(text: str) -> str:
    if not re.fullmatch(r"https://[^\s/?#@]+(?:[/?#]\S*)?", text):
        meant = "https" + text.removeprefix("http") if text.startswith("http://") else None
        raise Malformed("E218", f'an address of the web begins with https://, unlike "{_shown(text)}"', meant)
    return text


def entry_point(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", text, re.ASCII):
        raise Malformed("E218", f'a Python function is named like "package.module:function", not "{_shown(text)}"')
    return text


def ticket_tag(text: str) -> str:
    """`[desk #{number}]`."""
    if text.count("{number}") != 1 or re.search("[{}]", text.replace("{number}", "")):
        raise Malformed("E218", f'a ticket tag holds {{number}} once, as "[desk #{{number}}]", unlike "{_shown(text)}"')
    if not re.sub(r"[\s\W\d_]", "", text.replace("{number}", "")):
        raise Malformed("E218", f'the ticket tag "{_shown(text)}" would fit anybody\'s number; put a name into it')
    return text


def media_type(text: str) -> str:
    """`image/*`, `message/delivery-status`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9!#$&^_.+-]*/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)", text):
        folded = text.casefold()
        meant = folded if folded != text and re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+*-]+", folded) else None
        raise Malformed("E218", f'a media type looks like image/* or application/pdf, not "{_shown(text)}"', meant)
    return text


def delivery_status(text: str) -> str:
    """`5.1.1`, `5.7.*`, `4.*` (RFC 3463)."""
    if not re.fullmatch(r"[245]\.(?:\*|\d{1,3}\.(?:\*|\d{1,3}))", text):
        raise Malformed("E218", f'a status looks like 5.1.1, 5.7.* or 4.*, not "{_shown(text)}"')
    return text


def name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        slug = re.sub(
            "[^a-z0-9_-]+", "-", unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        )
        slug = slug.strip("-_0123456789")[:64]
        raise Malformed(
            "E209",
            f'a name has small Latin letters, digits, "-" and "_" and begins with a letter, unlike "{_shown(text)}"',
            slug if re.fullmatch(NAME, slug) else None,
        )
    return text


def tag(text: str) -> str:
    if not re.fullmatch(TAG, text):
        slug = re.sub(r"\s+", "-", text.strip())
        raise Malformed(
            "E209",
            f'a tag has Latin letters, digits, ".", "-" and "_", unlike "{_shown(text)}"',
            slug if re.fullmatch(TAG, slug) else None,
        )
    return text


def phrase(text: str) -> str:
    """Words in a row; `*` ends a word of at least two letters, `..` stands between words."""
    parts = text.split()
    for part in parts:
        if part == "..":
            continue
        stem = part.rstrip("*")
        if "*" in stem or part.count("*") > 1:
            raise Malformed("E216", f'in "{_shown(part)}" the "*" may stand only once, at the end of a word')
        if part.endswith("*") and (len(words(stem)) != 1 or len(words(stem)[0]) < 2):
            raise Malformed("E216", f'"{_shown(part)}" fits nearly every word; at least two letters come before "*"')
        if part.endswith("*") and unicodedata.category(stem[-1])[0] not in "LMN":
            raise Malformed("E216", f'in "{_shown(part)}" the "*" must follow a letter', words(stem)[0] + "*")
        if ".." in part:
            raise Malformed("E216", f'".." stands between words, with a space on each side, unlike "{_shown(part)}"')
    if parts and ".." in (parts[0], parts[-1]):
        raise Malformed("E216", f'".." stands between two words, not at an end of "{_shown(text)}"')
    if not words(text):
        raise Malformed("E216", f'the phrase "{_shown(text)}" has no word in it and can never be found')
    return text


def label(text: str) -> str:
    """What a classifier tells apart."""
    if not re.fullmatch(r"[\w-]{1,64}", text):
        raise Malformed(
            "E209", f'a label is one word, unlike "{_shown(text)}"', re.sub(r"[^\w-]+", "_", text)[:64] or None
        )
    return text


def language(text: str) -> str:
    """A language code, ISO 639."""
    if not re.fullmatch("[a-z]{2,3}", text):
        short = re.split("[-_]", text.lower())[0]
        meant = short if re.fullmatch("[a-z]{2,3}", short) else None
        raise Malformed("E209", f'a language is written as en, uk or de, not "{_shown(text)}"', meant)
    if text == "any":
        raise Malformed("E209", '"any" is no language; it stands for all of them in patterns')
    return text


def country(text: str) -> str:
    if not re.fullmatch("[A-Z]{2}(-[A-Z0-9]{1,3})?", text):
        meant = text.upper() if re.fullmatch("[a-z]{2}(-[a-z0-9]{1,3})?", text) else None
        raise Malformed("E218", f'a country looks like DE or DE-BY, not "{_shown(text)}"', meant)
    return text


def select(text: str) -> str:
    """One SELECT with the placeholder `:key`."""
    if not re.match(r"\s*select\b", text, re.IGNORECASE) or ";" in text.strip().rstrip(";"):
        raise Malformed("E218", "sql must be one SELECT")
    if not re.search(r":key\b", text):
        raise Malformed("E218", "sql must hold :key, the place of what is looked up")
    return text


def one_line(text: str) -> str:
    """Without a line break inside; one at the end, as block scalars have, is dropped."""
    if "\n" in text.strip("\n"):
        raise Malformed("E218", "this text must be one line")
    return text.strip("\n")


def _shown(text: str) -> str:
    """At most 60 characters of it, on one line, for a message."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return line if len(line) <= 60 else line[:57] + "..."
