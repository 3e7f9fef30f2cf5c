"""Settings, time, queues and lists: what their blocks look like."""

from collections.abc import Mapping
from typing import Any

from router.errors import Location
from router.rules import document, scalars, schema
from router.rules.blocks import Block, ByForm, Key, NamedBlocks, OneOfBlocks, Wrapped
from router.rules.document import Node
from router.rules.grammar_conditions import CONDITION, words_of
from router.rules.grammar_texts import ADDRESS, DATE
from router.rules.schema_conditions import Text
from router.rules.shapes import (
    BOOLEAN,
    INVALID,
    Choice,
    Kind,
    Many,
    Name,
    Plain,
    Reader,
    TextsOf,
    Typed,
    wrong_kind,
)

_POSITIVE = Typed("a duration such as 30s, 15m, 4h, 7d", scalars.positive_duration, pattern=r"^[0-9]+(ms|s|m|h|d)$")
_RATE = Typed('a rate such as "2 per day"', scalars.rate)
_ZONE = Typed("a time zone such as Europe/Kyiv", scalars.timezone)
_PATH = Typed("a path", scalars.one_line, keep=True)
_DOMAIN = Typed("a domain such as lists.example.org", scalars.domain, keep=True)
_FIELD_NAME = Typed("the name of a header field", scalars.field_name, keep=True)
_NETWORKS = Many(Typed("a network such as 192.0.2.0/24", scalars.network), one=True)
_SPANS = Many(Typed('hours such as "09:00-18:00"', scalars.span, keep=True), one=True)

_FROM = ByForm(
    "queue, or {name, address}",
    Choice("word", {"queue": None}),
    None,
    Block(
        "from",
        lambda address, at, name=schema.BLANK: schema.Mailbox(address, name),
        {"name": Key(Plain("a name"), "as customers see it"), "address": Key(ADDRESS, "a queue's", required=True)},
    ),
)
_REPLY = Block(
    "reply",
    schema.ReplySettings,
    {
        "from": Key(_FROM, "who answers: queue (the one that will answer), or a name and address", attribute="from_"),
        "once_per": Key(_POSITIVE, "a sender gets the same snippet once in this time"),
        "max_per_sender": Key(_RATE, "answers to one sender"),
        "max_per_domain": Key(_RATE, "answers to one domain"),
        "max_total": Key(_RATE, "answers in all"),
        "require": Key(CONDITION, "no answer to a mail for which this is not true"),
        "intent_domain": Key(
            Typed("a domain such as ack.desk.internal", scalars.domain),
            "a domain that the mail server routes to `mailrouter acknowledge`; without it nothing is sent",
        ),
        "bulk": Key(BOOLEAN, "answers carry `Precedence: bulk`; true unless said otherwise"),
    },
)
_HOLD = Name(Kind.QUEUE, {schema.QUARANTINE: Text(schema.QUARANTINE)})
SETTINGS = Block(
    "settings",
    schema.Settings,
    {
        "timezone": Key(_ZONE, "of time: and date: conditions, and of texts"),
        "default_queue": Key(
            Name(Kind.QUEUE, {"by_recipient": None}), "when no rule chose a queue: by_recipient, or a queue"
        ),
        "header_prefix": Key(
            Typed("a prefix such as X-Desk-", scalars.header_prefix, keep=True), "of the header fields we add"
        ),
        "time_budget": Key(_POSITIVE, "for deciding one mail; then open tests are unknown"),
        "max_text": Key(Typed("a size such as 100kB", scalars.size), "text beyond it is not looked at"),
        "on_engine_error": Key(Choice("answer", words_of(schema.EngineError)), "if deciding itself breaks"),
        "reply": Key(_REPLY, "automatic answers; without it there are none"),
        "hold": Key(_HOLD, "where held mail goes: a queue, or quarantine (the mail server's own)"),
        "trusted_authserv": Key(Many(Plain("an authserv-id"), one=True), "whose Authentication-Results are believed"),
        "trusted_sealers": Key(
            Many(_DOMAIN, one=True), "forwarders and lists whose ARC seals are believed, by the d= of the seal"
        ),
        "own_clients": Key(_NETWORKS, "networks whose mail is our own"),
        "key_file": Key(_PATH, "the secret that signs tokens and header fields"),
        "model_key": Key(Many(_PATH, one=True), "public keys: only models signed by one of them are used"),
        "spam": Key(
            Block(
                "spam",
                lambda header, over, at: schema.Spam(header, over),
                {
                    "header": Key(_FIELD_NAME, "the field with the spam score", required=True),
                    "over": Key(Typed("a number", scalars.number), "more is spam", required=True),
                },
            ),
            "spam is never answered",
        ),
        "adapters": Key(
            Many(Choice("helpdesk", {one: Text(one) for one in ("otrs", "zammad", "rt")}), one=True),
            "helpdesks that get their own header fields too",
        ),
        "retention": Key(_POSITIVE, "how long the journal keeps a mail's record"),
        "shadow": Key(
            Block(
                "shadow",
                lambda at, rules=None, model=None: schema.Shadow(rules, model),
                {"rules": Key(_PATH, "another rules file"), "model": Key(Plain("a model id"), "another model")},
            ),
            "what runs beside and is only compared",
        ),
    },
)
TICKETS = Block(
    "tickets",
    schema.Tickets,
    {
        "tags": Key(
            Many(Typed("a tag such as [desk #{number}]", scalars.ticket_tag, keep=True), one=True),
            "how a Subject names a ticket",
        ),
        "former": Key(
            Many(Typed("a tag such as [desk #{number}]", scalars.ticket_tag, keep=True), one=True),
            "forms of the past that are still recognised",
        ),
        "closed": Key(Name(Kind.LIST), "a list of the numbers of closed tickets"),
    },
)
ACCOUNTS = Block(
    "accounts",
    schema.Accounts,
    {
        "contract": Key(Name(Kind.EXTRACT), "the extract that finds a contract number", required=True),
        "login": Key(Name(Kind.EXTRACT), "the extract that finds a login"),
        "contacts": Key(Name(Kind.LIST), "the list that says whose contract it is", required=True),
    },
)
PANEL = Block(
    "panel",
    schema.PanelForm,
    {
        "clients": Key(_NETWORKS, "where the form sends from"),
        "signed_header": Key(
            Block(
                "signed_header",
                lambda name, key_file, at: schema.SignedHeader(name, key_file),
                {
                    "name": Key(_FIELD_NAME, "the field with the signature", required=True),
                    "key_file": Key(_PATH, "the secret it is made with", required=True),
                },
            ),
            "a signature that the form adds",
        ),
    },
)


# ----------------------------------------------------------------------------------------------------------------- time
def _check_holiday(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    hours = node.get("hours")
    if values.get("closed") and hours is not None:
        reader.problem("E205", hours.at, "a closed day has no hours; leave one of the two out")
    if (offset := values.get("easter")) is not None and not -80 <= offset <= 230:
        at = node.get("easter") or node
        reader.problem("E208", at.at, f"an offset from Easter lies between -80 and 230 days, unlike {offset}")


_NAME = Key(Plain("a name"), "what the day is called", required=True)
_CLOSED = Key(BOOLEAN, "whether nobody works", required=True)
_DAY_HOURS = Key(_SPANS, "other hours of a day that is not closed")
_HOLIDAY = OneOfBlocks(
    "a holiday",
    {
        "date": Block(
            "a holiday",
            schema.DatedHoliday,
            {
                "date": Key(Typed("a date such as 12-25", scalars.holiday_date, keep=True), "MM-DD or YYYY-MM-DD"),
                "name": _NAME,
                "closed": _CLOSED,
                "hours": _DAY_HOURS,
            },
            check=_check_holiday,
        ),
        "easter": Block(
            "a holiday",
            lambda easter, at, **values: schema.EasterHoliday(easter, **values, at=at),
            {
                "easter": Key(Typed("a number of days", scalars.integer), "days from Easter Sunday"),
                "church": Key(Choice("church", {one: one for one in ("orthodox", "western")}), "whose Easter"),
                "name": _NAME,
                "closed": _CLOSED,
                "hours": _DAY_HOURS,
            },
            check=_check_holiday,
        ),
        "ics": Block(
            "holidays of a calendar file",
            lambda ics, at: schema.IcsHolidays(ics, at),
            {"ics": Key(_PATH, "a path or an https address")},
        ),
        "country": Block(
            "holidays of a country",
            schema.CountryHolidays,
            {
                "country": Key(Typed("a country such as DE", scalars.country, keep=True), "ISO 3166, as DE or DE-BY"),
                "category": Key(Plain("a category"), "as public"),
            },
        ),
    },
)
HOLIDAYS = NamedBlocks("sets of holidays", Wrapped(Many(_HOLIDAY), lambda days, name, at: days))


class WeekHours:
    """`{mon-fri: "09:00-18:00", sat: ["10:00-13:00", "14:00-16:00"]}`."""

    said = 'hours by day, as {mon-fri: "09:00-18:00"}'

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, document.Mapping):
            return wrong_kind(node, self.said, reader)
        if not node.entries:
            return reader.problem("E212", node.at, f"expected {self.said}, found an empty block")
        found: list[schema.DayHours] = []
        seen: dict[int, int] = {}
        complete = True
        for entry in node.entries:
            spans = _SPANS.read(entry.value, reader)
            try:
                days = scalars.days(entry.key.text)
            except scalars.Malformed as error:
                reader.problem(error.code, entry.key.at, error.message, error.suggestion)
                complete = False
                continue
            twice = [day for day in days if day in seen]
            if twice:
                names = ", ".join(scalars.DAY_NAMES[day] for day in twice)
                line = seen[twice[0]]
                reader.problem("E205", entry.key.at, f"the hours of {names} are given twice (first at line {line})")
            seen.update(dict.fromkeys(days, entry.key.at.line))
            complete = complete and not twice and spans is not INVALID
            if spans is not INVALID:
                found.append(schema.DayHours(Text(entry.key.text, entry.key.at), spans))
        return tuple(found) if complete else INVALID

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": _SPANS.json_schema(), "minProperties": 1}


def _exception(date: Any, at: Location, hours: tuple[Text, ...] = (), name: Text = schema.BLANK) -> Any:
    return schema.CalendarException(date, hours, name, at)


def _check_calendar(node: document.Mapping, values: Mapping[str, Any], reader: Reader) -> None:
    seen: dict[Any, int] = {}
    for one in values.get("exceptions", ()):
        if one.date in seen:
            message = f"the date {one.date} has two exceptions (first at line {seen[one.date]}); join them"
            reader.problem("E214", one.at, message)
        seen.setdefault(one.date, one.at.line)


CALENDARS = NamedBlocks(
    "calendars",
    Block(
        "a calendar",
        schema.Calendar,
        {
            "timezone": Key(_ZONE, "where the department works, as Europe/Kyiv", required=True),
            "hours": Key(WeekHours(), "hours by day", required=True),
            "holidays": Key(Name(Kind.HOLIDAYS), "a set of holidays"),
            "exceptions": Key(
                Many(
                    Block(
                        "an exception",
                        _exception,
                        {
                            "date": Key(DATE, "as 2026-12-31", required=True),
                            "name": Key(Plain("a name"), "why"),
                            "hours": Key(_SPANS, "hours of that day; without them it is closed"),
                        },
                    )
                ),
                "days that are not as their weekday",
            ),
        },
        check=_check_calendar,
    ),
)
QUEUES = NamedBlocks(
    "queues",
    Block(
        "a queue",
        # its name in the file and the name that customers read meet here
        lambda titles, at, name, **values: schema.Queue(name=name, titles=titles, at=at, **values),
        {
            "address": Key(ADDRESS, "its mailbox", required=True),
            "aliases": Key(Many(ADDRESS, one=True), "other addresses of it"),
            "calendar": Key(Name(Kind.CALENDAR), "when it works", required=True),
            "first_answer": Key(_POSITIVE, "working time until the first answer"),
            "name": Key(TextsOf(), "what customers read", required=True, attribute="titles"),
            "auto_reply": Key(Choice("word", {"allowed": True, "never": False}), "allowed, or never"),
            "helpdesk": Key(
                Typed("a queue's name in the helpdesk", scalars.one_line, keep=True),
                "what the helpdesk calls it, for the fields of settings.adapters; without it: as in this file",
            ),
        },
    ),
)

# ---------------------------------------------------------------------------------------------------------------- lists
_MAX_AGE = Key(_POSITIVE, "older: the answer is unknown, not no")
_TIMEOUT = Key(_POSITIVE, "no answer in this time: unknown")
_COLUMN = Typed("the name of a column", scalars.one_line, keep=True)
_FUNCTION = Typed("a Python function", scalars.entry_point, keep=True)
LISTS = NamedBlocks(
    "lists",
    OneOfBlocks(
        "a list",
        {
            "items": Block("a list", schema.ItemsList, {"items": Key(Many(Plain(), least=0), "what is in it")}),
            "file": Block(
                "a list from a file",
                lambda file, at, **values: schema.FileList(path=file, at=at, **values),
                {
                    "file": Key(_PATH, "a CSV file with a line of column names"),
                    "key": Key(_COLUMN, "the column to look in", required=True),
                    "value": Key(_COLUMN, "the column with the answer"),
                    "max_age": _MAX_AGE,
                    "reload": Key(_POSITIVE, "how often the file is looked at"),
                },
            ),
            "lookup": Block(
                "a list by a function",
                lambda lookup, at, **values: schema.LookupList(entry_point=lookup, at=at, **values),
                {
                    "lookup": Key(
                        Typed("a Python function", scalars.entry_point, keep=True), "package.module:function"
                    ),
                    "timeout": Key(_POSITIVE, "no answer in this time: unknown", required=True),
                    "max_age": _MAX_AGE,
                },
            ),
            "sql": Block(
                "a list from a database",
                schema.SqlList,
                {
                    "sql": Key(Typed("a SELECT with :key", scalars.select, keep=True), "SELECT value … WHERE … = :key"),
                    "dsn_file": Key(_PATH, "the file with the database's address", required=True),
                    "timeout": _TIMEOUT,
                    "max_age": _MAX_AGE,
                },
            ),
            "url": Block(
                "a list from the web",
                schema.UrlList,
                {
                    "url": Key(Typed("an address that begins with https://", scalars.url, keep=True), "of a CSV"),
                    "key": Key(_COLUMN, "the column to look in", required=True),
                    "value": Key(_COLUMN, "the column with the answer"),
                    "timeout": _TIMEOUT,
                    "max_age": _MAX_AGE,
                },
            ),
        },
    ),
)
