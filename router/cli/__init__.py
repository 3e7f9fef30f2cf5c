"""The command line: one file a command, loaded only when it is called, so that `--help` and `check` start at once.

Exit status: 0 fine, 1 warnings under --strict, 2 bad input or file, 3 tests failed, 4 the answer is no.
"""

import os
import sys
from importlib import import_module

import click

from router.errors import BadFile, BadInput

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Show the main job on sample mail, on this machine alone."),
    "serve": ("serve", "Run the filter beside Postfix or Sendmail."),
    "triage": ("triage", "Decide stored mail without an MTA."),
    "explain": ("explain", "Say for one mail what was decided, and why."),
    "check": ("check", "Look for mistakes in rules.yaml and run its tests."),
    "test": ("test", "Run the tests inside rules.yaml."),
    "schema": ("schema", "Print the JSON Schema of rules.yaml for editors."),
    "edit": ("edit", "Edit rules.yaml: checked and tested before it is put in place."),
    "rules": ("rules", "The last good rules files: history, diff, rollback."),
    "reload": ("reload", "Let a running filter take rules and model anew."),
    "status": ("reload", "Say how a running filter is, and by which rules it goes."),
    "history": ("history", "Decided mail: by sender, recipient, rule, tag, time."),
    "why": ("history", "Say why one mail was treated so, by its queue id."),
    "verify": ("verify", "Say whether the header fields in a mail are those that the filter has written."),
    "undo": ("history", "Say how to send a redirected or held mail back."),
    "release": ("release", "Send a held mail on to the queue it was meant for, past the filter."),
    "report": ("history", "What the filter did in a week, in figures."),
    "forget": ("history", "Erase what the stores know about an address."),
    "shadow": ("shadow", "What other rules or another model would have done with live mail."),
    "acknowledge": ("acknowledge", "Run the service that answers the writers, or preview an answer."),
    "acknowledgements": ("acknowledge", "List, pause, resume or forget acknowledgements."),
    "hours": ("hours", "Say what is believed about working hours, day by day, and why."),
    "backtest": ("backtest", "Decide a whole archive by old and new rules; show what differs."),
    "classify": ("classify", "Run the classifier alone on JSON lines."),
    "label": ("label", "Say what mails are, the most uncertain first; training learns from it."),
    "train": ("train", "Train a model from labelled mail."),
    "evaluate": ("evaluate", "Measure a model on labelled mail."),
    "models": ("models", "List the models."),
    "compare": ("models", "Say what changes from one model to another."),
    "promote": ("models", "Make a model the one in use."),
    "rollback": ("models", "Go back to the model before."),
    "doctor": ("doctor", "Say what is unsafe or missing in Postfix's or Sendmail's settings."),
    "probe": ("probe", "Send a built-in message through a running filter: the health check."),
}
"""Command -> (module in this folder, one line). The module holds a click command of the command's name."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"router.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from router.errors import closest

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = closest(args[0], COMMANDS)
            ctx.fail(f'no command "{args[0]}"' + (f'; did you mean "{near}"?' if near else ""))
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mailrouter", prog_name="mailrouter")
def mailrouter() -> None:
    """A mail filter for support desks: decides by rules.yaml and a trained classifier what a mail is, where it belongs,
    how urgent it is and what its writer may expect, and carries that out as a milter.

    \b
    mailrouter demo --once          see it work
    mailrouter check rules.yaml     after every edit
    mailrouter explain MAIL.eml     why was this mail redirected?
    """


def main() -> None:
    try:
        # Outside its standalone mode click does not raise Exit here: it returns the status.
        status = mailrouter(prog_name="mailrouter", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(2)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BadFile as bad:
        from router.rules.problems import report

        click.echo(report(bad.problems, _source(bad.problems[0].location.file)), err=True)
        sys.exit(2)
    except BadInput as bad:
        click.echo(f"mailrouter: {bad}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): no reason to complain, nor to complain again while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _source(file: str) -> bytes:
    """The file that the problems are about, to show its lines; nothing when it cannot be read."""
    try:
        with open(file, "rb") as data:
            return data.read(4 << 20)
    except OSError:
        return b""
