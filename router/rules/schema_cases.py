"""The tests of rules.yaml as typed values: a mail with its surroundings, and what must come out."""

from collections.abc import Mapping
from dataclasses import field, fields, replace
from datetime import datetime

from router.errors import Location
from router.frozen import dataclass
from router.rules.schema_conditions import NOWHERE, Text
from router.vocabulary import AccountState, NewQuestion, Priority, ThreadState

UNAVAILABLE = "unavailable"
"""In a test: the list or the model that cannot be used."""


@dataclass(frozen=True, slots=True)
class GivenThread:
    """What the thread store would know. state: to say the outcome itself instead of its evidence."""

    ticket: Text | None = None
    proven: bool | None = None
    status: str | None = None
    idle_days: float | None = None
    similarity: float | None = None
    state: ThreadState | None = None
    new_question: NewQuestion | None = None
    participant: bool | None = None
    acknowledgement: bool | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Given:
    """A mail and its surroundings. Everything is optional; None means: as in test_defaults, else nothing special.

    sender, recipients: the envelope. client: its address. headers: (name, body). auth: a word for the author's domain,
    or a word for each of spf, dkim, dmarc. scores: classifier -> label -> p, or `UNAVAILABLE` for that classifier.
    lists: list -> {key: value} or `UNAVAILABLE`. attachments: (file name, media type, perhaps its text). eml: a path.
    """

    at_time: datetime | None = None
    sender: Text | None = None
    recipients: tuple[Text, ...] | None = None
    client: Text | None = None
    submitted: bool | None = None
    panel: bool | None = None
    headers: tuple[tuple[Text, Text], ...] = ()
    subject: Text | None = None
    body: Text | None = None
    eml: Text | None = None
    attachments: tuple[tuple[Text, Text] | tuple[Text, Text, Text], ...] | None = None
    auth: "str | Mapping[str, str] | None" = None
    scores: Mapping[str, "Mapping[str, float] | str"] = field(default_factory=dict)
    lists: Mapping[str, "Mapping[str, str] | str"] = field(default_factory=dict)
    thread: "GivenThread | str | None" = None
    at: Location = field(default=NOWHERE, compare=False)

    def over(self, defaults: "Given") -> "Given":
        """This laid over `defaults`: scores and lists by name, header fields by name, all else whole."""
        own = {name.casefold() for name, _ in self.headers}
        kept = {each.name: getattr(defaults, each.name) for each in fields(self) if getattr(self, each.name) is None}
        if self.eml is not None:
            kept |= dict.fromkeys(("subject", "body", "attachments"))
        return replace(
            self,
            **kept,
            headers=tuple(pair for pair in defaults.headers if pair[0].casefold() not in own) + self.headers,
            scores={**defaults.scores, **self.scores},
            lists={**defaults.lists, **self.lists},
        )


@dataclass(frozen=True, slots=True)
class ExpectedReply:
    """none: no answer at all. language: `ru` or `uk+ru`. contains: texts that the answer must hold."""

    none: bool = False
    language: str | None = None
    snippets: tuple[Text, ...] | None = None
    contains: tuple[Text, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ExpectedRedirect:
    """Addresses, or both None for: no redirect."""

    source: Text | None = None
    target: Text | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out; None and () are not looked at. tags: must be among them; not_tags: must not be.
    missing: exactly these item ids, in any order. hold: True, False, or a reason that must be among the reasons.
    expect_by: aware, or `none`. notes: each must be part of some note. headers: (name, value) that must be added."""

    queue: Text | None = None
    redirect: ExpectedRedirect | None = None
    copy_to: tuple[Text, ...] | None = None
    priority: Priority | None = None
    tags: tuple[Text, ...] = ()
    not_tags: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    headers: tuple[tuple[Text, Text], ...] = ()
    hold: "bool | Text | None" = None
    split: bool | None = None
    missing: tuple[Text, ...] | None = None
    expect_by: "datetime | str | None" = None
    reply: ExpectedReply | None = None
    topic: Text | None = None
    language: Text | None = None
    thread: ThreadState | None = None
    account: AccountState | None = None
    fired: tuple[Text, ...] = ()
    fired_not: tuple[Text, ...] = ()
    unknown: tuple[Text, ...] = ()
    shadow: tuple[Text, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """One test of the file. `given` is already laid over `test_defaults`."""

    name: Text
    given: Given
    expect: Expected
    at: Location = field(default=NOWHERE, compare=False)
