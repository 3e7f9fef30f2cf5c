"""The actions of rules.yaml as typed values: one class an action."""

from dataclasses import field
from typing import TypeAlias

from router.errors import Location
from router.frozen import dataclass
from router.rules.schema_conditions import NOWHERE, Text
from router.vocabulary import Priority


@dataclass(frozen=True, slots=True)
class SetTopic:
    """Slot; a label of the classifier `topic`, which it beats from the next stage on."""

    label: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SetQueue:
    """Slot `queue`; changes headers only."""

    queue: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Slot; changes the SMTP recipient from one queue to another, and writes the slot `queue` too (amendment 16)."""

    source: Text
    target: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class CopyTo:
    queue: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SetPriority:
    """The maximum of what rules wrote; normal only if none wrote (amendment 17)."""

    priority: Priority
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AddTags:
    tags: tuple[Text, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AddNote:
    """A template: `{queue}` and the other placeholders."""

    text: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AddHeader:
    """Slot, one a name. name: whole, with the site's prefix. value: a template."""

    name: Text
    value: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Split:
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Hold:
    reason: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Say:
    snippet: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NoReply:
    reason: Text
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ExpectAnswer:
    """`expect: answer`: compute and publish when the first answer comes."""

    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """everything: `stop: all`, else `stop: stage`. When it takes effect is `decide`'s business (amendment 15); holds,
    removal of forged fields and the gates always run."""

    everything: bool
    at: Location = field(default=NOWHERE, compare=False)


Action: TypeAlias = (
    SetTopic
    | SetQueue
    | Redirect
    | CopyTo
    | SetPriority
    | AddTags
    | AddNote
    | AddHeader
    | Split
    | Hold
    | Say
    | NoReply
    | ExpectAnswer
    | Stop
)
