"""The conditions of rules.yaml as typed values: one class a test, one tagged union.

A condition block is one test. Equality ignores positions, so that the same test written twice is the same value (lint
and the engine's sharing depend on that). What each test means is in rules-language.md 3.2 and docs/rules.md.
"""

from dataclasses import field
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeAlias

from router.errors import Location
from router.frozen import dataclass
from router.vocabulary import AccountState, AuthState, Automatic, BounceForm, NewQuestion, ThreadState

NOWHERE = Location("")


class Text(str):
    """A text of the file that remembers where it stands; it is a `str` in every other way."""

    __slots__ = ("at",)
    at: Location

    def __new__(cls, text: str, at: Location = NOWHERE) -> "Text":
        made = super().__new__(cls, text)
        made.at = at
        return made

    def __getnewargs__(self) -> tuple[str, Location]:  # type: ignore[override]  # for pickle and copy; str has one argument
        return (str(self), self.at)


class Field(StrEnum):
    """The text fields of a mail. `text` is subject and new_text; a phrase never spans the two. `signature` is in no
    other but `full_text`."""

    SUBJECT = "subject"
    NEW_TEXT = "new_text"
    QUOTED_TEXT = "quoted_text"
    TEXT = "text"
    FULL_TEXT = "full_text"
    SIGNATURE = "signature"


class AddressField(StrEnum):
    """Where an address is read: header fields, the envelope sender, or any of them."""

    FROM = "from"
    ENVELOPE_FROM = "envelope_from"
    SENDER = "sender"
    REPLY_TO = "reply_to"
    TO = "to"
    CC = "cc"
    ANY_ADDRESS = "any_address"


# -------------------------------------------------------------------- text operators; several values mean "any of them"
@dataclass(frozen=True, slots=True)
class InPattern:
    """`pattern:` one of these named patterns is in the text."""

    names: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Words:
    """`words:` one of these phrases is in the text (`сайт*`, `..`; both sides normalised)."""

    phrases: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


class Comparison(StrEnum):
    CONTAINS = "contains"
    IS = "is"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"


@dataclass(frozen=True, slots=True)
class Compare:
    """`contains | is | starts_with | ends_with`: plain comparison, both sides normalised."""

    how: Comparison
    values: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Regex:
    """`regex:` one of these RE2 expressions is found in the normalised text."""

    sources: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


class LengthUnit(StrEnum):
    WORDS = "words"
    CHARACTERS = "characters"


@dataclass(frozen=True, slots=True)
class Length:
    """`longer_than: "20 words"` (longer: more than `count`) and `shorter_than: "5 words"` (fewer than `count`)."""

    longer: bool
    count: int
    unit: LengthUnit = LengthUnit.WORDS
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Empty:
    """`empty: true`: nothing but white space."""

    at: Location = field(default=NOWHERE, compare=False)


TextOperator: TypeAlias = InPattern | Words | Compare | Regex | Length | Empty


# --------------------------------------------------------------------------------------------------- joining conditions
@dataclass(frozen=True, slots=True)
class All:
    of: tuple["Condition", ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AnyOf:
    of: tuple["Condition", ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NoneOf:
    of: tuple["Condition", ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AtLeast:
    count: int
    of: tuple["Condition", ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    of: "Condition"
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Use:
    """A named condition; the name is known to exist and no chain of names is circular."""

    name: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Always:
    at: Location = field(default=NOWHERE, compare=False)


# ------------------------------------------------------------------------------------------------------ text and fields
@dataclass(frozen=True, slots=True)
class TextTest:
    where: Field
    operator: TextOperator
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class HeaderTest:
    """A header field by name: either exists (True or False), or the operator on any field body of that name."""

    name: Text
    operator: TextOperator | None = None
    exists: bool | None = None
    at: Location = field(default=NOWHERE, compare=False)


class AddressPart(StrEnum):
    """What of an address is compared. A domain fits itself, not its subdomains."""

    IS = "is"
    DOMAIN = "domain"
    DOMAIN_IN = "domain_in"
    LOCAL_PART = "local_part"
    IN = "in"
    SAME_AS = "same_as"


@dataclass(frozen=True, slots=True)
class AddressTest:
    """values: addresses (IS; "" is the null sender), domains, local parts; one list name (DOMAIN_IN, IN); one
    `AddressField` (SAME_AS). Several mean any of them."""

    where: AddressField
    part: AddressPart
    values: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Recipient:
    """The SMTP envelope's recipients; true if any fits. Exactly one attribute is set. count_over: more than so many."""

    address: Text | None = None
    queues: tuple[Text, ...] = ()
    in_list: Text | None = None
    count_over: int | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SenderIn:
    """`sender_in`: the author (From, exactly one) is in the list."""

    list_name: Text
    at: Location = field(default=NOWHERE, compare=False)


# -------------------------------------------------------------------------------------------------- who, thread, robots
@dataclass(frozen=True, slots=True)
class Auth:
    """mechanism: None for the author's domain as a whole (amendment 3), else `spf`, `dkim` or `dmarc`."""

    result: AuthState
    mechanism: str | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Account:
    states: tuple[AccountState, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Thread:
    states: tuple[ThreadState, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Exactly one is set. status: `open` or `closed`. has_participant: always `from` (the author)."""

    status: str | None = None
    idle_longer_than: timedelta | None = None
    has_participant: str | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NewQuestionIs:
    """`new_question: likely | unlikely`."""

    state: NewQuestion
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AutomaticIs:
    """kinds: empty for `any`."""

    kinds: tuple[Automatic, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Submitted:
    """`submitted: true` (amendment 1); never unknown."""

    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Panel:
    """`panel: true`: from the control panel's form (amendment 7); never unknown."""

    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Encrypted:
    """`encrypted: true`: S/MIME or PGP, there is no text to read."""

    at: Location = field(default=NOWHERE, compare=False)


# ----------------------------------------------------------------------------------------------------- what it is about
@dataclass(frozen=True, slots=True)
class ClassifiedAs:
    """`classified: {topic: technical}`; several labels mean any of them."""

    classifier: Text
    labels: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Undecided:
    """True exactly when no label of the classifier is accepted; also true without a model."""

    classifier: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Score:
    """at_least <= p(label) < below; one of the two may be None."""

    classifier: Text
    label: Text
    at_least: float | None = None
    below: float | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Mixed:
    """`mixed: true` or `mixed: {classifier: C, patterns: {LABEL: [PATTERN]}}`: one mail, two matters (amendment 39).

    True when at least two labels of the classifier are above its `reject` and, for those that `patterns` names, one of
    these patterns is in the text (`text`: subject and new_text). With `patterns`, only the labels named there count.
    Unknown without a model, unless too few phrases are there for it ever to be true (then false).
    classifier: for `true` the first of the file that has two labels.
    """

    classifier: Text
    patterns: tuple[tuple[Text, tuple[Text, ...]], ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    """The extract has at least `count` different values."""

    extract: Text
    count: int = 1
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class MissingSome:
    """At least so many items of one checklist (None: of any one whose `use_when` is true) are not present."""

    checklist: Text | None = None
    at_least: int = 1
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class MissingItem:
    """This item of a checklist in use is not present."""

    item: Text
    at: Location = field(default=NOWHERE, compare=False)


# ---------------------------------------------------------------------------------------------------------- time, shape
@dataclass(frozen=True, slots=True)
class QueueHours:
    """queue: None for `chosen`, the queue that the route stage chose (or the addressed one)."""

    queue: Text | None
    open: bool
    at: Location = field(default=NOWHERE, compare=False)


class CalendarState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"
    BEFORE_OPEN = "before_open"
    AFTER_CLOSE = "after_close"


@dataclass(frozen=True, slots=True)
class CalendarIs:
    calendar: Text
    state: CalendarState
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TimeBetween:
    """Minutes of the day in `settings.timezone`; start > end goes over midnight. days: 0 Monday to 6 Sunday, of the
    day on which the span began; all seven when not written."""

    start: int
    end: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class DateBetween:
    """Both ends belong to it; None is open. Dates in `settings.timezone`."""

    first: date | None
    last: date | None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LanguageIs:
    """Entries of `languages`, `other` (known, but none of them), `undetermined`."""

    languages: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SizeOver:
    size_bytes: int
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """Exactly one is set. types: `image/*`, `message/delivery-status`. names: `*.exe`. count_over: more than that."""

    types: tuple[Text, ...] = ()
    names: tuple[Text, ...] = ()
    count_over: int | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class BounceIs:
    """At most one is set; none of them: any bounce. forms: where it is. statuses: `5.1.1`, `5.7.*`. recipients:
    addresses, `*@partner.example`. actions: of RFC 3464. diagnostics: texts that the server's words hold."""

    forms: tuple[BounceForm, ...] = ()
    statuses: tuple[Text, ...] = ()
    recipients: tuple[Text, ...] = ()
    actions: tuple[Text, ...] = ()
    diagnostics: tuple[Text, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


# ---------------------------------------------------------------------------------------------------------- other rules
@dataclass(frozen=True, slots=True)
class Tagged:
    """A rule of an earlier stage wrote one of these tags."""

    tags: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Fired:
    """One of these rules, of an earlier stage, fired."""

    rules: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


Condition: TypeAlias = (
    All
    | AnyOf
    | NoneOf
    | AtLeast
    | Not
    | Use
    | Always
    | TextTest
    | HeaderTest
    | AddressTest
    | Recipient
    | SenderIn
    | Auth
    | Account
    | Thread
    | Ticket
    | NewQuestionIs
    | AutomaticIs
    | Submitted
    | Panel
    | Encrypted
    | ClassifiedAs
    | Undecided
    | Score
    | Mixed
    | Found
    | MissingSome
    | MissingItem
    | QueueHours
    | CalendarIs
    | TimeBetween
    | DateBetween
    | LanguageIs
    | SizeOver
    | Attachment
    | BounceIs
    | Tagged
    | Fired
)
