"""Times and lists in the writer's language: "понеділок, 30 листопада, до 17:00, за київським часом".

A template may have a preposition of its own in front of the place ("Очікуйте відповідь до {expect_by}."). Then the time
comes without one and in the case that the preposition wants: "до понеділка, 30 листопада, 17:00, за київським часом".
"""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, get_timezone_location, get_timezone_name

from router.frozen import dataclass

_GENITIVE = {
    "uk": ("понеділка", "вівторка", "середи", "четверга", "п'ятниці", "суботи", "неділі"),
    "ru": ("понедельника", "вторника", "среды", "четверга", "пятницы", "субботы", "воскресенья"),
}
"""CLDR has no cases of weekdays. Dates ("30 листопада") are in the genitive already."""

_BY = {"uk": "до", "ru": "до", "en": "by", "de": "bis", "pl": "do"}
_OWN_PREPOSITION = re.compile(
    r"(?:^|[\s(«\"])(?:до|by|until|till|before|bis|do)\s*\Z", re.IGNORECASE
)  # in front of the place, whatever the language
_ON = re.compile(r"(?:^|[\s(«\"])(?:з|із|с|со|from|since|ab|od)\s*\Z", re.IGNORECASE)

_ZONES = {
    "Europe/Kyiv": {"uk": "за київським часом", "ru": "по киевскому времени", "en": "Kyiv time"},
    "Europe/Kiev": {"uk": "за київським часом", "ru": "по киевскому времени", "en": "Kyiv time"},
    "Europe/Warsaw": {"uk": "за варшавським часом", "ru": "по варшавскому времени"},
    "Europe/London": {"uk": "за лондонським часом", "ru": "по лондонскому времени"},
    "Europe/Berlin": {"uk": "за берлінським часом", "ru": "по берлинскому времени"},
    "UTC": {"uk": "за всесвітнім часом (UTC)", "ru": "по всемирному времени (UTC)", "en": "UTC"},
}
_APOSTROPHES = {ord(one): "'" for one in "’ʼ"}
_DAY_PATTERNS = {"uk": "EEEE, d MMMM", "ru": "EEEE, d MMMM", "en": "EEEE, d MMMM"}
_YEAR = re.compile(r"[\s,]*(?:'[^']*'\s*)?\by+\b\s*(?:'[^']*')?\s*\Z")


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as a department's clock shows it. zone: such as `Europe/Kyiv`."""

    instant: datetime
    zone: str

    @property
    def local(self) -> datetime:
        return self.instant.astimezone(ZoneInfo(self.zone))


def locale_of(language: str) -> Locale:
    """Babel's locale of a language; English (with 24 hours) for a language that it does not know."""
    if language == "en":
        return Locale("en", "GB")
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return Locale("en", "GB")


def deadline(moment: Moment, language: str, before: str = "") -> str:
    """`moment` as the latest time of something. before: the text in front of the place, with its preposition if it has
    one of its own."""
    if _OWN_PREPOSITION.search(before):
        return _joined(moment, language, _genitive_day(moment, language), _clock(moment, language))
    by = _BY.get(language, "")
    clock = _clock(moment, language)
    return _joined(moment, language, _day(moment, language), f"{by} {clock}" if by else f"≤ {clock}")


def beginning(moment: Moment, language: str, before: str = "") -> str:
    """`moment` as the time at which something begins."""
    own = _OWN_PREPOSITION.search(before) or _ON.search(before)
    day = _genitive_day(moment, language) if own else _day(moment, language)
    return _joined(moment, language, day, _clock(moment, language))


def listed(words: Sequence[str]) -> str:
    """`["url", "browser", "error"]` as "url, browser, error": commas alone, so that any case fits."""
    return ", ".join(dict.fromkeys(words))


def zone_phrase(zone: str, language: str, at: datetime) -> str:
    """Which clock is meant: "за київським часом", "Kyiv time"; for others the zone's city or its name in CLDR."""
    known = _ZONES.get(zone, {}).get(language)
    if known:
        return known
    locale, place = locale_of(language), ZoneInfo(zone)
    if language in ("uk", "ru", "en") and "/" in zone and not zone.startswith("Etc/"):
        city = get_timezone_location(place, locale=locale, return_city=True)
        return {"uk": f"за часом міста {city}", "ru": f"по времени города {city}", "en": f"{city} time"}[language]
    return get_timezone_name(at.astimezone(place), width="long", locale=locale)


def _day(moment: Moment, language: str) -> str:
    locale = locale_of(language)
    pattern = _DAY_PATTERNS.get(language)
    if pattern is None:  # the language's own full date; a year at its end says nothing here
        pattern = _YEAR.sub("", locale.date_formats["full"].pattern)
    return format_date(moment.local.date(), pattern, locale=locale).translate(_APOSTROPHES)


def _genitive_day(moment: Moment, language: str) -> str:
    day, names = _day(moment, language), _GENITIVE.get(language)
    if names is None:
        return day
    _, comma, rest = day.partition(",")
    return names[moment.local.weekday()] + comma + rest


def _clock(moment: Moment, language: str) -> str:
    return f"{moment.local:%H:%M}"


def _joined(moment: Moment, language: str, day: str, clock: str) -> str:
    return f"{day}, {clock}, {zone_phrase(moment.zone, language, moment.instant)}"
