"""What `triage` and `explain` share: the options that say how a stored mail came in, and the way to a Decision."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from router.archive import Desk, Given, messages
from router.cli.shared_options import CONTROL, KEY_FILE, MODELS, RULES, STATE, Moment, Span
from router.decision import Decision
from router.errors import BadInput
from router.facts import Site
from router.generation import Authenticate, Generation, load_generation
from router.identity.authentication import Authentication
from router.identity.author import Author
from router.identity.lookup import server
from router.lookups.here import looking_up
from router.lookups.plan import plan_of
from router.message.message import Degraded, Message
from router.vocabulary import AuthState

__all__ = [
    "CONTROL",
    "DNS",
    "KEY_FILE",
    "MODELS",
    "RESOLVER",
    "RULES",
    "STATE",
    "Moment",
    "Span",
    "decisions",
    "fixed_auth",
    "generation",
    "options",
    "placed",
]

F = TypeVar("F", bound=Callable[..., object])


class Resolver(click.ParamType[str]):
    """The address of a DNS resolver, with a port if it is another than 53."""

    name = "ADDRESS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            server(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


RESOLVER = click.option(
    "--resolver",
    "resolvers",
    multiple=True,
    type=Resolver(),
    metavar="ADDRESS",
    help="Ask this DNS resolver, 127.0.0.1 or 127.0.0.1:5300; repeatable. Default: those of /etc/resolv.conf.",
)
DNS = click.option(
    "--dns",
    is_flag=True,
    help="Check SPF, DKIM and DMARC where no border of ours has, and ask lists by SQL, URL or function.",
)


def options(command: F) -> F:
    """The options of every command that decides stored mail."""
    for option in reversed(
        (
            RULES,
            MODELS,
            click.option(
                "--to", "recipients", multiple=True, metavar="ADDRESS", help="Envelope recipient; repeatable."
            ),
            click.option("--from", "sender", metavar="ADDRESS", help='Envelope sender; "" is the null sender.'),
            click.option("--at", type=Moment(), help="When the mail was received. Default: what its header says."),
            click.option(
                "--auth", type=click.Choice(["pass", "fail", "none"]), help="Take the author's proof as this."
            ),
            click.option("--client", metavar="IP", help="The address the mail came from."),
        )
    ):
        command = option(command)
    return command


def generation(rules: Path, models: Path) -> Generation:
    """Rules and model from disk; a model that is not there is no error."""
    return load_generation(rules, models)


def placed(at: datetime | None, loaded: Generation) -> datetime | None:
    """`at` with an offset: a bare time is meant in the desk's own zone."""
    from zoneinfo import ZoneInfo

    if at is None or at.tzinfo is not None:
        return at
    return at.replace(tzinfo=ZoneInfo(loaded.ruleset.settings.timezone))


def fixed_auth(state: str | None) -> Authenticate | None:
    if state is None:
        return None

    def authenticate(_message: Message, author: Author, _site: Site) -> Authentication:
        if author.address is None and state == "pass":
            return Authentication(AuthState.AMBIGUOUS, why=author.ambiguous or "no author")
        return Authentication(AuthState(state), why="--auth")

    return authenticate


def decisions(
    paths: tuple[str, ...],
    loaded: Generation,
    *,
    recipients: tuple[str, ...],
    sender: str | None,
    at: datetime | None,
    auth: str | None,
    client: str | None,
    trace: bool,
    dns: bool = False,
    resolvers: tuple[str, ...] = (),
) -> Iterator[Decision]:
    """One decision a mail, in input order, with what had to be guessed named as degraded. dns: ask whatever has to be
    waited for, as the filter does."""
    site = loaded.ruleset.site
    first = next(iter(site.queue_addresses), None)
    if first is None:
        raise BadInput("the rules file has no queue")
    desk = Desk(site.queue_of, first, site.stripped)
    given = Given(sender, recipients, placed(at, loaded), client)
    authenticate = fixed_auth(auth)
    with ExitStack() as open_until_the_end:
        look_up = None
        if dns:
            plan = plan_of(loaded.ruleset, loaded.ruleset.file.base or Path())
            look_up = open_until_the_end.enter_context(looking_up(plan, resolvers))
        for found in messages(paths, given, desk, datetime.now(UTC).astimezone()):
            looked_up = look_up(found.raw) if look_up and site.in_scope(found.raw.envelope.recipients) else None
            decision = loaded.decide(found.raw, authenticate=authenticate, looked_up=looked_up, trace=trace)
            yield replace(decision, degraded=decision.degraded + _new(found.guesses, decision))


def _new(guesses: tuple[Degraded, ...], decision: Decision) -> tuple[Degraded, ...]:
    return tuple(one for one in guesses if one not in decision.degraded)
