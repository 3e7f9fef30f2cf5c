"""The words of the product: one spelling each, in code, rules.yaml, headers, log and README.

The enums are the values that `Decision` and rules.yaml share (contract.md); `HEADERS` names every header field we add;
`GLOSSARY` is the table of the README, held against it by `tests/test_readme.py`.
"""

from enum import StrEnum

UNDETERMINED = "undetermined"
"""The language of a text that shows none."""


class Verdict(StrEnum):
    """The filter's last word on a mail."""

    ACCEPT = "accept"
    HOLD = "hold"
    TEMPFAIL = "tempfail"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)


class AuthState(StrEnum):
    """Whether the author's domain is proven (amendment 3)."""

    PASS = "pass"
    FAIL = "fail"
    NONE = "none"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


class ContactState(StrEnum):
    KNOWN = "known"
    UNKNOWN_SENDER = "unknown_sender"
    UNKNOWN = "unknown"


class AccountState(StrEnum):
    """How the contract named in a mail fits its author (amendment 20: first that fits, in this order)."""

    CONFLICT = "conflict"
    BELONGS_TO_SENDER = "belongs_to_sender"
    NAMED = "named"
    MISSING = "missing"
    UNKNOWN = "unknown"


class ThreadState(StrEnum):
    NEW = "new"
    FOLLOW_UP = "follow_up"
    UNPROVEN = "unproven"
    FORWARDED = "forwarded"
    AUTOMATIC = "automatic"


class NewQuestion(StrEnum):
    LIKELY = "likely"
    UNLIKELY = "unlikely"
    UNKNOWN = "unknown"


class BounceForm(StrEnum):
    """Where a mail holds the news that another mail was not delivered."""

    ITSELF = "itself"
    ATTACHED = "attached"
    PASTED = "pasted"


class Automatic(StrEnum):
    """Kinds of mail that no person wrote to us just now."""

    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"
    BULK = "bulk"
    OWN = "own"
    NO_REPLY_ADDRESS = "no_reply_address"


class Stage(StrEnum):
    """Rules run in this order, whatever their order in the file (W501 tells when the two disagree)."""

    GUARD = "guard"
    CLASSIFY = "classify"
    ROUTE = "route"
    ENRICH = "enrich"
    REPLY = "reply"


HEADERS: dict[str, str] = {
    # name without the site's prefix: "value; key=value" and when it is there (amendment 28)
    "Queue": "support; the queue that answers",
    "Topic": "technical; p=0.93; by=model",
    "Abuse": "abusive; p=0.97; by=model; only when accepted",
    "Thread": "follow_up; ticket=12345",
    "New-Question": "likely; ticket=12345; only when the thread is split",
    "Priority": "normal",
    "Tags": "redirected, out-of-hours; only when there are tags",
    "Missing": "site_access.url, site_access.browser; only when something is missing",
    "Account": "named; contract=104455",
    "Identity": "pass; contact=known",
    "Language": "uk",
    "Expect": "2026-03-06T23:40:00+02:00; queue=support; opens=…; only when an answer is promised",
    "Hold": "the reasons; only when held",
    "Note": "a text for the agent, one field a note",
    "Original-Recipient": "bill@…; only when a recipient was replaced",
    "Reply": "v1; lang=ru; snippets=redirected; …: what an acknowledgement is to say; only when one is wished",
    "Decision": "7f3a…; rules=91c2e4…; model=…",
    "Degraded": "model; none; only when something could not be known",
    "Sig": "v1; k=5f1c09ab; h=names; d=…; b=…: signs the fields above and the queue id; only with `settings.key_file`",
}
"""Every header field the filter may add, and the form of its value."""

GLOSSARY: dict[str, str] = {
    "envelope": "SMTP's MAIL FROM and RCPT TO",
    "sender": "the address of MAIL FROM",
    "recipient": "an address of RCPT TO",
    "author": "the address in the From: header field",
    "addressee": "an address in the To: or Cc: header field",
    "header field": "one `Name: body` of the message's header (RFC 5322)",
    "message": "a whole mail",
    "part": "one MIME part of a message",
    "text": "the words a person wrote, quotes and signature removed",
    "command": "what the MTA sends to a milter",
    "response": "what a milter answers",
    "edit": "a change of the message that we ask the MTA for at end of message",
    "macro": "a milter symbol such as `i` or `{client_addr}`",
    "queue id": "the MTA's id of a mail",
    "milter": "a filter that a mail server asks about every message while it is being received; this program",
    "verdict": "the filter's last word on a mail: accept, hold, tempfail",
    "queue": "a department's mailbox: an address, working hours, a name",
    "redirect": "replacing one queue's recipient by another's",
    "hold": "handing a mail to a person instead of deciding",
    "fact": "something we know about one mail",
    "condition": "a test on facts; true, false or unknown",
    "rule": "a condition with what is to be done when it is true",
    "unknown": "a test that could not be made; it never fires a rule",
    "decision": "everything that will be done about one mail, with its reasons",
    "snippet": "one paragraph of an acknowledgement",
    "acknowledgement": "our automatic reply (RFC 3834)",
    "intent": "the internal recipient that carries the wish for an acknowledgement through the MTA's queue",
    "ticket": "a case of the helpdesk, named by a tag in the Subject",
    "follow-up": "a reply inside a ticket",
    "topic": "what a mail is about: the label of a classifier or of a rule",
    "abstain": "a classifier's answer when its scores are too close to call",
    "degraded": "decided with something missing; the mail is delivered all the same",
}
"""What the words mean; the README's table is this one."""
