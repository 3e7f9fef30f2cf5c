"""`mailrouter acknowledge` and `mailrouter acknowledgements`: the service that answers, and what it has answered."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import decode_header, make_header
from pathlib import Path
from quopri import decodestring
from typing import TypeVar

import click

from router import rule_files
from router.acknowledge.keys import Keys, read_keys
from router.acknowledge.outgoing import Relay
from router.acknowledge.policy import Policy
from router.acknowledge.service import Acknowledger, AcknowledgeService, Log
from router.acknowledge.throttle import Instant, Throttle
from router.answering import NoAnswers, Preview, keys_of, policy_of, preview
from router.archive import Desk, Given, messages
from router.cli.asking import KEY_FILE, MODELS, RULES, STATE, Moment, fixed_auth, generation, placed
from router.errors import BadFile, BadInput, LookupFailed
from router.generation import load_generation
from router.milter.listen import Listener, inherited, opened, place

F = TypeVar("F", bound=Callable[..., object])

DATABASE_NAME = "acknowledgements.sqlite"
DEFAULT_LISTEN = "lmtp:inet:8892@127.0.0.1"

DATABASE = click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help=f"What was answered. Default: {DATABASE_NAME} in the state directory.",
)


@click.command("acknowledge")
@RULES
@MODELS
@click.option(
    "--listen",
    multiple=True,
    metavar="SPEC",
    help=f"lmtp:inet:8892@127.0.0.1 or unix:/path; repeatable. Default {DEFAULT_LISTEN}, or systemd's.",
)
@click.option("--socket-mode", default="0660", show_default=True, help="Mode of a unix socket, octal.")
@click.option("--socket-group", metavar="GROUP", help="Group of a unix socket (Postfix's).")
@click.option(
    "--smtp", default="127.0.0.1:25", show_default=True, metavar="HOST:PORT", help="Where acknowledgements are sent."
)
@click.option("--helo", default="localhost", show_default=True, help="The name to greet it with.")
@STATE
@DATABASE
@KEY_FILE
@click.option(
    "--preview",
    "mail",
    metavar="FILE.eml",
    help="Do not run: show what would be sent to the writer of this mail, or what stops it.",
)
@click.option("--to", "recipients", multiple=True, metavar="ADDRESS", help="With --preview: envelope recipient.")
@click.option("--from", "sender", metavar="ADDRESS", help="With --preview: envelope sender.")
@click.option("--at", type=Moment(), help="With --preview: when the mail was received.")
@click.option(
    "--auth",
    type=click.Choice(["pass", "fail", "none"]),
    help="With --preview: the author's proof.",
)
@click.option("--json", "as_json", is_flag=True, help="With --preview: one JSON object.")
def acknowledge_command(
    rules: Path,
    models: Path,
    listen: tuple[str, ...],
    socket_mode: str,
    socket_group: str | None,
    smtp: str,
    helo: str,
    state: Path | None,
    database: Path | None,
    key_file: Path | None,
    mail: str | None,
    recipients: tuple[str, ...],
    sender: str | None,
    at: datetime | None,
    auth: str | None,
    as_json: bool,
) -> None:
    """Send acknowledgements: takes intents from the mail server by LMTP, judges every gate again, sends at most once.

    SIGHUP takes new texts and limits from the rules, SIGTERM finishes what is under way and stops.

    \b
    mailrouter acknowledge --listen unix:/var/spool/postfix/mailrouter/ack.sock --socket-group postfix
    mailrouter acknowledge --listen lmtp:inet:8892@127.0.0.1 --smtp 127.0.0.1:10025
    mailrouter acknowledge --preview mail.eml --to bill@company.example --auth pass --at 2026-03-06T19:40
    """
    if mail is not None:
        _preview(mail, rules, models, recipients, sender, at, auth, as_json)
        return
    from router.cli.serve import logger

    log = logger()
    policy, keys = _policy_and_keys(rules, key_file)
    relay = _relay(smtp, helo)
    path = database or rule_files.state_folder(rules, state) / DATABASE_NAME
    try:
        mode = int(socket_mode, 8)
    except ValueError:
        raise click.BadParameter(f'"{socket_mode}" is no octal mode; write 0660', param_hint="--socket-mode") from None
    listeners = _listeners(listen, mode, socket_group)
    acknowledger = Acknowledger(policy, keys, lambda: Throttle(path, keys, clock), relay, clock, log)
    service = AcknowledgeService(acknowledger, log, helo)
    try:
        asyncio.run(_run(service, listeners, lambda: _policy_and_keys(rules, key_file)[0], log))
    finally:
        for one in listeners:
            one.close()


async def _run(service: AcknowledgeService, listeners: list[Listener], load: Callable[[], Policy], log: Log) -> None:
    from router.service import notify

    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def reload() -> None:
        try:
            policy = await loop.run_in_executor(None, load)
        except BadInput as problem:
            log("reload-refused", reason=str(problem))
            return
        await service.use(policy)
        log("loaded", rules=policy.rules[:12])

    def hang_up() -> None:
        task = loop.create_task(reload())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)

    def ready() -> None:
        log("ready", listen=[str(one.path or one.socket.getsockname()) for one in listeners])
        notify("READY=1")

    await service.run([one.socket for one in listeners], ready)


def clock() -> Instant:
    return Instant(datetime.now(UTC), time.monotonic())


def _policy_and_keys(rules: Path, key_file: Path | None) -> tuple[Policy, Keys]:
    loaded = load_generation(rules, None)
    policy = policy_of(loaded.ruleset)
    return policy, keys_of(loaded.ruleset, rules.parent, key_file)


def _relay(smtp: str, helo: str) -> Relay:
    host, colon, port = smtp.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise click.BadParameter(f'"{smtp}" is no HOST:PORT; write 127.0.0.1:10025', param_hint="--smtp")
    return Relay(host.strip("[]"), int(port), helo)


def _listeners(listen: tuple[str, ...], mode: int, group: str | None) -> list[Listener]:
    from router.service import activated_sockets

    found = [inherited(one) for _, one in activated_sockets()]
    specs = listen or (() if found else (DEFAULT_LISTEN,))
    try:
        for spec in specs:
            found += opened(place(spec.removeprefix("lmtp:")), mode=mode, group=group)
    except OSError as error:
        raise BadInput(f"cannot listen: {error}") from None
    return found


# ------------------------------------------------------------------------------------------------------------ preview
def _preview(
    path: str,
    rules: Path,
    models: Path,
    recipients: tuple[str, ...],
    sender: str | None,
    at: datetime | None,
    auth: str | None,
    as_json: bool,
) -> None:
    loaded = generation(rules, models)
    site = loaded.ruleset.site
    desk = Desk(site.queue_of, next(iter(site.queue_addresses)), site.stripped)
    given = Given(sender, recipients, placed(at, loaded), None)
    for found in messages((path,), given, desk, datetime.now(UTC).astimezone()):
        decision = loaded.decide(found.raw, authenticate=fixed_auth(auth))
        seen = preview(loaded.ruleset, decision, found.raw, found.raw.received_at)
        click.echo(json.dumps(_as_json(seen), ensure_ascii=False) if as_json else _for_a_person(seen, found.raw.source))


def _as_json(seen: Preview) -> dict[str, object]:
    message = seen.message
    return {
        "send": not seen.refused and message is not None,
        "refused": dict(seen.refused),
        "to": message.to if message else None,
        "snippets": list(message.snippets) if message else [],
        "left_out": dict(message.left_out) if message else {},
        "message": message.data.decode("ascii") if message else None,
    }


def _for_a_person(seen: Preview, source: str) -> str:
    lines = []
    if seen.refused:
        lines.append(f"{source}: no acknowledgement:")
        lines += [f"  {gate}: {evidence}" for gate, evidence in seen.refused.items()]
    if seen.message is None:
        return "\n".join(lines)
    lines.append("Otherwise it would be:" if seen.refused else f"{source}: this would be sent, once:")
    lines += [f"  not said: {name} ({why})" for name, why in seen.message.left_out]
    head, _, body = seen.message.data.partition(b"\r\n\r\n")
    lines += ["", "MAIL FROM:<>", f"RCPT TO:<{seen.message.to}> NOTIFY=NEVER", ""]
    for line in head.decode("ascii").replace("\r\n ", " ").split("\r\n"):
        lines.append(str(make_header(decode_header(line))) if "=?" in line else line)
    lines += ["", decodestring(body).decode("utf-8").replace("\r\n", "\n").rstrip()]
    return "\n".join(lines)


# --------------------------------------------------------------------------------------------------- acknowledgements
@click.group("acknowledgements")
def acknowledgements_command() -> None:
    """See and steer what the acknowledgement service does: list, pause, resume, forget.

    \b
    mailrouter acknowledgements list
    mailrouter acknowledgements pause "new texts are being written"
    mailrouter acknowledgements forget olena@customer.example
    """


def _of_store(command: F) -> F:
    for option in (KEY_FILE, DATABASE, STATE, RULES):
        command = option(command)
    return command


def open_database(
    rules: Path, state: Path | None, database: Path | None, key_file: Path | None, *, make: bool = False
) -> Throttle:
    """The store, for a person. Raises BadInput."""
    path = database or rule_files.state_folder(rules, state) / DATABASE_NAME
    if not make and not path.exists():
        raise BadInput(f"{path}: nothing was acknowledged yet; --database PATH names another place")
    if key_file:
        keys = read_keys(key_file)
    else:
        try:
            keys = keys_of(load_generation(rules, None).ruleset, rules.parent)
        except BadFile as bad:
            raise BadInput(f"{rules} cannot be used, so the key must be named: --key-file PATH ({bad})") from None
        except NoAnswers as problem:
            raise BadInput(f"{problem}; name the key: --key-file PATH") from None
    try:
        return Throttle(path, keys, clock, service=False, by_hand=True)
    except LookupFailed as problem:
        raise BadInput(str(problem)) from None


@acknowledgements_command.command("list")
@_of_store
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--prometheus", is_flag=True, help="The counts as Prometheus reads them, for a textfile collector.")
def list_command(
    rules: Path,
    state: Path | None,
    database: Path | None,
    key_file: Path | None,
    limit: int,
    as_json: bool,
    prometheus: bool,
) -> None:
    """The last acknowledgements and refusals, newest first, without addresses.

    \b
    mailrouter acknowledgements list --limit 20
    mailrouter acknowledgements list --prometheus > mailrouter.prom
    """
    store = open_database(rules, state, database, key_file)
    mute, counts, rows = store.muted(), store.counts(), store.listed(limit)
    store.close()
    if prometheus:
        from router.monitoring.exposition import of_acknowledgements

        click.echo(of_acknowledgements(counts, muted=bool(mute)).decode(), nl=False)
        return
    if as_json:
        muted = {"reason": mute.reason, "until": mute.until.isoformat() if mute.until else None} if mute else None
        listed = [
            {"key": row.key, "at": row.at, "state": str(row.state), "gate": row.gate, "decision": row.decision}
            for row in rows
        ]
        click.echo(json.dumps({"muted": muted, "counts": counts, "acknowledgements": listed}, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row.at}  {row.state:<10}  {row.gate:<12}  {row.decision}")
    click.echo(", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "nothing yet", err=True)
    if mute:
        until = f"until {mute.until:%Y-%m-%d %H:%M} UTC" if mute.until else "until `mailrouter acknowledgements resume`"
        click.echo(f"muted: {mute.reason}, {until}", err=True)


@acknowledgements_command.command("pause")
@click.argument("reason", default="paused by hand")
@_of_store
def pause_command(reason: str, rules: Path, state: Path | None, database: Path | None, key_file: Path | None) -> None:
    """Send none until `resume`. Mail itself is not touched, and what is refused meanwhile is not sent later.

    \b
    mailrouter acknowledgements pause "texts are being rewritten"
    """
    store = open_database(rules, state, database, key_file, make=True)
    store.pause(reason)
    store.close()
    click.echo("paused", err=True)


@acknowledgements_command.command("resume")
@_of_store
def resume_command(rules: Path, state: Path | None, database: Path | None, key_file: Path | None) -> None:
    """End a pause, or the silence after a flood, a damaged or a new database. Makes the database if there is none.

    \b
    mailrouter acknowledgements resume
    """
    store = open_database(rules, state, database, key_file, make=True)
    store.resume()
    store.close()
    click.echo("acknowledgements are sent", err=True)


@acknowledgements_command.command("forget")
@click.argument("address")
@_of_store
def forget_command(address: str, rules: Path, state: Path | None, database: Path | None, key_file: Path | None) -> None:
    """Erase what the store knows about one address.

    \b
    mailrouter acknowledgements forget olena@customer.example
    """
    store = open_database(rules, state, database, key_file)
    number = store.forget(address)
    store.close()
    click.echo(f"{number} acknowledgements forgotten", err=True)
