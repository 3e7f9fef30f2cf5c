"""From facts to a decision: the rules are run, and what all of them wrote is summed up.

A plain function: same facts, same rules, same decision. A rule fires when its condition is true; when it is unknown and
says `on_unknown: hold`, a person gets the mail. Nothing here can lose a mail: the strongest a rule can do is hold it.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter

from router.decision import Account, Classified, Decision, Identity, Recipients, ThreadView, TraceLine
from router.facts import Facts
from router.logic import Unknown
from router.message.envelope import LOOP_FIELDS, RawMessage, address_of
from router.message.message import Degraded
from router.rules import running, schema, views
from router.rules.answer import Places, expectation_of, reply_of
from router.rules.evaluation import Evaluation
from router.rules.headers import CLEAN, degraded_field, fields_of, parameters, plain
from router.rules.helpdesks import fields_for
from router.rules.ruleset import Ruleset
from router.rules.writing import Writing
from router.threads.thread import Thread
from router.vocabulary import UNDETERMINED, AccountState, AuthState, Priority, Verdict

DECISION_ID_DIGITS = 16


def decide(
    facts: Facts, ruleset: Ruleset, *, trace: bool = False, clock: Callable[[], float] | None = None
) -> Decision:
    """Decide one mail that is in scope.

    trace: a line for every rule, with the words that were found; without it, for rules that fired or are unknown, and
    nothing of the mail is quoted. clock: seconds, for `settings.time_budget`; the default counts only this thread's own
    work, so that neither a slow look-up nor a busy machine makes tests unknown.
    """
    evaluation = Evaluation(facts, ruleset, clock or _own_work(ruleset))
    writing = Writing(evaluation)
    runs = running.run(evaluation, writing)
    decision = _summed_up(evaluation, writing, tuple(running.brief(runs)))
    return replace(decision, trace=tuple(running.whole(runs, evaluation))) if trace else decision


def _own_work(ruleset: Ruleset) -> Callable[[], float]:
    """A clock of this thread's CPU time. Asking for that costs a system call, so it is only asked for when the clock on
    the wall, which is never behind it, says that the budget may be spent."""
    budget = ruleset.settings.time_budget.total_seconds()
    wall, work = time.monotonic(), time.thread_time()

    def clock() -> float:
        return time.thread_time() - work if time.monotonic() - wall > budget else 0.0

    return clock


def out_of_scope(raw: RawMessage, ruleset: Ruleset) -> Decision:
    """Mail for none of our queues: it passes, without the fields of our prefix that somebody forged (amendment 1)."""
    return Decision(
        id=_id(raw, ruleset.sha),
        source=raw.source,
        message_id=_message_id(raw),
        received_at=raw.received_at.astimezone(ruleset.zone),
        rules=ruleset.sha,
        model=None,
        language=UNDETERMINED,
        recipients=Recipients(_envelope(raw)),
        headers_remove=_forged(raw, ruleset.site.stripped),
    )


def kept(raw: RawMessage, ruleset: Ruleset, what: str, why: str) -> Decision:
    """The answer when a mail could not be decided: delivered where it was addressed, and marked (architecture, 3)."""
    decision = out_of_scope(raw, ruleset)
    degraded = (Degraded(what, why),)
    addressed = [ruleset.site.queue_of(address) for address in decision.recipients.envelope]
    queue = next((name for name in ruleset.queues if name in addressed), None)
    if queue is None:
        return replace(decision, degraded=degraded)
    fields = [
        ("Queue", queue),
        ("Decision", parameters(decision.id, ("rules", ruleset.sha[:16]))),
        *degraded_field(degraded),
    ]
    added = tuple((ruleset.prefix + name, plain(value)) for name, value in fields)
    return replace(decision, queue=queue, degraded=degraded, headers_add=added)


# ----------------------------------------------------------------------------------------------------------------- sum
def _summed_up(evaluation: Evaluation, writing: Writing, lines: tuple[TraceLine, ...]) -> Decision:
    facts, ruleset = evaluation.facts, evaluation.rules
    raw, message = facts.message.raw, facts.message
    queue = views.chosen_queue(evaluation)
    hold = tuple(writing.holds) or None
    thread = views.thread(evaluation)
    topic = _classified(evaluation, views.TOPIC)
    abuse = _classified(evaluation, views.ABUSE)
    account = views.account(evaluation)
    contract = account.contract
    if contract is None and account.state is AccountState.BELONGS_TO_SENDER and len(account.on_file or ()) == 1:
        contract = (account.on_file or (None,))[0]
    missing = views.missing(evaluation)
    recipients = _recipients(evaluation, writing)
    reply = reply_of(evaluation, writing, queue)
    expect = expectation_of(evaluation, writing, queue, reply)
    places = Places(evaluation, queue, expect, missing, str(ruleset.file.languages[0]))
    auth = facts.auth
    decision = Decision(
        id=_id(raw, ruleset.sha),
        source=raw.source,
        message_id=message.message_id,
        received_at=evaluation.local_now,
        rules=ruleset.sha,
        model=facts.services.model,
        language=message.language,
        topic=topic,
        abuse=abuse,
        thread=ThreadView()
        if isinstance(thread, Unknown)
        else ThreadView(thread.state, thread.ticket, thread.new_question),
        identity=Identity(auth.state, auth.spf, auth.dkim, auth.dmarc, views.contact(evaluation), auth.arc),
        account=Account(account.state, contract, account.login),
        missing=tuple(dict.fromkeys([str(item.id) for _, item in missing])),
        priority=max(writing.priorities, key=lambda one: one.rank, default=Priority.NORMAL),
        tags=tuple(writing.tags),
        notes=tuple([places.fill(note) for note in writing.notes]),
        queue=queue,
        recipients=recipients,
        hold=hold,
        split=writing.split,
        expect=expect,
        reply=reply,
        headers_remove=_forged(raw, ruleset.site.stripped),
        verdict=Verdict.HOLD if hold and ruleset.settings.hold == schema.QUARANTINE else Verdict.ACCEPT,
        degraded=_degraded(evaluation),
        trace=lines,
        bounce=facts.bounce,
        classifiers={
            name: _classified(evaluation, name) for name in ruleset.file.classifiers if name not in views.SHOWN
        },
    )
    added = fields_of(
        decision,
        ruleset.prefix,
        missing=[f"{checklist}.{item.id}" for checklist, item in missing],
        thread=thread if isinstance(thread, Thread) else None,
        original_recipients=recipients.remove,
        by_rules=[(name, places.fill(template)) for name, template in writing.headers.values()],
        best=max(topic.p.items(), key=itemgetter(1), default=None),
    )
    if ruleset.settings.adapters:
        goes_to = str(ruleset.settings.hold) if hold and decision.verdict is not Verdict.HOLD else queue
        names = {name: str(one.helpdesk) for name, one in ruleset.queues.items() if one.helpdesk}
        told = fields_for(ruleset.settings.adapters, decision, goes_to, names)
        added += tuple((name, plain(value)) for name, value in told)
    # Nobody has seen it yet; `replace` would copy some thirty values for this one.
    object.__setattr__(decision, "headers_add", added)
    return decision


def _classified(evaluation: Evaluation, name: str) -> Classified:
    """What the decision shows of a classifier."""
    if name not in evaluation.rules.file.classifiers:
        return Classified()
    view = views.labels(evaluation, name)
    if name == views.TOPIC and evaluation.earlier.topic:
        said, by = evaluation.earlier.topic
        return Classified(said, f"rule:{by}", {} if isinstance(view, Unknown) else view.p)
    if isinstance(view, Unknown):
        return Classified()
    label = view.accepted
    if label is None and name == views.ABUSE and all(view.is_rejected(one) for one in view.reject):
        label = CLEAN
    return Classified(label, "model" if label else None, view.p)


def _recipients(evaluation: Evaluation, writing: Writing) -> Recipients:
    """Who gets the mail instead: of a redirect, copies, or a hold (amendments 6 and 16)."""
    ruleset = evaluation.rules
    envelope = tuple([one.address for one in evaluation.facts.recipients])
    if not (writing.holds or writing.redirect or writing.copies):
        return Recipients(envelope)
    queues = {one.address: one.queue for one in evaluation.facts.recipients}
    if writing.holds:
        if ruleset.settings.hold == schema.QUARANTINE:
            return Recipients(envelope)
        goes_to, leave = [str(ruleset.settings.hold)], {queue for queue in queues.values() if queue}
    else:
        redirect = writing.redirect
        goes_to = [*([redirect[1]] if redirect else []), *writing.copies]
        leave = {redirect[0]} if redirect else set()
    leave -= set(goes_to)  # a queue that gets the mail back as a copy keeps its recipient
    remove = tuple(dict.fromkeys(address for address in envelope if queues[address] in leave))
    # A recipient that is there already must not be added: the MTA would deliver twice.
    there = {queues[address] for address in envelope if address not in remove}
    add = tuple(str(ruleset.queues[queue].address) for queue in dict.fromkeys(goes_to) if queue not in there)
    return Recipients(envelope, remove, add)


def _degraded(evaluation: Evaluation) -> tuple[Degraded, ...]:
    """What could not be known: of the message, then of the world around it."""
    found = list(evaluation.facts.message.degraded)
    auth = evaluation.facts.auth
    if auth.state is AuthState.UNKNOWN:
        found.append(Degraded("auth", auth.why or "not checked"))
    found += [Degraded(what, why) for what, why in evaluation.unavailable.items()]
    return tuple(dict.fromkeys(found))


# ------------------------------------------------------------------------------------------------------------ envelope
def _envelope(raw: RawMessage) -> tuple[str, ...]:
    return tuple(address_of(argument) for argument in raw.envelope.recipients)


def _forged(raw: RawMessage, prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the fields that nobody outside may set and that came with the mail, each once."""
    ours = tuple([prefix.lower().encode() for prefix in prefixes])
    names = b"\n".join([b"", *[name for name, _ in raw.fields]]).lower()
    if not raw.strip_counts and not any(b"\n" + prefix in names for prefix in ours):
        return ()  # nearly always
    found = {name.lower(): name for name in raw.strip_counts}
    for name, _ in raw.fields:
        lowered = name.lower()
        if lowered.startswith(ours) and lowered not in LOOP_FIELDS:
            found[lowered] = name
    return tuple(name.decode("latin-1") for name in found.values())


def _message_id(raw: RawMessage) -> str:
    """Of a mail that is not read: the first Message-ID as it stands."""
    for name, body in raw.fields:
        if len(name) == len(b"message-id") and name.lower() == b"message-id":
            return " ".join(body.decode("latin-1").split())
    return ""


def _id(raw: RawMessage, rules: str) -> str:
    """The same mail, received at the same moment and decided by the same rules, has the same id."""
    parts = (
        raw.source.encode("utf-8", "surrogatepass"),
        (raw.envelope.queue_id or "").encode(),
        _message_id(raw).encode("latin-1"),
        raw.envelope.sender,
        *raw.envelope.recipients,
        raw.received_at.isoformat().encode(),
        rules.encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:DECISION_ID_DIGITS]
