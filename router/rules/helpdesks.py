"""The header fields by which a helpdesk is told where a ticket goes, for each of `settings.adapters`.

    otrs     OTRS, Znuny, OTOBO: `X-OTRS-*`, believed in a mailbox that is set to be trusted
    zammad   `X-Zammad-*`, believed in a channel that is set to be trusted
    rt       `X-RT-Command: Queue: support`, read by RT::Extension::CommandByMail

What each of them does over there is in docs/helpdesks.md. A helpdesk finds follow-ups by itself, and not always the
same ones as we do; therefore the fields of a new ticket and those of a follow-up are both given, and it takes its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from router.decision import Decision
from router.vocabulary import UNDETERMINED, Priority, ThreadState

OTRS, ZAMMAD, RT = "otrs", "zammad", "rt"

PREFIXES: Mapping[str, str] = {OTRS: "X-OTRS-", ZAMMAD: "X-Zammad-", RT: "X-RT-"}
"""Adapter -> what its fields begin with: nobody outside may set them."""

# The names that each of them is shipped with; RT's are numbers, of which its own words are 0, 50 and 100.
_PRIORITY: Mapping[str, Mapping[Priority, str]] = {
    OTRS: {
        Priority.LOW: "2 low",
        Priority.NORMAL: "3 normal",
        Priority.HIGH: "4 high",
        Priority.URGENT: "5 very high",
    },
    ZAMMAD: {
        Priority.LOW: "1 low",
        Priority.NORMAL: "2 normal",
        Priority.HIGH: "3 high",
        Priority.URGENT: "3 high",
    },
    RT: {Priority.LOW: "0", Priority.NORMAL: "50", Priority.HIGH: "80", Priority.URGENT: "100"},
}


def fields_for(
    adapters: Iterable[str], decision: Decision, queue: str | None, names: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The fields of every adapter. queue: where the mail goes now, so that a held one is not filed where it would have
    gone. names: queue -> what the helpdesk calls it."""
    called = "" if queue is None else names.get(queue, queue)
    return [(name, value) for one in adapters for name, value in _FIELDS[one](decision, called) if value]


def _otrs(decision: Decision, queue: str) -> Iterator[tuple[str, str]]:
    priority = _PRIORITY[OTRS][decision.priority]
    yield "X-OTRS-Queue", queue
    yield "X-OTRS-Priority", priority
    yield "X-OTRS-State", "new"
    if _raises(decision):
        yield "X-OTRS-FollowUp-Priority", priority
    if decision.thread.state is ThreadState.AUTOMATIC:
        yield "X-OTRS-FollowUp-State-Keep", "1"  # an absence notice must not open a closed ticket
    if _is_not_answered(decision):
        yield "X-OTRS-Loop", "yes"
    # A dynamic field that is not set up over there is passed over.
    yield "X-OTRS-DynamicField-MailrouterTopic", decision.topic.label or ""
    yield "X-OTRS-DynamicField-MailrouterThread", str(decision.thread.state)
    yield "X-OTRS-DynamicField-MailrouterTags", ", ".join(decision.tags)
    yield "X-OTRS-DynamicField-MailrouterLanguage", "" if decision.language == UNDETERMINED else decision.language
    yield "X-OTRS-DynamicField-MailrouterContract", decision.account.contract or ""


def _zammad(decision: Decision, queue: str) -> Iterator[tuple[str, str]]:
    priority = _PRIORITY[ZAMMAD][decision.priority]
    yield "X-Zammad-Ticket-Group", queue
    yield "X-Zammad-Ticket-Priority", priority
    yield "X-Zammad-Ticket-Tags", ",".join(decision.tags)
    yield "X-Zammad-Ticket-FollowUp-Tags", ",".join(decision.tags)
    if _raises(decision):
        yield "X-Zammad-Ticket-FollowUp-Priority", priority
    if decision.thread.state is ThreadState.AUTOMATIC:
        yield "X-Zammad-Is-Auto-Response", "true"
        yield "X-Zammad-Out-Of-Office", "true"  # keeps the state of a ticket
    if _is_not_answered(decision):
        yield "X-Zammad-Send-Auto-Response", "false"


def _rt(decision: Decision, queue: str) -> Iterator[tuple[str, str]]:
    # In a ticket the commands run with the writer's rights, which are too few: RT would write to him what has failed.
    if decision.thread.state is not ThreadState.NEW:
        return
    yield "X-RT-Command", f"Queue: {queue}" if queue else ""
    yield "X-RT-Command", f"Priority: {_PRIORITY[RT][decision.priority]}"


_FIELDS: Mapping[str, Callable[[Decision, str], Iterator[tuple[str, str]]]] = {OTRS: _otrs, ZAMMAD: _zammad, RT: _rt}


def _raises(decision: Decision) -> bool:
    """A follow-up may raise a ticket's priority; the one that an agent has set is never lowered."""
    return decision.priority.rank > Priority.NORMAL.rank


def _is_not_answered(decision: Decision) -> bool:
    """No automatic answer of the helpdesk: nobody would read it, a person decides first, or the writer gets ours."""
    answered = decision.reply is not None and decision.reply.send
    return answered or decision.hold is not None or decision.thread.state is ThreadState.AUTOMATIC
