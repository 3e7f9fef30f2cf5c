"""Conditions on what a mail is about: classifiers, extracts, checklists, threads. The docstrings are the manual's."""

from datetime import timedelta

from router.logic import Truth, Unknown, all_of, any_of, at_least, unknown
from router.rules import schema_conditions as c
from router.rules import text_conditions, views
from router.rules.evaluation import Evaluation
from router.rules.making import Making
from router.rules.ruleset import Check
from router.rules.schema import Field
from router.vocabulary import NewQuestion, ThreadState

MODEL, SEVERAL, STORE = 9, 10, 4
MAX_SHOWN = 3


def classified(test: c.ClassifiedAs, making: Making) -> Check:
    """`classified: {topic: technical}`: the classifier's label; with several labels, any of them.

    True when the label is accepted: p is at least `accept`, and ahead of the second by `margin`. False when p is at
    most `reject` or another label is accepted. Unknown in between (it abstains), and without a model. A `set_topic` of
    an earlier stage answers in the model's place.
    """
    name, wanted = str(test.classifier), tuple(str(label) for label in test.labels)
    only = wanted[0] if len(wanted) == 1 else None

    def judge(e: Evaluation) -> Truth:
        if only is not None:
            return views.is_label(e, name, only)
        return any_of(views.is_label(e, name, label) for label in wanted)

    def evidence(e: Evaluation) -> str:
        return topic_shown(e, name, wanted)

    return Check(judge, f"classified {name} {' or '.join(wanted)}", evidence, MODEL, staged=name == views.TOPIC)


def undecided(test: c.Undecided, making: Making) -> Check:
    """`undecided: topic`: no label of the classifier is accepted, or there is no model. Never unknown."""
    name = str(test.classifier)

    def evidence(e: Evaluation) -> str:
        return topic_shown(e, name, tuple(map(str, e.rules.file.classifiers[name].labels)))

    return Check(
        lambda e: views.is_undecided(e, name), f"undecided {name}", evidence, MODEL, staged=name == views.TOPIC
    )


def score(test: c.Score, making: Making) -> Check:
    """`score: {classifier, label, at_least: 0.3, below: 0.8}`: for experts, p itself: at_least <= p < below.

    Unknown without a model.
    """
    name, label = str(test.classifier), str(test.label)
    low, high = test.at_least, test.below

    def judge(e: Evaluation) -> Truth:
        view = views.labels(e, name)
        if isinstance(view, Unknown):
            return view
        p = view.p.get(label, 0.0)
        return (low is None or p >= low) and (high is None or p < high)

    bounds = ("" if low is None else f" at least {low}") + ("" if high is None else f" below {high}")

    def evidence(e: Evaluation) -> str:
        view = views.labels(e, name)
        return "; ".join(view.causes) if isinstance(view, Unknown) else f"p {view.p.get(label, 0.0):.2f}"

    return Check(judge, f"score {name} {label}{bounds}", evidence, MODEL)


def mixed(test: c.Mixed, making: Making) -> Check:
    """`mixed: true`: one mail with two matters: two labels of a classifier are above their `reject`.

    `true` means the first classifier of the file that has several labels. `{classifier: topic, patterns: {technical:
    site_problem, billing: [billing_words]}}` counts only labels whose phrases are in the text too.

    Unknown without a model, unless too few of the phrases are there for it ever to be true.
    """
    name = str(test.classifier)
    phrases = {
        str(label): text_conditions.text(c.TextTest(Field.TEXT, c.InPattern(names)), making)
        for label, names in test.patterns
    }

    def judge(e: Evaluation) -> Truth:
        counted = tuple(phrases) or tuple(map(str, e.rules.file.classifiers[name].labels))
        said = [phrases[label].judge(e) if label in phrases else True for label in counted]
        if at_least(2, said) is False:
            return False
        view = views.labels(e, name)
        if isinstance(view, Unknown):
            return view
        return at_least(
            2, [all_of([written, not view.is_rejected(label)]) for label, written in zip(counted, said, strict=True)]
        )

    def evidence(e: Evaluation) -> str:
        return topic_shown(e, name, tuple(map(str, e.rules.file.classifiers[name].labels)))

    return Check(judge, f"mixed {name}", evidence, MODEL + 1)


def topic_shown(e: Evaluation, name: str, labels: tuple[str, ...]) -> str:
    """`technical p 0.93 >= 0.80`, or what a rule said, or why nothing is known."""
    if name == views.TOPIC and e.earlier.topic:
        return "{}, by rule {}".format(*e.earlier.topic)
    view = views.labels(e, name)
    if isinstance(view, Unknown):
        return "; ".join(view.causes)
    shown = []
    for label in sorted(labels, key=lambda one: -view.p.get(one, 0.0))[:MAX_SHOWN]:
        p, accept = view.p.get(label, 0.0), view.accept[label]
        behind = p >= accept and view.accepted != label
        shown.append(
            f"{label} p {p:.2f} {'>=' if p >= accept else '<'} {accept:.2f}" + (", too close" if behind else "")
        )
    return ", ".join(shown)


def found(test: c.Found, making: Making) -> Check:
    """`found: contract`: the extract has a value in this mail; `{name: mailbox, count: 2}`: that many different ones.

    Never unknown.
    """
    name, count = str(test.extract), test.count
    said = f"found {name}" + (f" {count} times" if count > 1 else "")

    def evidence(e: Evaluation) -> str:
        values = e.extracted(name)
        return ", ".join(f'"{text_conditions.shortened(one.value)}" ({one.where})' for one in values[:MAX_SHOWN])

    return Check(lambda e: len(e.extracted(name)) >= count, said, evidence, text_conditions.EXPRESSION)


def missing_some(test: c.MissingSome, making: Making) -> Check:
    """`missing: {checklist: site_access, at_least: 2}`: the checklist is in use and so many of its items are not there.

    `checklist: any` asks for one that is in use and lacks so many. Unknown when its `use_when` is unknown.
    """
    wanted, count = None if test.checklist is None else str(test.checklist), test.at_least

    def judge(e: Evaluation) -> Truth:
        return any_of(
            views.is_missing(e, checks, count)
            for checks in e.rules.checklists
            if wanted in (None, checks.checklist.name)
        )

    return Check(judge, f"missing {wanted or 'any'} at least {count}", _lacking, SEVERAL)


def missing_item(test: c.MissingItem, making: Making) -> Check:
    """`missing: {item: url}`: an item of a checklist in use is not there. Unknown when its `use_when` is unknown."""
    item = str(test.item)
    return Check(lambda e: views.is_item_missing(e, item), f"missing item {item}", _lacking, SEVERAL)


def _lacking(e: Evaluation) -> str:
    return ", ".join(f"{checklist}.{item.id}" for checklist, item in views.missing(e)) or "nothing is missing"


def thread(test: c.Thread, making: Making) -> Check:
    """`thread: new | follow_up | unproven | forwarded | automatic`, or a list: how the mail hangs on a ticket.

    `follow_up` is proven; `unproven` only names a ticket number, which anybody can type. Unknown when the thread store
    is unreadable.
    """
    states: frozenset[ThreadState] = frozenset(test.states)

    def judge(e: Evaluation) -> Truth:
        known = e.facts.thread
        if isinstance(known, Unknown):
            views.thread(e)  # which notes what is lacking
            return known
        return known.state in states

    return Check(judge, f"thread {' or '.join(test.states)}", _thread_shown, STORE)


def ticket(test: c.Ticket, making: Making) -> Check:
    """`ticket`: the ticket the mail belongs to: `{status: open | closed}`, `{idle_longer_than: 14d}`,
    `{has_participant: from}` (the author took part in it).

    False for a mail of no ticket. Unknown when the store does not know.
    """
    if test.status is not None:
        status = test.status

        def by_status(e: Evaluation) -> Truth:
            known = views.ticket_status(e)
            return known if isinstance(known, Unknown) else known == status

        return Check(by_status, f"ticket {status}", _thread_shown, STORE)
    if test.idle_longer_than is not None:
        limit = test.idle_longer_than

        def by_idle(e: Evaluation) -> Truth:
            known = views.thread(e)
            if isinstance(known, Unknown):
                return known
            if known.idle_days is None:
                return _not_told(known.ticket, "when anything last happened in")
            return timedelta(days=known.idle_days) > limit

        return Check(by_idle, f"ticket idle longer than {_days(limit)}", _thread_shown, STORE)

    def by_participant(e: Evaluation) -> Truth:
        known = views.thread(e)
        if isinstance(known, Unknown):
            return known
        return _not_told(known.ticket, "who took part in") if known.participant is None else known.participant

    return Check(by_participant, "ticket has participant from", _thread_shown, STORE)


def _not_told(number: str | None, what: str) -> Truth:
    return False if number is None else unknown(f"nobody knows {what} ticket {number}")


def _days(span: timedelta) -> str:
    return f"{span.days}d" if span >= timedelta(days=1) else f"{span.total_seconds() / 3600:g}h"


def _thread_shown(e: Evaluation) -> str:
    known = views.thread(e)
    if isinstance(known, Unknown):
        return "; ".join(known.causes)
    details = (
        str(known.state),
        known.ticket and f"ticket {known.ticket}",
        known.status,
        known.idle_days is not None and f"idle {known.idle_days:g} days",
        known.why,
    )
    return ", ".join(str(one) for one in details if one)


def new_question(test: c.NewQuestionIs, making: Making) -> Check:
    """`new_question: likely | unlikely`: whether a reply asks something else than its ticket.

    By the model, if it has learned that; else by rules of thumb. Unknown in between, when it abstains.
    """
    wanted = test.state

    def judge(e: Evaluation) -> Truth:
        known = views.thread(e)
        if isinstance(known, Unknown):
            return known
        if known.new_question is NewQuestion.UNKNOWN:
            return unknown("new_question: the detector abstains")
        return known.new_question is wanted

    def evidence(e: Evaluation) -> str:
        known = views.thread(e)
        if isinstance(known, Unknown):
            return ""
        shown = [str(known.new_question)]
        shown += [f"p {known.asks_anew:.2f}"] if known.asks_anew is not None else []
        shown += [f"similarity {known.similarity:.2f}"] if known.similarity is not None else []
        return ", ".join(shown)

    return Check(judge, f"new_question {wanted}", evidence, STORE)
