"""rules.yaml, version 1, as typed values: what the loader gives and everything else works with.

Attributes are named as the keys of the grammar (rules-language.md 3.2 with the amendments). Every value knows its place
(`at`), and so does every `Text`, which is otherwise a `str`. What stands here has been checked: names exist, texts are
there in every language, numbers are numbers. Mappings keep the order of the file and are not edited.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TypeAlias

from router.errors import Location
from router.frozen import dataclass
from router.rules import schema_actions as actions
from router.rules import schema_conditions as conditions
from router.rules.schema_actions import Action
from router.rules.schema_cases import UNAVAILABLE, Case, Expected, ExpectedRedirect, ExpectedReply, Given, GivenThread
from router.rules.schema_conditions import NOWHERE, Condition, Field, Text
from router.vocabulary import Stage

__all__ = [
    "NOWHERE",
    "UNAVAILABLE",
    "Action",
    "Case",
    "Condition",
    "Expected",
    "ExpectedRedirect",
    "ExpectedReply",
    "Field",
    "Given",
    "GivenThread",
    "Text",
    "actions",
    "conditions",
]

Network: TypeAlias = IPv4Network | IPv6Network

PLACEHOLDERS = frozenset(
    {"queue", "expect_by", "opens_at", "missing", "subject", "ticket", "contract", "login", "url", "bounce"}
)
"""What texts and notes may name in braces; `subject` only in the Subject of an answer."""
ANSWER_PLACEHOLDERS = frozenset({"queue", "expect_by", "opens_at", "missing"})
"""What a snippet may name: nothing that the writer wrote or that is on file about anybody."""

BLANK = Text("")
DEFAULT_PREFIX = Text("X-Mailrouter-")
MODERATION = Text("moderation")
"""The queue that gets held mail when `settings.hold` is not set."""
PUBLIC = Text("public")


@dataclass(frozen=True, slots=True)
class Texts:
    """One text a language; every language of the file is there (E305)."""

    by_language: Mapping[str, Text]
    at: Location = field(default=NOWHERE, compare=False)

    def __getitem__(self, language: str) -> Text:
        return self.by_language[language]


# ------------------------------------------------------------------------------------------------------------- settings
@dataclass(frozen=True, slots=True)
class Rate:
    """`2 per day`: at most `count` in any `per`."""

    count: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Mailbox:
    address: Text
    name: Text = BLANK


@dataclass(frozen=True, slots=True)
class ReplySettings:
    """from_: None for `queue`: name and address of the queue that will answer (amendment 11). require: None: always.
    intent_domain: where the MTA routes intents to the acknowledgement service; None: nothing is sent, whatever rules
    say. bulk: `Precedence: bulk` on every answer."""

    from_: Mailbox | None = None
    once_per: timedelta = timedelta(days=7)
    max_per_sender: Rate = Rate(2, timedelta(days=1))
    max_per_domain: Rate = Rate(50, timedelta(hours=1))
    max_total: Rate = Rate(200, timedelta(hours=1))
    require: Condition | None = None
    intent_domain: Text | None = None
    bulk: bool = True
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Spam:
    """A header field whose number means spam when it is over `over`."""

    header: Text
    over: float


@dataclass(frozen=True, slots=True)
class Shadow:
    """What runs beside and is only compared: another rules file, another model."""

    rules: Text | None = None
    model: Text | None = None


class EngineError(StrEnum):
    ACCEPT = "accept"
    TEMPFAIL = "tempfail"


QUARANTINE = "quarantine"
"""`settings.hold`: the MTA's own hold queue instead of a queue of the desk."""


@dataclass(frozen=True, slots=True)
class Settings:
    """default_queue: None for `by_recipient`. hold: a queue's name or `quarantine`. own_clients: networks whose mail
    counts as submitted. trusted_sealers: domains of ARC seals. key_file: the secret for tokens and signatures.
    model_key: public keys of those who may sign a model. retention: of the journal, None: its own."""

    timezone: str = "UTC"
    default_queue: Text | None = None
    header_prefix: Text = DEFAULT_PREFIX
    time_budget: timedelta = timedelta(milliseconds=500)
    max_text: int = 100_000
    on_engine_error: EngineError = EngineError.ACCEPT
    reply: ReplySettings | None = None
    hold: Text = MODERATION
    trusted_authserv: tuple[Text, ...] = ()
    trusted_sealers: tuple[Text, ...] = ()
    own_clients: tuple[Network, ...] = ()
    key_file: Text | None = None
    model_key: tuple[Text, ...] = ()
    spam: Spam | None = None
    adapters: tuple[Text, ...] = ()
    retention: timedelta | None = None
    shadow: Shadow | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Tickets:
    """tags: `[desk #{number}]`, the present form first. former: tags of the past, still recognised. closed: a list of
    ticket numbers that are closed."""

    tags: tuple[Text, ...] = ()
    former: tuple[Text, ...] = ()
    closed: Text | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Which extract is the contract, which the login, and which list says whose contract it is."""

    contract: Text
    contacts: Text
    login: Text | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SignedHeader:
    name: Text
    key_file: Text


@dataclass(frozen=True, slots=True)
class PanelForm:
    """How mail of the control panel's form is known (amendment 7)."""

    clients: tuple[Network, ...] = ()
    signed_header: SignedHeader | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Training:
    """cost[true label][predicted label]: what that mistake costs; used by `train` to tune thresholds."""

    cost: Mapping[str, Mapping[str, float]]
    at: Location = field(default=NOWHERE, compare=False)


# ----------------------------------------------------------------------------------------------------------------- time
@dataclass(frozen=True, slots=True)
class DatedHoliday:
    """date: `MM-DD` (every year) or `YYYY-MM-DD`, checked. hours: spans, if only part of the day is worked."""

    date: Text
    name: Text
    closed: bool
    hours: tuple[Text, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class EasterHoliday:
    """offset: days from Easter Sunday. church: `orthodox` or `western`."""

    offset: int
    name: Text
    closed: bool
    church: str = "orthodox"
    hours: tuple[Text, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class IcsHolidays:
    """source: a path, relative to the rules file, or an https address. What it closes: see `ical`."""

    source: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class CountryHolidays:
    """From the `holidays` package, if it is installed: ISO 3166 country, category such as `public`."""

    country: Text
    category: Text = PUBLIC
    at: Location = field(default=NOWHERE, compare=False)


Holiday: TypeAlias = DatedHoliday | EasterHoliday | IcsHolidays | CountryHolidays


@dataclass(frozen=True, slots=True)
class DayHours:
    """days: `mon`, `mon-fri`; spans: `09:00-18:00`. Texts in the form that `router.hours` reads, already checked."""

    days: Text
    spans: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class CalendarException:
    """spans: empty for closed all day."""

    date: date
    spans: tuple[Text, ...] = ()
    name: Text = BLANK
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Calendar:
    name: Text
    timezone: str
    hours: tuple[DayHours, ...]
    holidays: Text | None = None
    exceptions: tuple[CalendarException, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Queue:
    """name: the key in the file. titles: what customers read (`name:` in the file). first_answer: working time.
    helpdesk: its name over there, None: as in the file."""

    name: Text
    address: Text
    titles: Texts
    calendar: Text
    aliases: tuple[Text, ...] = ()
    first_answer: timedelta | None = None
    auto_reply: bool = True
    helpdesk: Text | None = None
    at: Location = field(default=NOWHERE, compare=False)


# ------------------------------------------------------------------------------------------------------------ knowledge
@dataclass(frozen=True, slots=True)
class ItemsList:
    name: Text
    items: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class FileList:
    """A CSV file with a header line. key, value: its columns. path: as written, relative to the rules file."""

    name: Text
    path: Text
    key: Text
    value: Text | None = None
    max_age: timedelta | None = None
    reload: timedelta | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LookupList:
    """entry_point: `package.module:function`."""

    name: Text
    entry_point: Text
    timeout: timedelta
    max_age: timedelta | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SqlList:
    """sql: one SELECT with the placeholder `:key`; the first column is the value, of several rows joined."""

    name: Text
    sql: Text
    dsn_file: Text
    timeout: timedelta = timedelta(seconds=1)
    max_age: timedelta | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class UrlList:
    """An https address that gives a CSV with a header line."""

    name: Text
    url: Text
    key: Text
    value: Text | None = None
    timeout: timedelta = timedelta(seconds=2)
    max_age: timedelta | None = None
    at: Location = field(default=NOWHERE, compare=False)


ListSource: TypeAlias = ItemsList | FileList | LookupList | SqlList | UrlList


@dataclass(frozen=True, slots=True)
class Thresholds:
    """None: the model's tuned value (amendment 22)."""

    accept: float | None = None
    reject: float | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Classifier:
    """accept, reject, margin: None for `model`. per_label: overrides for some labels."""

    name: Text
    labels: tuple[Text, ...]
    accept: float | None = None
    reject: float | None = None
    margin: float | None = None
    per_label: Mapping[str, Thresholds] = field(default_factory=dict)
    tuned_for: Text | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Extract:
    """regex: RE2, with a group named as the extract. check: None or `luhn`. match: (sentence, the first value in it),
    no_match: sentences without a value: examples, which are tests."""

    name: Text
    fields: tuple[Field, ...]
    regex: Text
    check: str | None = None
    match: tuple[tuple[Text, Text], ...] = ()
    no_match: tuple[Text, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """phrases: (language or `any`, phrase), all tried on every mail. match, no_match: examples, which are tests."""

    name: Text
    phrases: tuple[tuple[Text, Text], ...]
    match: tuple[Text, ...] = ()
    no_match: tuple[Text, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    id: Text
    present: Condition
    ask: Texts
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Checklist:
    name: Text
    use_when: Condition
    items: tuple[ChecklistItem, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NamedCondition:
    name: Text
    condition: Condition
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Replies:
    """Snippets in the order in which an answer says them."""

    subject: Texts
    open: Texts
    close: Texts
    snippets: Mapping[str, Texts]
    at: Location = field(default=NOWHERE, compare=False)


# ---------------------------------------------------------------------------------------------------------------- rules
class Mode(StrEnum):
    ENFORCE = "enforce"
    SHADOW = "shadow"
    OFF = "off"


class OnUnknown(StrEnum):
    SKIP = "skip"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Rule:
    """when: see `conditions`; then: at least one action. on_unknown: None when the file does not say (skip).
    until: the last day on which it runs. `at.line` is the line of its first key."""

    id: Text
    stage: Stage
    when: Condition
    then: tuple[Action, ...]
    why: Text = BLANK
    mode: Mode = Mode.ENFORCE
    on_unknown: OnUnknown | None = None
    owner: Text = BLANK
    since: date | None = None
    until: date | None = None
    at: Location = field(default=NOWHERE, compare=False)


# ----------------------------------------------------------------------------------------------------------------- file
@dataclass(frozen=True, slots=True)
class RulesFile:
    """The whole file. source: its name as given. base: the folder that paths in it start from, None when there is none.
    sha256: hex, of its bytes."""

    languages: tuple[Text, ...]
    calendars: Mapping[str, Calendar]
    queues: Mapping[str, Queue]
    rules: tuple[Rule, ...]
    name: Text = BLANK
    settings: Settings = Settings()
    tickets: Tickets = Tickets()
    accounts: Accounts | None = None
    panel: PanelForm = PanelForm()
    training: Training | None = None
    holidays: Mapping[str, tuple[Holiday, ...]] = field(default_factory=dict)
    lists: Mapping[str, ListSource] = field(default_factory=dict)
    classifiers: Mapping[str, Classifier] = field(default_factory=dict)
    extract: Mapping[str, Extract] = field(default_factory=dict)
    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    checklists: Mapping[str, Checklist] = field(default_factory=dict)
    conditions: Mapping[str, NamedCondition] = field(default_factory=dict)
    replies: Replies | None = None
    test_defaults: Given = field(default_factory=Given)
    tests: tuple[Case, ...] = ()
    source: str = ""
    base: Path | None = None
    sha256: str = ""
    at: Location = field(default=NOWHERE, compare=False)

    def in_stage(self, stage: Stage) -> Iterator[Rule]:
        """The rules of one stage, in the order of the file."""
        return (rule for rule in self.rules if rule.stage is stage)
