"""`mailrouter serve`: the filter."""

import asyncio
import json
import pwd
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from router import rule_files
from router.cli.asking import CONTROL, KEY_FILE, MODELS, RESOLVER, RULES, STATE, Moment, Span
from router.control import place
from router.lookups.client import Settings as LookUpSettings
from router.milter.listen import place as place_of
from router.recorder.client import Settings as RecorderSettings
from router.reload import Source
from router.service import METRICS_NAME, Service, Settings, activated_names
from router.workers.pool import Limits, Refused


@click.command("serve")
@RULES
@MODELS
@click.option(
    "--listen",
    multiple=True,
    metavar="SPEC",
    help="inet:8891@127.0.0.1, inet6:8891@[::1] or unix:/path; repeatable. Default inet:8891@127.0.0.1, or systemd's.",
)
@click.option("--socket-mode", default="0660", show_default=True, help="Mode of a unix socket, octal.")
@click.option("--socket-group", metavar="GROUP", help="Group of a unix socket (Postfix's).")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes that decide mail.")
@STATE
@CONTROL
@click.option("--rules-owner", metavar="USER", help="Who may own the rules file, besides root and this user.")
@click.option("--rules-group", metavar="GROUP", help="Who may write the rules file, besides its owner.")
@KEY_FILE
@click.option(
    "--model-key",
    "model_keys",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PUBLIC",
    help="Take only models signed by this key; repeatable. Default: settings.model_key of the rules.",
)
@click.option(
    "--dns/--no-dns",
    default=True,
    help="Check SPF, DKIM and DMARC where rules ask for proof and no border of ours has. Default: yes.",
)
@RESOLVER
@click.option(
    "--journal/--no-journal", default=True, help="Keep a record of each mail, and what left from here. Default: yes."
)
@click.option(
    "--retention",
    type=Span(),
    help="How long the journal keeps a mail: 90d. Default: settings.retention of the rules, else 90d.",
)
@click.option(
    "--metrics", metavar="SPEC", help="Answer GET /metrics (Prometheus) and /healthz here: inet:9891@127.0.0.1."
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "human"]),
    default="json",
    show_default=True,
    help="Of the log on stderr.",
)
@click.option("--no-tests", is_flag=True, help="Take the rules even if the tests inside them fail.")
@click.option("--at", type=Moment(), help="A fixed clock, for demonstrations.")
def serve_command(
    rules: Path,
    models: Path,
    listen: tuple[str, ...],
    socket_mode: str,
    socket_group: str | None,
    workers: int,
    state: Path | None,
    control: Path | None,
    rules_owner: str | None,
    rules_group: str | None,
    key_file: Path | None,
    model_keys: tuple[Path, ...],
    dns: bool,
    resolvers: tuple[str, ...],
    journal: bool,
    retention: timedelta | None,
    metrics: str | None,
    log_format: str,
    no_tests: bool,
    at: datetime | None,
) -> None:
    """Run the filter. SIGHUP or `mailrouter reload` reloads rules and model, SIGTERM serves what is open and stops.

    Rules that cannot be used are replaced by the last good ones, which are kept in the state directory.

    \b
    mailrouter serve --listen inet:8891@127.0.0.1
    mailrouter serve --listen unix:/var/spool/postfix/mailrouter/milter.sock --socket-group postfix
    """
    log = logger(log_format)
    try:
        mode = int(socket_mode, 8)
    except ValueError:
        raise click.BadParameter(f'"{socket_mode}" is no octal mode; write 0660', param_hint="--socket-mode") from None
    if not listen and not set(activated_names()) - {METRICS_NAME}:
        listen = ("inet:8891@127.0.0.1",)
    for spec in (*listen, *([metrics] if metrics else [])):
        place_of(spec)  # a mistake in it is told before anything is loaded
    state = rule_files.state_folder(rules, state)
    source = Source(
        rules=rules,
        models=models,
        at=at.astimezone() if at else None,
        run_tests=not no_tests,
        state=state,
        owner=user_id(rules_owner),
        group=rules_group,
        key_file=key_file,
        model_keys=model_keys,
    )
    settings = Settings(
        source=source,
        listen=listen,
        socket_mode=mode,
        socket_group=socket_group,
        control=place(control, state),
        look_ups=LookUpSettings(dns, resolvers),
        recorder=RecorderSettings(state if journal else None),
        metrics=metrics,
        retention_s=retention.total_seconds() if retention else None,
        limits=Limits(workers=workers),
    )
    try:
        asyncio.run(Service(settings, log).run())
    except Refused as refused:
        click.echo(str(refused), err=True)
        click.echo("mailrouter: not started: mend the rules above", err=True)
        raise click.exceptions.Exit(2) from None
    except OSError as error:
        click.echo(f"mailrouter: cannot listen: {error}", err=True)
        raise click.exceptions.Exit(2) from None


def user_id(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        if name.isdecimal():
            return int(name)
        raise click.BadParameter(f'there is no user "{name}"', param_hint="--rules-owner") from None


def logger(form: str = "json") -> Any:
    """A function `log(event, **values)` that writes one line to stderr: JSON, or words for a person (`human`)."""

    def log(event: str, **values: object) -> None:
        told = {name: value for name, value in values.items() if value or value == 0}
        told["event"] = event
        told["timestamp"] = datetime.now(UTC)
        line = json_line(told) if form == "json" else f"{human_line(told)}\n".encode("utf-8", "backslashreplace")
        # One write a line, so that lines of several processes do not mix. Below the text layer: it would take the bytes
        # apart and put them together again, for every mail.
        stream = sys.stderr.buffer
        stream.write(line)
        stream.flush()

    return log


def json_line(values: Mapping[str, Any]) -> bytes:
    """One line and its end, whatever the values hold: half a letter or a key that is no text costs more, not the
    line."""
    try:
        return orjson.dumps(values, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
    except TypeError:
        return json.dumps(values, default=_text).encode() + b"\n"


def _text(value: Any) -> str:
    """As orjson writes it: a moment by RFC 3339."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def human_line(values: MutableMapping[str, Any]) -> str:
    """`19:40:03  decided  queue_id=4C1 queue=support fired=[…]`: one line, whatever the values hold."""
    at, event = str(values.pop("timestamp", "")), str(values.pop("event", ""))
    told = " ".join(f"{name}={_shown(value)}" for name, value in values.items())
    return f"{at[11:19]}  {event:<14}  {told}".rstrip()


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_shown(one)}" for name, one in value.items() if one) + "}"
    if isinstance(value, list | tuple):
        return ",".join(_shown(one) for one in value)
    return str(value).replace("\r", " ").replace("\n", " | ")
