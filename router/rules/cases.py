"""The tests inside rules.yaml: run, compared, told; which rules they cover, and which could be deleted unnoticed.

A test is a mail with its surroundings (`mail_of_case.py`) and what must come out. The examples of patterns are tests
too: sentences that must and must not match.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from router.decision import Decision
from router.facts import Facts
from router.frozen import dataclass
from router.rules import schema, views
from router.rules.answer import Places, answer_text
from router.rules.compile import Ruleset, without
from router.rules.decide import decide
from router.rules.evaluation import Evaluation, values_in
from router.rules.explain import explain
from router.rules.mail_of_case import CaseError, facts_of
from router.rules.schema import Mode
from router.rules.text import Text

MAX_TOLD = 20  # failing tests told with their trace; the others by name


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test. differences: what came out otherwise than expected, a line each; none: it passed. trace: what each rule
    did, "" when nothing was decided. line: of the test in the file."""

    name: str
    differences: tuple[str, ...] = ()
    trace: str = ""
    line: int = 0

    @property
    def ok(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class Coverage:
    """In how many tests a rule fired (in shadow too), and in how many it was judged and did not."""

    fired: int = 0
    not_fired: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """survived: rules that can be deleted without any test noticing; None when that was not tried."""

    file: str
    tests: tuple[Outcome, ...]
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    survived: tuple[str, ...] | None = None

    @property
    def passed(self) -> int:
        return sum(one.ok for one in self.tests)

    @property
    def failed(self) -> int:
        return len(self.tests) - self.passed

    @property
    def ok(self) -> bool:
        return self.failed == 0

    def as_json(self) -> dict[str, Any]:
        """The object of contract.md: `mailrouter test --json`."""
        told: dict[str, Any] = {
            "passed": self.passed,
            "failed": self.failed,
            "tests": [{"name": one.name, "ok": one.ok, "differences": list(one.differences)} for one in self.tests],
            "coverage": {rule: {"fired": one.fired, "not_fired": one.not_fired} for rule, one in self.coverage.items()},
        }
        if self.survived is not None:
            told["survived"] = list(self.survived)
        return told

    def as_text(self) -> str:
        """For a person: failing tests with their differences and trace, gaps of coverage, a last line that counts."""
        lines: list[str] = []
        for number, one in enumerate(one for one in self.tests if not one.ok):
            lines.append(f"FAILED  {one.name}" + (f"  ({self.file}:{one.line})" if one.line else ""))
            lines += [f"        {difference}" for difference in one.differences]
            if one.trace and number < MAX_TOLD:
                lines += ["", *(f"    {line}" for line in one.trace.splitlines()), ""]
        for rule, seen in self.coverage.items():
            if not seen.fired:
                lines.append(f"never fired in a test: {rule}")
            elif not seen.not_fired:
                lines.append(f"fired in every test: {rule}")
        lines += [f"deleting it is noticed by no test: {rule}" for rule in self.survived or ()]
        counted = f"{self.passed} passed" + (f", {self.failed} failed" if self.failed else "")
        if self.survived is not None:
            caught = len(self.coverage) - len(self.survived)
            counted += f"; {caught} of {len(self.coverage)} deleted rules noticed"
        return "\n".join([*lines, counted])

    def as_junit(self) -> str:
        """JUnit XML, one test suite."""
        suite = ElementTree.Element(
            "testsuite", name=self.file or "rules.yaml", tests=str(len(self.tests)), failures=str(self.failed)
        )
        for one in self.tests:
            case = ElementTree.SubElement(suite, "testcase", classname=self.file or "rules.yaml", name=_xml(one.name))
            if not one.ok:
                failure = ElementTree.SubElement(case, "failure", message=_xml(one.differences[0]))
                failure.text = _xml("\n".join([*one.differences, "", one.trace]))
        ElementTree.indent(suite)
        return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def run(ruleset: Ruleset, *, only: str | None = None, mutate: bool = False) -> Report:
    """Run the tests of the file. only: those whose name holds this. mutate: delete each rule in turn as well."""
    outcomes: list[Outcome] = []
    fired: dict[str, list[int]] = {str(rule.id): [0, 0] for rule in ruleset.rules}
    prepared: list[tuple[schema.Case, Facts]] = []
    for case in ruleset.file.tests:
        if only is not None and only.casefold() not in case.name.casefold():
            continue
        try:
            facts = facts_of(case.given, ruleset)
        except CaseError as error:
            outcomes.append(Outcome(str(case.name), (str(error),), line=case.at.line))
            continue
        prepared.append((case, facts))
        decision = decide(facts, ruleset, trace=True)
        differences = compare(case.expect, decision, facts, ruleset)
        trace = explain(decision, ruleset) if differences else ""
        outcomes.append(Outcome(str(case.name), differences, trace, case.at.line))
        for line in decision.trace:
            fired[line.rule][line.result != "true"] += 1
    outcomes += _examples(ruleset, only)
    outcomes += _values(ruleset, only)
    coverage = {rule: Coverage(*counts) for rule, counts in fired.items()}
    survived = tuple(_unnoticed(ruleset, prepared)) if mutate else None
    return Report(ruleset.file.source, tuple(outcomes), coverage, survived)


def _unnoticed(ruleset: Ruleset, prepared: list[tuple[schema.Case, Facts]]) -> Iterable[str]:
    """Rules whose deletion changes no test. A rule that is off does nothing to notice."""
    before = {
        case.name: compare(case.expect, decide(facts, ruleset, trace=True), facts, ruleset) for case, facts in prepared
    }
    for rule in ruleset.rules:
        if rule.mode is Mode.OFF:
            continue
        fewer = without(ruleset, str(rule.id))
        noticed = any(
            compare(case.expect, decide(facts, fewer, trace=True), facts, fewer) != before[case.name]
            for case, facts in prepared
        )
        if not noticed:
            yield str(rule.id)


def _examples(ruleset: Ruleset, only: str | None) -> Iterable[Outcome]:
    for name, pattern in ruleset.file.patterns.items():
        group = ruleset.pattern_groups[name]
        for wanted, sentences in ((True, pattern.match), (False, pattern.no_match)):
            for sentence in sentences:
                title = f'pattern {name} {"matches" if wanted else "does not match"} "{sentence}"'
                if only is not None and only.casefold() not in title.casefold():
                    continue
                hits = [number for number in ruleset.search.find(Text(sentence))[0] if group in ruleset.groups[number]]
                differences: tuple[str, ...] = ()
                if wanted and not hits:
                    differences = ("no phrase of the pattern is in this sentence",)
                elif hits and not wanted:
                    found = ", ".join(f'"{ruleset.phrases.phrases[number].source}"' for number in hits)
                    differences = (f"the sentence has {found}",)
                yield Outcome(title, differences, line=sentence.at.line)


def _values(ruleset: Ruleset, only: str | None) -> Iterable[Outcome]:
    """The examples of extracts: the first value that is found in a sentence."""
    for name, extracting in ruleset.extracts.items():
        wanted: list[tuple[schema.Text, str]] = [(one, str(value)) for one, value in extracting.extract.match]
        wanted += [(sentence, "") for sentence in extracting.extract.no_match]
        for sentence, value in wanted:
            title = f'extract {name} finds {f"{value} " if value else "nothing "}in "{sentence}"'
            if only is not None and only.casefold() not in title.casefold():
                continue
            found = next((one.value for one in values_in(Text(sentence), extracting, ruleset)), "")
            differences = () if found == value else (f'found: "{found}"' if found else "nothing is found",)
            yield Outcome(title, differences, line=sentence.at.line)


# ---------------------------------------------------------------------------------------------------------- comparison
def compare(expect: schema.Expected, decision: Decision, facts: Facts, ruleset: Ruleset) -> tuple[str, ...]:
    """What differs, a line each; what a test does not name is not looked at."""
    found: list[str] = []

    def check(what: str, wanted: object, got: object) -> None:
        if wanted is not None and wanted != got:
            found.append(f"{what}: expected {_shown(wanted)}, got {_shown(got)}")

    check("queue", _text(expect.queue), decision.queue)
    found += _redirect(expect.redirect, decision)
    found += _copies(expect.copy_to, decision, ruleset)
    check("priority", expect.priority, decision.priority)
    lacking = [str(tag) for tag in expect.tags if tag not in decision.tags]
    if lacking:
        found.append(f"tags: {', '.join(lacking)} not among {_shown(decision.tags)}")
    unwanted = [str(tag) for tag in expect.not_tags if tag in decision.tags]
    if unwanted:
        found.append(f"not_tags: {', '.join(unwanted)} among {_shown(decision.tags)}")
    for note in expect.notes:
        if not any(note in one for one in decision.notes):
            found.append(f'notes: none has "{note}"; got {_shown(decision.notes)}')
    for name, value in expect.headers:
        values = [one for other, one in decision.headers_add if other.casefold() == name.casefold()]
        if value not in values:
            found.append(f"headers: expected {name}: {value}, got {_shown(tuple(values))}")
    found += _hold(expect.hold, decision)
    check("split", expect.split, decision.split)
    if expect.missing is not None and {str(one) for one in expect.missing} != set(decision.missing):
        found.append(f"missing: expected {_shown(expect.missing)}, got {_shown(decision.missing)}")
    found += _expect_by(expect.expect_by, decision)
    found += _reply(expect.reply, decision, facts, ruleset)
    check("topic", _text(expect.topic), decision.topic.label)
    check("language", _text(expect.language), decision.language)
    check("thread", expect.thread, decision.thread.state)
    check("account", expect.account, decision.account.state)
    found += _rules(expect, decision)
    return tuple(found)


def _text(value: "schema.Text | None") -> str | None:
    return None if value is None else str(value)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value is None else str(value)


def _redirect(expected: "schema.ExpectedRedirect | None", decision: Decision) -> list[str]:
    if expected is None:
        return []
    recipients = decision.recipients
    moved = f"{', '.join(recipients.remove) or 'nobody'} to {', '.join(recipients.add) or 'nobody new'}"
    if expected.source is None and expected.target is None:
        return [f"redirect: expected none, got {moved}"] if recipients.remove else []
    left = [one for one in recipients.envelope if one not in recipients.remove]
    gone = expected.source is None or expected.source in recipients.remove
    there = expected.target is None or expected.target in (*recipients.add, *left)
    return [] if gone and there else [f"redirect: expected {expected.source} to {expected.target}, got {moved}"]


def _copies(expected: "tuple[schema.Text, ...] | None", decision: Decision, ruleset: Ruleset) -> list[str]:
    if expected is None:
        return []
    reached = {ruleset.site.queue_of(address) for address in (*decision.recipients.envelope, *decision.recipients.add)}
    lacking = [str(one) for one in expected if one not in reached and one not in decision.recipients.add]
    return [f"copy_to: {', '.join(lacking)} gets no copy"] if lacking else []


def _hold(expected: "bool | schema.Text | None", decision: Decision) -> list[str]:
    if expected is None:
        return []
    got = "not held" if decision.hold is None else f"held: {'; '.join(decision.hold)}"
    if isinstance(expected, bool):
        return [] if expected is (decision.hold is not None) else [f"hold: expected {_shown(expected)}, got {got}"]
    held = any(expected in reason for reason in decision.hold or ())
    return [] if held else [f'hold: expected "{expected}", got {got}']


def _expect_by(expected: "datetime | str | None", decision: Decision) -> list[str]:
    due = decision.expect.answer_by if decision.expect else None
    got = due.isoformat(timespec="minutes") if due else "no expectation"
    if isinstance(expected, datetime):
        if due is None or due != expected:
            return [f"expect_by: expected {expected.isoformat(timespec='minutes')}, got {got}"]
    elif expected is not None and due is not None:
        return [f"expect_by: expected none, got {got}"]
    return []


def _reply(expected: "schema.ExpectedReply | None", decision: Decision, facts: Facts, ruleset: Ruleset) -> list[str]:
    if expected is None:
        return []
    reply = decision.reply
    got = "no answer" if reply is None else f"{reply.language}: {', '.join(reply.snippets)}"
    if reply is not None and not reply.send:
        got = f"no answer (refused by {', '.join(reply.refused)})"
    if expected.none:
        return [f"reply: expected none, got {got}"] if reply is not None and reply.send else []
    if reply is None or not reply.send:
        return [f"reply: expected one, got {got}"]
    found = []
    if expected.language is not None and str(expected.language) != reply.language:
        found.append(f"reply: expected language {expected.language}, got {got}")
    if expected.snippets is not None and {str(one) for one in expected.snippets} != set(reply.snippets):
        found.append(f"reply: expected {_shown(expected.snippets)}, got {got}")
    if expected.contains:
        text = _said(decision, facts, ruleset)
        found += [
            f'reply: the answer does not say "{one}"; it says: {text}' for one in expected.contains if one not in text
        ]
    return found


def _said(decision: Decision, facts: Facts, ruleset: Ruleset) -> str:
    """The words of the answer."""
    if decision.reply is None or decision.queue is None:
        return ""
    evaluation = Evaluation(facts, ruleset, lambda: 0.0)
    missing = views.missing(evaluation)
    places = {
        language: Places(evaluation, decision.queue, decision.expect, missing, language)
        for language in decision.reply.language.split("+")
    }
    return answer_text(evaluation, decision.reply, places)


def _rules(expect: schema.Expected, decision: Decision) -> list[str]:
    lines = {line.rule: line for line in decision.trace}
    fired = {rule for rule, line in lines.items() if line.result == "true" and line.mode == "enforce"}
    unknown = {rule for rule, line in lines.items() if line.result == "unknown"}
    shadow = {rule for rule, line in lines.items() if line.result == "true" and line.mode == "shadow"}
    found = []
    for what, wanted, got in (
        ("fired", expect.fired, fired),
        ("unknown", expect.unknown, unknown),
        ("shadow", expect.shadow, shadow),
    ):
        for rule in wanted:
            if rule not in got:
                line = lines.get(str(rule))
                found.append(
                    f"{what}: {rule} is {line.result} ({line.because})" if line else f"{what}: {rule} was not judged"
                )
    found += [f"fired_not: {rule} fired ({lines[str(rule)].because})" for rule in expect.fired_not if rule in fired]
    return found


def _xml(text: str) -> str:
    """Without the control characters that no XML can hold."""
    return "".join(char for char in text if char >= " " or char in "\t\n")
