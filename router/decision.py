"""Everything we will do about one mail, frozen, with its reasons. `as_json` is contract.md's object, key for key."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from router.frozen import dataclass
from router.message.message import Degraded
from router.signals.bounce import Bounce
from router.vocabulary import (
    AccountState,
    AuthState,
    ContactState,
    NewQuestion,
    Priority,
    ThreadState,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Classified:
    """label: the accepted one, or None (abstained or no model). by: `model`, `rule:<id>` or None. p: every label."""

    label: str | None = None
    by: str | None = None
    p: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ThreadView:
    state: ThreadState = ThreadState.NEW
    ticket: str | None = None
    new_question: NewQuestion = NewQuestion.UNKNOWN


@dataclass(frozen=True, slots=True)
class Identity:
    auth: AuthState = AuthState.UNKNOWN
    spf: str = "unknown"
    dkim: str = "unknown"
    dmarc: str = "unknown"
    contact: ContactState = ContactState.UNKNOWN
    arc: str = "unknown"


@dataclass(frozen=True, slots=True)
class Account:
    state: AccountState = AccountState.UNKNOWN
    contract: str | None = None
    login: str | None = None


@dataclass(frozen=True, slots=True)
class Recipients:
    """Bare addresses. envelope: as addressed, in the spelling of RCPT TO. remove: some of those, in the same spelling
    (milter/edits.py finds the verbatim arguments again). add: the addresses of the queues that get the mail instead."""

    envelope: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    add: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """queue: who answers. open: now. opens_at: the next opening (None when open or never). answer_by: aware."""

    queue: str
    open: bool
    opens_at: datetime | None
    answer_by: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """send: whether an acknowledgement is wished. refused: the gates that stopped it (`G1` …), or the rule's reason."""

    send: bool
    to: str
    language: str
    snippets: tuple[str, ...]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceLine:
    """What one rule did. result: true | false | unknown. because: the tests as written with what they found.
    then: what was carried out, and what was ignored and why. mode: enforce | shadow | off."""

    stage: str
    rule: str
    line: int
    result: str
    because: str
    then: tuple[str, ...] = ()
    mode: str = "enforce"


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole decision. `queue` is None for mail that is not ours (no recipient is a queue): nothing is added."""

    id: str
    source: str
    message_id: str
    received_at: datetime
    rules: str
    model: str | None
    language: str
    topic: Classified = Classified()
    abuse: Classified = Classified()
    thread: ThreadView = ThreadView()
    identity: Identity = Identity()
    account: Account = Account()
    missing: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    queue: str | None = None
    recipients: Recipients = Recipients()
    hold: tuple[str, ...] | None = None
    split: bool = False
    expect: Expectation | None = None
    reply: Reply | None = None
    headers_remove: tuple[str, ...] = ()
    headers_add: tuple[tuple[str, str], ...] = ()
    verdict: Verdict = Verdict.ACCEPT
    degraded: tuple[Degraded, ...] = ()
    trace: tuple[TraceLine, ...] = ()
    bounce: Bounce | None = None
    classifiers: Mapping[str, Classified] = field(default_factory=dict)
    """Those of rules.yaml beside topic and abuse."""

    def as_json(self) -> dict[str, Any]:
        """The object of contract.md, in its order; datetimes as ISO 8601 with offset."""
        expect, reply = self.expect, self.reply
        return {
            "id": self.id,
            "source": self.source,
            "message_id": self.message_id,
            "received_at": self.received_at.isoformat(timespec="seconds"),
            "rules": self.rules,
            "model": self.model,
            "language": self.language,
            "topic": {"label": self.topic.label, "by": self.topic.by, "p": dict(self.topic.p)},
            "abuse": {"label": self.abuse.label, "by": self.abuse.by, "p": dict(self.abuse.p)},
            "thread": {
                "state": str(self.thread.state),
                "ticket": self.thread.ticket,
                "new_question": str(self.thread.new_question),
            },
            "identity": {
                "auth": str(self.identity.auth),
                "spf": self.identity.spf,
                "dkim": self.identity.dkim,
                "dmarc": self.identity.dmarc,
                "contact": str(self.identity.contact),
                "arc": self.identity.arc,
            },
            "account": {
                "state": str(self.account.state),
                "contract": self.account.contract,
                "login": self.account.login,
            },
            "missing": list(self.missing),
            "priority": str(self.priority),
            "tags": list(self.tags),
            "notes": list(self.notes),
            "queue": self.queue,
            "recipients": {
                "envelope": list(self.recipients.envelope),
                "remove": list(self.recipients.remove),
                "add": list(self.recipients.add),
            },
            "hold": None if self.hold is None else {"reasons": list(self.hold)},
            "split": self.split,
            "expect": None
            if expect is None
            else {
                "queue": expect.queue,
                "open": expect.open,
                "opens_at": expect.opens_at.isoformat(timespec="seconds") if expect.opens_at else None,
                "answer_by": expect.answer_by.isoformat(timespec="seconds"),
            },
            "reply": None
            if reply is None
            else {
                "send": reply.send,
                "to": reply.to,
                "language": reply.language,
                "snippets": list(reply.snippets),
                "refused": list(reply.refused),
            },
            "headers": {
                "remove": list(self.headers_remove),
                "add": [list(pair) for pair in self.headers_add],
            },
            "verdict": str(self.verdict),
            "degraded": [{"what": one.what, "why": one.why} for one in self.degraded],
            "trace": [
                {
                    "stage": line.stage,
                    "rule": line.rule,
                    "line": line.line,
                    "result": line.result,
                    "because": line.because,
                    "then": list(line.then),
                    "mode": line.mode,
                }
                for line in self.trace
            ],
            "bounce": None if self.bounce is None else _bounce_as_json(self.bounce),
            "classifiers": {
                name: {"label": one.label, "by": one.by, "p": dict(one.p)} for name, one in self.classifiers.items()
            },
        }


def _bounce_as_json(bounce: Bounce) -> dict[str, Any]:
    """A key that contract.md leaves free: what came back, and why."""
    return {
        "form": str(bounce.form),
        "recipients": [
            {
                "recipient": one.recipient,
                "status": one.status,
                "action": one.action,
                "diagnostic": one.diagnostic,
                "remote_mta": one.remote_mta,
            }
            for one in bounce.deliveries
        ],
        "more": bounce.more,
    }
