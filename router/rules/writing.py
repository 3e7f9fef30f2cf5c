"""What rules write while they run: four slots whose first writer keeps them, and joins that no order changes."""

from router.rules import schema
from router.rules.evaluation import Evaluation
from router.rules.schema import actions as a
from router.vocabulary import Priority

QUEUE, TOPIC, REDIRECT = "queue", "set_topic", "redirect"


class Writing:
    """Filled rule by rule; read once at the end."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._slots: dict[str, tuple[str, schema.Rule]] = {}
        self.redirect: tuple[str, str] | None = None  # from queue, to queue
        self.copies: dict[str, None] = {}
        self.priorities: list[Priority] = []
        self.tags: dict[str, None] = {}
        self.notes: list[str] = []
        self.headers: dict[str, tuple[str, str]] = {}  # folded name -> (name, template)
        self.split = False
        self.holds: dict[str, None] = {}
        self.snippets: set[str] = set()
        self.no_replies: list[str] = []
        self.expect = False
        self.stopped: schema.Rule | None = None  # no later stage runs
        self.stage_stopped: schema.Rule | None = None  # no later rule of this stage is carried out

    def slot(self, name: str) -> str | None:
        written = self._slots.get(name)
        return written[0] if written else None

    @property
    def topic(self) -> tuple[str, str] | None:
        """(label, the rule that said so)."""
        written = self._slots.get(TOPIC)
        return (written[0], str(written[1].id)) if written else None

    def carry_out(self, action: a.Action, rule: schema.Rule) -> str | None:
        """Write what an action of a rule says; gives the words of the refusal when it was ignored."""
        if isinstance(action, a.SetTopic):
            return self._take(TOPIC, str(action.label), rule)
        if isinstance(action, a.SetQueue):
            return self._take(QUEUE, str(action.queue), rule)
        if isinstance(action, a.Redirect):
            return self._write_redirect(action, rule)
        if isinstance(action, a.AddHeader):
            return self._write_header(action, rule)
        self._join(action, rule)
        return None

    def hold(self, reason: str) -> str:
        self.holds.setdefault(reason)
        return f"hold: {reason}"

    def _join(self, action: a.Action, rule: schema.Rule) -> None:
        match action:
            case a.CopyTo(queue):
                self.copies.setdefault(str(queue))
            case a.SetPriority(priority):
                self.priorities.append(priority)
            case a.AddTags(tags):
                self.tags.update(dict.fromkeys([str(tag) for tag in tags]))
            case a.AddNote(text):
                self.notes.append(str(text))
            case a.Split():
                self.split = True
            case a.Hold(reason):
                self.hold(str(reason))
            case a.Say(snippet):
                self.snippets.add(str(snippet))
            case a.NoReply(reason):
                self.no_replies.append(str(reason))
            case a.ExpectAnswer():
                self.expect = True
            case a.Stop(everything):
                if everything:
                    self.stopped = self.stopped or rule
                else:
                    self.stage_stopped = self.stage_stopped or rule

    def _take(self, slot: str, value: str, rule: schema.Rule) -> str | None:
        """Write a slot; gives the words of the refusal when another rule was first."""
        first = self._slots.setdefault(slot, (value, rule))
        if first[1] is rule or first[0] == value:
            return None
        return f"ignored: {slot} already set by {first[1].id} (line {first[1].at.line})"

    def _write_redirect(self, action: a.Redirect, rule: schema.Rule) -> str | None:
        source, target = str(action.source), str(action.target)
        if source not in self._evaluation.addressed:
            return f"ignored: no recipient is {source}"
        # Both slots or none: a header that names one queue and an envelope that goes to another would be a lie.
        for slot, value in ((REDIRECT, f"{source} to {target}"), (QUEUE, target)):
            first = self._slots.get(slot)
            if first and first[0] != value:
                return f"ignored: {slot} already set by {first[1].id} (line {first[1].at.line})"
        self._take(REDIRECT, f"{source} to {target}", rule)
        self._take(QUEUE, target, rule)
        self.redirect = (source, target)
        return None

    def _write_header(self, action: a.AddHeader, rule: schema.Rule) -> str | None:
        name = str(action.name)
        refused = self._take(f"header {name.casefold()}", str(action.value), rule)
        if refused is None:
            self.headers.setdefault(name.casefold(), (name, str(action.value)))
        return refused


def action_said(action: a.Action) -> str:
    """An action as it is written in rules.yaml, for the trace."""
    match action:
        case a.SetTopic(label):
            return f"set_topic {label}"
        case a.SetQueue(queue):
            return f"queue {queue}"
        case a.Redirect(source, target):
            return f"redirect {source} to {target}"
        case a.CopyTo(queue):
            return f"copy_to {queue}"
        case a.SetPriority(priority):
            return f"priority {priority}"
        case a.AddTags(tags):
            return f"tag {', '.join(tags)}"
        case a.AddNote(text):
            return f"note: {text}"
        case a.AddHeader(name, value):
            return f"header {name}: {value}"
        case a.Split():
            return "split"
        case a.Hold(reason):
            return f"hold: {reason}"
        case a.Say(snippet):
            return f"say {snippet}"
        case a.NoReply(reason):
            return f"no_reply: {reason}"
        case a.ExpectAnswer():
            return "expect answer"
        case a.Stop(everything):
            return f"stop {'all' if everything else 'stage'}"
