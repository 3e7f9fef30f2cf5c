"""What the writer is told: which snippets, in which language, when an answer comes; and texts with places filled."""

import re
from collections.abc import Mapping
from datetime import datetime

from router.decision import Expectation, Reply
from router.logic import Unknown
from router.rules import schema, views
from router.rules.evaluation import Evaluation
from router.rules.gates import Wish, refused
from router.rules.writing import Writing
from router.vocabulary import UNDETERMINED

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_TIMES = frozenset({"expect_by", "opens_at"})
NOT_KNOWN = "?"


def reply_of(evaluation: Evaluation, writing: Writing, queue: str) -> Reply | None:
    """The acknowledgement that rules ask for, sent or refused; None when no rule says anything."""
    replies = evaluation.rules.file.replies
    if not writing.snippets or replies is None:
        return None
    shut = refused(evaluation, Wish(queue, bool(writing.holds), bool(writing.no_replies)))
    return Reply(
        send=not shut,
        to=evaluation.facts.sender,
        language="+".join(languages_of(evaluation)),
        snippets=tuple([name for name in replies.snippets if name in writing.snippets]),
        refused=shut,
    )


def languages_of(evaluation: Evaluation) -> tuple[str, ...]:
    """The message's language, if the desk has texts in it. Else every language of the same script when that decides
    something (undetermined Cyrillic: uk + ru), else all; in the order of the file."""
    message = evaluation.facts.message
    scripts = evaluation.rules.scripts  # in the order of the file
    if message.language in scripts:
        return (message.language,)
    same_script = tuple(language for language in scripts if message.script == scripts[language])
    # Of an undetermined Latin text nobody can say that its writer reads English; of a Polish one, rather English.
    if same_script and (message.script != "latin" or message.language != UNDETERMINED):
        return same_script
    return tuple(scripts)


def expectation_of(evaluation: Evaluation, writing: Writing, queue: str, reply: Reply | None) -> Expectation | None:
    """When the queue's first answer comes: if a rule asked for it, or a snippet that is said names a time.

    None for held mail, and for a queue that promises nothing or does not open in a year.
    """
    if writing.holds or not (writing.expect or (reply is not None and reply.send and _tells_time(evaluation, reply))):
        return None
    promised = evaluation.rules.queues[queue].first_answer
    if promised is None:
        return None
    calendar = evaluation.rules.calendar_of(queue)
    answer_by = calendar.answer_due_at(evaluation.now, promised)
    if answer_by is None:
        return None
    is_open = calendar.is_open(evaluation.now)
    return Expectation(queue, is_open, None if is_open else calendar.next_opening(evaluation.now), answer_by)


def _tells_time(evaluation: Evaluation, reply: Reply) -> bool:
    replies = evaluation.rules.file.replies
    return replies is not None and any(
        _TIMES & set(_PLACEHOLDER.findall(text))
        for name in reply.snippets
        for text in replies.snippets[name].by_language.values()
    )


class Places:
    """Values for the placeholders of one mail, in one language."""

    def __init__(
        self,
        evaluation: Evaluation,
        queue: str,
        expect: Expectation | None,
        missing: tuple[tuple[str, schema.ChecklistItem], ...],
        language: str,
    ) -> None:
        self._evaluation = evaluation
        self._queue = queue
        self._expect = expect
        self._missing = missing
        self._language = language

    def fill(self, template: str) -> str:
        """The text with `{queue}` and the others replaced, all at once: a value is never looked at again."""
        return _PLACEHOLDER.sub(lambda found: self._value(found[1]), template)

    def _value(self, name: str) -> str:
        e = self._evaluation
        if name == "queue":
            return str(e.rules.queues[self._queue].titles[self._language])
        if name == "expect_by":
            return self._clock(self._expect.answer_by if self._expect else None)
        if name == "opens_at":
            return self._clock(e.rules.calendar_of(self._queue).next_opening(e.now))
        if name == "missing":
            asked = dict.fromkeys(str(item.ask[self._language]) for _, item in self._missing)
            return ", ".join(asked) or NOT_KNOWN
        if name == "subject":
            return e.facts.message.subject
        if name == "ticket":
            thread = views.thread(e)
            return NOT_KNOWN if isinstance(thread, Unknown) else thread.ticket or NOT_KNOWN
        if name == "bounce":
            deliveries = e.facts.bounce.deliveries if e.facts.bounce else ()
            return str(deliveries[0]) if deliveries else NOT_KNOWN
        if name in ("contract", "login"):
            view = views.account(e)
            return (view.contract if name == "contract" else view.login) or NOT_KNOWN
        values = e.extracted(name) if name in e.rules.extracts else ()
        return values[0].value if values else NOT_KNOWN

    def _clock(self, at: datetime | None) -> str:
        return NOT_KNOWN if at is None else f"{at:%Y-%m-%d %H:%M}"


def answer_text(evaluation: Evaluation, reply: Reply, places: Mapping[str, Places]) -> str:
    """What the snippets say, for tests of rules files; the acknowledgement service writes the message itself."""
    replies = evaluation.rules.file.replies
    if replies is None:
        return ""
    paragraphs = []
    for language in reply.language.split("+"):
        texts = (replies.open, *(replies.snippets[name] for name in reply.snippets), replies.close)
        paragraphs += [places[language].fill(text[language]) for text in texts]
    return "\n\n".join(paragraphs)
