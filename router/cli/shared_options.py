"""Options that several commands have. Nothing is imported here but click, so that `check` and `edit` start at once."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import click


class Moment(click.ParamType[datetime]):
    """An ISO 8601 date and time; without an offset it is in the zone of rules.yaml (see `placed`)."""

    name = "ISO"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f'"{value}" is no date and time; write 2026-03-06T19:40 or 2026-03-06T19:40+02:00', param, ctx)


class Span(click.ParamType[timedelta]):
    """A span of time: `90d`, `12h`, `30min`, as in rules.yaml."""

    name = "SPAN"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,5})\s?(min|h|d|w)", str(value))
        if not found:
            self.fail(f'"{value}" is no span of time; write 90d, 12h or 30min', param, ctx)
        return int(found[1]) * {"min": timedelta(minutes=1), "h": _HOUR, "d": 24 * _HOUR, "w": 168 * _HOUR}[found[2]]


_HOUR = timedelta(hours=1)

RULES = click.option(
    "--rules", type=click.Path(path_type=Path), default="rules.yaml", show_default=True, help="The rules file."
)
MODELS = click.option(
    "--models", type=click.Path(path_type=Path), default="models", show_default=True, help="The folder of models."
)
STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the last good rules are kept. Default: $STATE_DIRECTORY, else .mailrouter beside the rules file.",
)
CONTROL = click.option(
    "--control",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The control socket. Default: control.sock in $RUNTIME_DIRECTORY, else in the state directory.",
)

KEY_FILE = click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The secret that filter and acknowledgement service share. Default: settings.key_file of the rules.",
)
