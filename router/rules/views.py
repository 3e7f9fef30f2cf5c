"""What several facts say together: the accepted label, the account, what is missing, the contact, the queue.

Conditions and the decision read the same view, so that they never disagree.
"""

import re
from collections.abc import Mapping

from router.frozen import dataclass
from router.logic import Truth, Unknown, all_of, any_of, at_least, negation, unknown
from router.message.envelope import folded
from router.rules import schema
from router.rules.evaluation import Evaluation
from router.rules.ruleset import Bounds, ChecklistChecks
from router.threads.thread import Thread
from router.vocabulary import AccountState, ContactState

TOPIC = "topic"
ABUSE = "abuse"
NEW_QUESTION = "new_question"
"""Judged for replies in a ticket only, by the words and by what is known of the ticket."""
SHOWN = frozenset({TOPIC, ABUSE})
"""The two classifiers that the decision shows by name (contract.md); others stand under `classifiers`."""

_BETWEEN_CONTRACTS = re.compile(r"[\s,;|]+")


# ---------------------------------------------------------------------------------------------------------- classifiers
@dataclass(frozen=True, slots=True)
class Labels:
    """One classifier on one mail. p: every label that the rules or the model know; missing ones are 0. accept, reject,
    margin: what counts, rules.yaml before the model. accepted: the one label, or None."""

    p: dict[str, float]
    accept: Mapping[str, float]
    reject: Mapping[str, float]
    margin: float
    accepted: str | None

    def is_rejected(self, label: str) -> bool:
        return self.p.get(label, 0.0) <= self.reject[label]


def labels(evaluation: Evaluation, name: str) -> Labels | Unknown:
    """The model's word on a classifier of the rules file; unknown without a model or without thresholds."""
    known = evaluation.labels.get(name)
    if known is None:
        known = evaluation.labels[name] = _labels(evaluation, evaluation.rules.file.classifiers[name])
    return known


def _labels(evaluation: Evaluation, classifier: schema.Classifier) -> Labels | Unknown:
    scores = evaluation.facts.scores
    if isinstance(scores, Unknown):
        evaluation.lacks("model", "; ".join(scores.causes))
        return scores
    if classifier.name == NEW_QUESTION and NEW_QUESTION not in scores:
        known = thread(evaluation)
        if isinstance(known, Unknown):
            return known
        if known.asks_anew is None:
            return unknown("it is no reply in a ticket that the model judges")
        scores = {NEW_QUESTION: {str(one): known.asks_anew for one in classifier.labels[:1]}}
    if classifier.name not in scores:
        return unknown(f"the model has no classifier {classifier.name}")
    bounds = _bounds(evaluation, classifier)
    if isinstance(bounds, Unknown):
        return bounds
    p = {**bounds.nothing, **scores[classifier.name]}
    margin, accept = bounds.margin, bounds.accept
    accepted = None
    enough = [label for label in classifier.labels if p[label] >= accept[label]]
    for label in sorted(enough, key=lambda one: -p[one]) if len(enough) > 1 else enough:
        second = max([one for other, one in p.items() if other != label], default=0.0) if margin else 0.0
        # Scores are decimal fractions to people: 0.80 - 0.60 is meant to reach a margin of 0.20.
        if round(p[label] - second, 9) >= margin:
            accepted = label
            break
    return Labels(p, accept, bounds.reject, margin, accepted)


def _bounds(evaluation: Evaluation, classifier: schema.Classifier) -> Bounds | Unknown:
    """What counts for a classifier; worked out once for each model that these rules are used with."""
    tuned = evaluation.facts.services.thresholds.get(classifier.name)
    key = (str(classifier.name), tuned)
    known = evaluation.rules.bounds.get(key)
    if known is None:
        known = evaluation.rules.bounds[key] = _bounds_of(classifier, tuned)
    return known


def _bounds_of(classifier: schema.Classifier, tuned: tuple[float, float, float] | None) -> Bounds | Unknown:
    accept: dict[str, float] = {}
    reject: dict[str, float] = {}
    accept_any = classifier.accept if classifier.accept is not None else tuned[0] if tuned else None
    reject_any = classifier.reject if classifier.reject is not None else tuned[1] if tuned else None
    for label in classifier.labels:
        own = classifier.per_label.get(label)
        accept_from = accept_any if own is None or own.accept is None else own.accept
        reject_to = reject_any if own is None or own.reject is None else own.reject
        if accept_from is None or reject_to is None:
            return unknown(f"neither rules.yaml nor the model says when {classifier.name} accepts {label}")
        accept[label], reject[label] = accept_from, reject_to
    margin = classifier.margin if classifier.margin is not None else tuned[2] if tuned else 0.0
    if len(classifier.labels) == 1:
        margin = 0.0
    return Bounds(dict.fromkeys(classifier.labels, 0.0), accept, reject, margin)


def is_label(evaluation: Evaluation, name: str, label: str) -> Truth:
    """True: accepted, or a rule of an earlier stage said so. False: rejected, or another is accepted. Else unknown."""
    if name == TOPIC and evaluation.earlier.topic:
        return evaluation.earlier.topic[0] == label
    view = labels(evaluation, name)
    if isinstance(view, Unknown):
        return view
    if view.accepted is not None:
        return view.accepted == label
    if view.is_rejected(label):
        return False
    return unknown(f"{name} abstains: {label} p {view.p[label]:.2f}, accepted from {view.accept[label]:.2f}")


def is_undecided(evaluation: Evaluation, name: str) -> bool:
    """No label is accepted: the model abstains, there is none, or it has no such classifier."""
    if name == TOPIC and evaluation.earlier.topic:
        return False
    view = labels(evaluation, name)
    return isinstance(view, Unknown) or view.accepted is None


# -------------------------------------------------------------------------------------------------------------- account
@dataclass(frozen=True, slots=True)
class AccountView:
    """state: amendment 20. contract, login: as named in the mail, else None. on_file: the contracts of the author's
    row, None when the author is in no row. why: of an unknown state."""

    state: AccountState
    contract: str | None = None
    login: str | None = None
    on_file: tuple[str, ...] | None = None
    why: tuple[str, ...] = ()


def account(evaluation: Evaluation) -> AccountView:
    if evaluation.account is None:
        evaluation.account = _account(evaluation)
    return evaluation.account


def _account(evaluation: Evaluation) -> AccountView:
    config = evaluation.rules.file.accounts
    if config is None:
        return AccountView(AccountState.UNKNOWN, why=("rules.yaml has no accounts",))
    contracts = evaluation.extracted(config.contract)
    logins = evaluation.extracted(config.login) if config.login else ()
    contract = contracts[0].value if contracts else None
    login = logins[0].value if logins else None
    row = _author_row(evaluation)
    if isinstance(row, Unknown):
        return AccountView(AccountState.UNKNOWN, contract, login, why=row.causes)
    on_file = None if row is None else tuple(part for part in _BETWEEN_CONTRACTS.split(row.strip()) if part)
    return AccountView(_state(evaluation, on_file), contract, login, on_file)


def _state(evaluation: Evaluation, on_file: tuple[str, ...] | None) -> AccountState:
    config = evaluation.rules.file.accounts
    assert config is not None
    contracts = {one.compared.strip() for one in evaluation.extracted(config.contract)}
    logins = {one.compared.strip() for one in evaluation.extracted(config.login)} if config.login else set()
    folded = {one.casefold() for one in on_file or ()}
    if on_file is None:
        return AccountState.NAMED if contracts or logins else AccountState.MISSING
    if folded and contracts - folded:
        return AccountState.CONFLICT
    # A login can be held against a row only when the row has logins in it; a row of numbers neither proves nor
    # refutes "login petro01", and that the sender may speak for petro01 is then not known.
    comparable = {one for one in folded if not one.isdigit()}
    if comparable and logins - folded:
        return AccountState.CONFLICT
    if (contracts and not folded) or logins - folded:
        return AccountState.NAMED
    if contracts or logins or len(folded) <= 1:
        return AccountState.BELONGS_TO_SENDER
    return AccountState.MISSING  # several contracts on file, and none of them named


def _author_row(evaluation: Evaluation) -> "str | Unknown | None":
    config = evaluation.rules.file.accounts
    address = evaluation.facts.author.address
    # With its detail: only the customer's own host knows whether olena+x@ is olena@.
    return evaluation.look_up(config.contacts, folded(address, keep_detail=True)) if config and address else None


def contact(evaluation: Evaluation) -> ContactState:
    if evaluation.rules.file.accounts is None:
        return ContactState.UNKNOWN
    row = _author_row(evaluation)
    if isinstance(row, Unknown):
        return ContactState.UNKNOWN
    return ContactState.UNKNOWN_SENDER if row is None else ContactState.KNOWN


# --------------------------------------------------------------------------------------------------------------- ticket
def thread(evaluation: Evaluation) -> Thread | Unknown:
    found = evaluation.facts.thread
    if isinstance(found, Unknown):
        evaluation.lacks("thread", "; ".join(found.causes).removeprefix("thread: "))
    return found


def ticket_status(evaluation: Evaluation) -> str | Unknown:
    """`open`, `closed`, or `none` when the mail belongs to no ticket."""
    found = thread(evaluation)
    if isinstance(found, Unknown):
        return found
    if found.status is not None:
        return found.status
    if found.ticket is None:
        return "none"
    closed = evaluation.rules.file.tickets.closed
    if closed is None:
        return unknown(f"nobody knows the status of ticket {found.ticket}")
    answer = evaluation.in_list(closed, found.ticket)
    if isinstance(answer, Unknown):
        return answer
    return "closed" if answer else "open"


# -------------------------------------------------------------------------------------------------------------- missing
def missing(evaluation: Evaluation) -> tuple[tuple[str, schema.ChecklistItem], ...]:
    """What the mail surely does not say: (checklist, item) of every checklist in use, in the order of the file."""
    if evaluation.missing is not None:
        return evaluation.missing
    found = []
    for checks in evaluation.rules.checklists:
        if checks.use_when.judge(evaluation) is True:
            found += [
                (str(checks.checklist.name), one.item) for one in checks.items if one.present.judge(evaluation) is False
            ]
    evaluation.missing = tuple(found)
    return evaluation.missing


def is_missing(evaluation: Evaluation, checks: ChecklistChecks, count: int) -> Truth:
    """Whether the checklist is in use and at least so many of its items are not there."""
    in_use = checks.use_when.judge(evaluation)
    if in_use is False:
        return False
    return all_of([in_use, at_least(count, [negation(one.present.judge(evaluation)) for one in checks.items])])


def is_item_missing(evaluation: Evaluation, item: str) -> Truth:
    return any_of(
        all_of([checks.use_when.judge(evaluation), negation(one.present.judge(evaluation))])
        for checks in evaluation.rules.checklists
        for one in checks.items
        if one.item.id == item
    )


# ---------------------------------------------------------------------------------------------------------------- queue
def default_queue(evaluation: Evaluation) -> str:
    """Where the mail is when no rule chose: the site's default, else the first queue of the file that is addressed."""
    chosen = evaluation.rules.settings.default_queue
    if chosen is not None:
        return chosen
    queues = evaluation.rules.queues
    for name in queues:
        if name in evaluation.addressed:
            return name
    return next(iter(queues))


def chosen_queue(evaluation: Evaluation) -> str:
    return evaluation.earlier.queue or default_queue(evaluation)
