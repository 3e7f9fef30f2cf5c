"""One generation: rules and model that belong together, loaded from disk and ready to decide.

A message is decided by one generation from its first fact to its last edit; a reload makes a new one beside the old.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path

from router import rule_files
from router.calendar_copies import copies_for
from router.classify import registry
from router.classify.judging import Thresholds
from router.classify.model import Model
from router.classify.replies import NEW_QUESTION, Told
from router.classify.signing import read_public
from router.decision import Decision
from router.errors import BadInput
from router.facts import Scores, Services, Site, submitted
from router.frozen import dataclass
from router.identity.authentication import NOT_CHECKED, Authentication, join, with_chain
from router.identity.authentication_results import find as find_results
from router.identity.author import Author
from router.identity.author import find as find_author
from router.identity.contacts import FileList, ItemList, ListBook, NoList, Source
from router.identity.looked_up import LookedUp
from router.logic import Unknown, unknown
from router.message.envelope import RawMessage, address_of, folded
from router.message.message import Message
from router.rules import schema
from router.rules.compile import compile_rules
from router.rules.load import load
from router.rules.ruleset import Ruleset
from router.signals.automatic import Automatism
from router.threads.followup import find as find_thread
from router.threads.learning import Lesson, of_departing, of_follow_up
from router.threads.new_question import by_likelihood
from router.threads.store import Remembered, ThreadReader
from router.threads.thread import Thread
from router.triage import triage
from router.vocabulary import AuthState, NewQuestion, ThreadState

Authenticate = Callable[[Message, Author, Site], Authentication]

WAITED_FOR = (schema.SqlList, schema.UrlList, schema.LookupList)
"""Lists that only the look-up process asks (router/lookups)."""


@dataclass(frozen=True, slots=True)
class Generation:
    """model: None means rules alone, and `model_refused` says why; with a model it says why another is not in use.
    threads: what left from here, None: nobody kept it. is_acknowledgement: whether a Message-ID is that of an
    acknowledgement of ours."""

    ruleset: Ruleset
    lists: ListBook
    model: Model | None
    model_refused: str = ""
    threads: ThreadReader | None = None
    is_acknowledgement: Callable[[str], bool] = lambda message_id: False
    _thresholds: Mapping[str, tuple[float, float, float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tuned = self.model.thresholds.items() if self.model else ()
        held = {name: (one.accept, one.reject, one.margin) for name, one in tuned}
        object.__setattr__(self, "_thresholds", held)

    def services(
        self, now: datetime, authenticate: Authenticate | None = None, looked_up: LookedUp | None = None
    ) -> Services:
        """The outside world for one mail that is decided at `now` (aware). looked_up: what was asked for it elsewhere;
        trusted Authentication-Results stand above its own checks."""

        def look_up(name: str, key: str) -> "str | Unknown | None":
            if looked_up is not None and isinstance(self.ruleset.lists.get(name), WAITED_FOR):
                return looked_up.value(name, key)
            rows = self.lists.rows(name, key, now)
            if isinstance(rows, Unknown):
                return rows
            # A contact of several contracts has a row for each; the rules compare with all of them.
            return ", ".join(rows) if rows else None

        store = None
        if self.threads is not None:
            store = Remembered(self.threads, self._status(look_up), self.is_acknowledgement)

        def thread(
            message: Message, author: Author, auth: Authentication, automatism: Automatism, site: Site
        ) -> "Thread | Unknown":
            return find_thread(message, author, auth, automatism, site, store)

        return Services(
            now=now,
            authenticate=authenticate or (by_results if looked_up is None else by_checks(looked_up)),
            look_up=look_up,
            scores=self._scores,
            thread=thread,
            asks_anew=self._asks_anew,
            model=self.model.id if self.model else None,
            thresholds=self._thresholds,
        )

    def decide(
        self,
        raw: RawMessage,
        *,
        now: datetime | None = None,
        authenticate: Authenticate | None = None,
        looked_up: LookedUp | None = None,
        trace: bool = False,
        message: Message | None = None,
    ) -> Decision:
        """Decide one mail; the clock is its time of receipt unless `now` says otherwise. message: as it was read for
        another generation."""
        services = self.services(now or raw.received_at, authenticate, looked_up)
        return triage(raw, self.ruleset, services, trace=trace, message=message)

    def lesson(self, message: Message, decision: Decision | None) -> Lesson | None:
        """What a mail teaches the thread store: one of the desk's own that was submitted, or a reply in a ticket.
        decision: None for mail that goes to none of our queues."""
        if self.threads is None:
            return None
        site, pseudonyms = self.ruleset.site, self.threads.pseudonyms
        if submitted(message.raw.envelope, site):
            author = find_author(message).address
            # The MTA holds the sender against the login (doctor asks it to), but not From: so both must be ours.
            sender = address_of(message.raw.envelope.sender)
            if author and site.queue_of(author) and _same_domain(sender, author):
                return of_departing(message, site.ticket_tags, lambda one: site.queue_of(one) is not None, pseudonyms)
        if decision is None or decision.thread.state is not ThreadState.FOLLOW_UP or decision.thread.ticket is None:
            return None
        proven = decision.identity.auth is AuthState.PASS
        author = find_author(message).address if proven else None
        return of_follow_up(message, decision.thread.ticket, author, pseudonyms)

    def _status(self, look_up: "Callable[[str, str], str | Unknown | None]") -> Callable[[str], str | None]:
        """What is known of a ticket: on the list of closed ones, or not."""
        name = self.ruleset.file.tickets.closed

        def status(number: str) -> str | None:
            if name is None:
                return None
            found = look_up(str(name), number)
            return None if isinstance(found, Unknown) else "open" if found is None else "closed"

        return status

    def _scores(self, message: Message) -> "Scores | Unknown":
        if self.model is None:
            return unknown(self.model_refused or "no model")
        return self.model.scores(message.subject, message.new_text, message.language)

    def _asks_anew(self, message: Message, thread: Thread) -> tuple[float, NewQuestion] | None:
        """By the model, if it has learned that."""
        if self.model is None:
            return None
        told = Told(thread.overlap, None if thread.status is None else thread.status == "closed", thread.idle_days)
        likely = self.model.asks_anew(message.new_text, told)
        if likely is None:
            return None
        held = rule_thresholds(self.ruleset, self.model.thresholds)[NEW_QUESTION]
        return likely, by_likelihood(likely, held.accept, held.reject)


def _same_domain(one: str, other: str) -> bool:
    return folded(one).rpartition("@")[2] == folded(other).rpartition("@")[2]


def by_results(message: Message, author: Author, site: Site) -> Authentication:
    """The author's proof, from the Authentication-Results that the site trusts."""
    return join(author, address_of(message.raw.envelope.sender), find_results(message, site.trusted_authserv))


def by_checks(looked_up: LookedUp) -> Authenticate:
    """The same, or where there are none, from checks of our own; and what a trusted sealer of ARC saw before."""

    def authenticate(message: Message, author: Author, site: Site) -> Authentication:
        results = find_results(message, site.trusted_authserv)
        sender = address_of(message.raw.envelope.sender)
        if results is not None:
            found = join(author, sender, results)
        else:
            found = join(author, sender, looked_up.results, looked_up.why or NOT_CHECKED)
        return with_chain(found, author, sender, looked_up.chain)

    return authenticate


def load_generation(
    rules: Path,
    models: Path | None,
    *,
    base: Path | None = None,
    owners: Collection[int] | None = None,
    group: str | None = None,
    model_id: str | None = None,
    state: Path | None = None,
    anew: bool = False,
    model_keys: Sequence[Path] = (),
    model_before: str | None = None,
) -> Generation:
    """Read rules.yaml and a model. Raises `BadFile` when the rules cannot be used; a model that cannot be used is no
    error: the desk goes on by rules alone.

    base: the folder that paths in the rules start from, when it is not their own. owners, group: who may own and write
    the file (`rule_files.read`). model_id: another model than the promoted one. state: the state directory, where
    copies of calendars by https lie. anew: fetch those again. model_keys: public keys, one of which must have signed
    the model; without them those of the rules' `settings.model_key`. model_before: the id of one to go on with when
    that one is refused; not when none is promoted any more.
    """
    data = rule_files.read(rules, owners=owners, group=group)
    copies = copies_for(base / rules.name if base else rules, state, anew=anew)
    ruleset = compile_rules(load(data, str(rules), base=base or rules.parent), data, copies.get)
    model, refused = None, "no model"
    if models is not None:
        keys = model_keys or [(base or rules.parent) / one for one in ruleset.settings.model_key]
        model, refused = _model(models, model_id, keys)
        if model is None and model_before is not None and (models / "current").exists():
            model, _ = _model(models, model_before, keys)
    return Generation(ruleset, list_book(ruleset, base or rules.parent), model, refused)


def _model(models: Path, model_id: str | None, keys: Sequence[Path]) -> tuple[Model | None, str]:
    """A model, or why it is refused."""
    try:
        return registry.load(models, model_id, [read_public(one) for one in keys]), ""
    except BadInput as error:
        # The reason goes into a header field of every mail: where models and keys lie is nobody's business there.
        reason = str(error)
        for folder in (models, *(one.parent for one in keys)):
            reason = reason.replace(f"{folder}/", "")
        return None, reason


def rule_thresholds(ruleset: Ruleset, tuned: Mapping[str, Thresholds]) -> dict[str, Thresholds]:
    """The thresholds that hold under these rules: a number in rules.yaml overrides the model's (amendment 22)."""
    held = dict(tuned)
    for name, written in ruleset.file.classifiers.items():
        if name in held:
            model = held[name]
            held[name] = Thresholds(
                model.accept if written.accept is None else written.accept,
                model.reject if written.reject is None else written.reject,
                model.margin if written.margin is None else written.margin,
            )
    return held


def list_book(ruleset: Ruleset, base: Path) -> ListBook:
    """The lists of rules.yaml, ready to be asked. base: the folder that file names start from."""
    return ListBook(_source(one, base) for one in ruleset.lists.values())


def _source(one: schema.ListSource, base: Path) -> Source:
    if isinstance(one, schema.ItemsList):
        return ItemList(one.name, one.items)
    if isinstance(one, schema.FileList):
        return FileList(one.name, base / one.path, one.key, one.value, one.max_age, one.reload)
    return NoList(one.name, "a list by SQL, URL or function is asked by the look-up process, and nobody did")
