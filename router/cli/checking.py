"""A rules file judged as a reload would judge it: errors, warnings, the file's own tests."""

from datetime import date
from pathlib import Path

from router.calendar_copies import copies_for
from router.errors import BadFile, Problem, Severity
from router.frozen import dataclass
from router.rules import cases, problems
from router.rules.compile import compile_rules
from router.rules.load import check
from router.rules.schema import RulesFile
from router.rules.surroundings import ending


@dataclass(frozen=True)
class Checked:
    """file: None when there are errors; report: of its tests, then None too."""

    data: bytes
    file: RulesFile | None
    problems: tuple[Problem, ...]
    report: cases.Report | None

    @property
    def errors(self) -> int:
        return sum(one.severity is Severity.ERROR for one in self.problems)

    @property
    def failed(self) -> int:
        return 0 if self.report is None else self.report.failed

    @property
    def good(self) -> bool:
        """A filter would take it."""
        return self.file is not None and not self.errors and not self.failed

    def as_text(self, without: tuple[Problem, ...] = ()) -> str:
        """What is wrong, for a terminal; "" when nothing is."""
        said = [problems.report((one for one in self.problems if one not in without), self.data)]
        if self.report is not None and not self.report.ok:
            said.append(self.report.as_text())
        return "\n".join(one for one in said if one)

    def counted(self) -> str:
        """`2 errors, 1 warning, 1 failing test`; "" when all is well."""
        warnings = len(self.problems) - self.errors
        counts = ((self.errors, "error"), (warnings, "warning"), (self.failed, "failing test"))
        return ", ".join(f"{number} {word}{'s' * (number > 1)}" for number, word in counts if number)


def checked(
    data: bytes, name: Path, base: Path | None = None, *, today: date | None = None, model: str | None = None
) -> Checked:
    """name: what locations show. base: the folder that paths in the file start from; None: that of `name`.
    today, model: for the warnings that depend on them."""
    folder = base or name.parent
    file, found = check(data, str(name), base=folder, today=today, model=model)
    if file is None:
        return Checked(data, None, found, None)
    try:
        ruleset = compile_rules(file, data, copies_for(folder / name.name, anew=True).get)
    except BadFile as bad:  # something outside the file that it names
        return Checked(data, None, (*found, *bad.problems), None)
    found = (*found, *ruleset.warnings)
    if today is not None and today.month >= 11:
        found = (*found, *ending(file, ruleset.calendars, today.year + 1))
    return Checked(data, file, found, cases.run(ruleset))
