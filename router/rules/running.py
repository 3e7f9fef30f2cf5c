"""Rules, run: stage by stage, in the order of the file, each rule seeing what earlier stages wrote.

Running and telling are two passes. The first is what a live mail gets: rules that the index knows to be false are not
judged, and of the others only what is asked for is looked up. The second, for `explain` and `triage`, says for every
rule why; it changes nothing, so that a traced decision is the live one.
"""

from collections.abc import Iterator

from router.decision import TraceLine
from router.frozen import dataclass
from router.logic import Truth, Unknown
from router.rules import schema
from router.rules.because import because
from router.rules.evaluation import Earlier, Evaluation
from router.rules.ruleset import CompiledRule, StageIndex
from router.rules.schema import Mode, OnUnknown, actions
from router.rules.writing import Writing


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule that is not plainly false. done: what was carried out, ignored, or would have been. stopped: the rule that
    kept it from being judged, None when it was."""

    compiled: CompiledRule
    value: Truth
    done: tuple[str, ...] = ()
    stopped: schema.Rule | None = None


@dataclass(frozen=True, slots=True)
class StageRun:
    """earlier: what the rules of the stage saw of those before. judged: by number of the rule."""

    stage: StageIndex
    earlier: Earlier
    judged: dict[int, Judged]


def run(evaluation: Evaluation, writing: Writing) -> list[StageRun]:
    """All stages. Afterwards `evaluation.earlier` is what all of them wrote."""
    return [_run(stage, evaluation, writing) for stage in evaluation.rules.stages]


def _run(stage: StageIndex, evaluation: Evaluation, writing: Writing) -> StageRun:
    judged: dict[int, Judged] = {}
    before = evaluation.earlier
    writing.stage_stopped = None
    ended = writing.stopped  # by an earlier stage: a `stop: all` takes effect at the end of its own
    fired: set[str] = set()
    for compiled in stage.candidates(evaluation):
        rule = compiled.rule
        if compiled.limited and not runs_today(compiled, evaluation):
            continue
        stopped = ended or writing.stage_stopped
        if stopped and not compiled.holds and rule.on_unknown is not OnUnknown.HOLD:
            judged[compiled.number] = Judged(compiled, False, stopped=stopped)
            continue
        value = compiled.check.judge(evaluation)
        if value is False:
            continue
        judged[compiled.number] = Judged(compiled, value, _carried_out(compiled, value, writing, stopped))
        if value is True and rule.mode is Mode.ENFORCE and not stopped:
            fired.add(str(rule.id))
    if judged:  # else nothing was written
        evaluation.see(Earlier(frozenset(writing.tags), before.fired | fired, writing.topic, writing.slot("queue")))
    return StageRun(stage, before, judged)


def runs_today(compiled: CompiledRule, evaluation: Evaluation) -> bool:
    """Whether the rule is not off, and not past its `until`."""
    rule = compiled.rule
    return rule.mode is not Mode.OFF and (rule.until is None or evaluation.local_now.date() <= rule.until)


def _carried_out(
    compiled: CompiledRule, value: Truth, writing: Writing, stopped: schema.Rule | None
) -> tuple[str, ...]:
    rule = compiled.rule
    if isinstance(value, Unknown):
        if rule.on_unknown is not OnUnknown.HOLD:
            return ()
        reason = f"{rule.id} could not be judged: {'; '.join(value.causes)}"
        return (writing.hold(reason) if rule.mode is Mode.ENFORCE else f"would hold: {reason}",)
    if rule.mode is Mode.SHADOW:
        return tuple(f"would: {said}" for said in compiled.said)
    if stopped:
        # A stop never stops what keeps a mail back from an answer, or for a person (amendment 15).
        done = [
            writing.carry_out(action, rule) or said
            for action, said in zip(rule.then, compiled.said, strict=True)
            if isinstance(action, actions.Hold | actions.NoReply)
        ]
        return (*done, f"else stopped by {stopped.id} (line {stopped.at.line})")
    return tuple(
        [writing.carry_out(action, rule) or said for action, said in zip(rule.then, compiled.said, strict=True)]
    )


# -------------------------------------------------------------------------------------------------------------- telling
def brief(runs: list[StageRun]) -> Iterator[TraceLine]:
    """A line for every rule that fired or is unknown. Its reason is the condition as written, or the causes: nothing of
    the mail is in it, so that a journal may keep it."""
    for run in runs:
        for one in run.judged.values():
            if one.stopped is None:
                why = "; ".join(one.value.causes) if isinstance(one.value, Unknown) else one.compiled.check.said
                yield _line(one.compiled.rule, one.value, why, one.done)


def whole(runs: list[StageRun], evaluation: Evaluation) -> Iterator[TraceLine]:
    """A line for every rule, with the words that were found."""
    evaluation.tell()
    final = evaluation.earlier
    for run in runs:
        evaluation.see(run.earlier)
        for compiled in run.stage.rules:
            yield _told(compiled, run.judged.get(compiled.number), evaluation)
    evaluation.see(final)


def _told(compiled: CompiledRule, judged: Judged | None, evaluation: Evaluation) -> TraceLine:
    rule = compiled.rule
    if not runs_today(compiled, evaluation):
        return _line(rule, False, "mode off" if rule.mode is Mode.OFF else f"until {rule.until}", mode="off")
    if judged is None:
        return _line(rule, False, because(compiled.check, evaluation))
    if judged.stopped is not None:
        return _line(rule, False, f"stopped by {judged.stopped.id} (line {judged.stopped.at.line})")
    return _line(rule, judged.value, because(compiled.check, evaluation), judged.done)


def _line(rule: schema.Rule, value: Truth, why: str, done: tuple[str, ...] = (), mode: str | None = None) -> TraceLine:
    result = "unknown" if isinstance(value, Unknown) else "true" if value else "false"
    return TraceLine(str(rule.stage), str(rule.id), rule.at.line, result, why, done, mode or str(rule.mode))
