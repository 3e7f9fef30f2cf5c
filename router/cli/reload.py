"""`mailrouter reload` and `mailrouter status`: speak to a running filter by its control socket."""

import json
from pathlib import Path
from typing import Any

import click

from router.cli.shared_options import CONTROL, RULES, STATE
from router.control import ask, found
from router.rule_files import state_folder


def asked(command: str, rules: Path, state: Path | None, control: Path | None) -> dict[str, Any]:
    """The running filter's answer. Exit status 4 when none runs."""
    from router.errors import BadInput

    try:
        return ask(found(control, state_folder(rules, state)), command)
    except BadInput as error:
        click.echo(f"mailrouter: {error}", err=True)
        raise click.exceptions.Exit(4) from None


@click.command("reload")
@RULES
@STATE
@CONTROL
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def reload_command(rules: Path, state: Path | None, control: Path | None, as_json: bool) -> None:
    """Let the running filter take rules and model anew. Exit status 2 when they cannot be used: then it goes on by the
    old ones, and what is wrong is printed; 4 when no filter runs.

    \b
    mailrouter reload
    """
    reload_now(rules, state, control, as_json)


def reload_now(rules: Path, state: Path | None, control: Path | None, as_json: bool = False) -> None:
    """Ask and tell; raises Exit as the command does."""
    answer = asked("reload", rules, state, control)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif answer["ok"]:
        for one in answer["problems"]:
            click.echo(
                f"{one['file']}:{one['line']}:{one['column']}: warning {one['code']}: {one['message']}", err=True
            )
        if answer["model"]["id"] and answer["model"]["refused"]:
            click.echo(f"warning: the promoted model is refused: {answer['model']['refused']}", err=True)
        if (shadow := answer.get("shadow")) and shadow["state"] == "refused":
            click.echo(f"warning: no shadow: {shadow['why']}", err=True)
        click.echo(f"reloaded: {in_use(answer)}")
    else:
        click.echo(answer.get("reason", "refused"), err=True)
        if "rules" in answer:
            click.echo(f"mailrouter: refused; the filter goes on by {in_use(answer)}", err=True)
    if not answer["ok"]:
        raise click.exceptions.Exit(2)


@click.command("status")
@RULES
@STATE
@CONTROL
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def status_command(rules: Path, state: Path | None, control: Path | None, as_json: bool) -> None:
    """Say how the running filter is: its rules and model, the last reload, its workers and counters. Exit status 4 when
    no filter runs, or when it goes by older rules because the file could not be used.

    \b
    mailrouter status
    mailrouter status --json | jq .counters
    """
    answer = asked("status", rules, state, control)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        click.echo("\n".join(described(answer)))
    last = answer.get("last_reload") or {"ok": True}
    if not answer["ok"] or not last["ok"]:
        raise click.exceptions.Exit(4)


def in_use(answer: dict[str, Any]) -> str:
    rules, model = answer["rules"], answer["model"]
    name = f' "{rules["name"]}"' if rules["name"] else ""
    return f"rules {rules['sha256'][:12]}{name}, " + (f"model {model['id']}" if model["id"] else "no model")


def described(answer: dict[str, Any]) -> list[str]:
    """The status for a person, a line each."""
    rules, workers, last = answer["rules"], answer["workers"], answer["last_reload"]
    lines = [
        f"running    since {answer['started_at']} ({_long(answer['uptime_s'])}), pid {answer['pid']}"
        + (", ends as soon as what is open is served" if answer["draining"] else ""),
        f"rules      {rules['sha256'][:12]} of {rules['loaded_at']}, generation {answer['generation']}"
        + (f': "{rules["name"]}"' if rules["name"] else ""),
        f"           {rules['file']}: " + _on_disk(rules),
        f"model      {_model(answer['model'])}",
        f"workers    {workers['running']} of {workers['wanted']}, {workers['idle']} idle; "
        f"{workers['mails_waiting']} mails wait",
        f"listens    {', '.join(answer['listen']) or 'nowhere'}; {answer['connections']} connections",
    ]
    if answer["native"]["refused"]:
        lines.append(f"native     not in use, a mail costs half as much again: {answer['native']['refused']}")
    for offer in answer["mta"]:
        lines.append(f"mta        milter {offer['version']}: {', '.join(offer['edits'])}{', SKIP' * offer['skip']}")
        if offer["lacking"]:
            lines.append(
                f"           IT DOES NOT OFFER {', '.join(offer['lacking'])}: what needs that is not carried out"
            )
    if answer["mails"]:
        told = ", ".join(f"{one['count']} {one['queue']}{_unusual(one['verdict'])}" for one in answer["mails"])
        lines.append(f"mails      {told}")
    if answer["degraded"]:
        lines.append("degraded   " + ", ".join(f"{count} {reason}" for reason, count in answer["degraded"].items()))
    lines += _shadow(answer["shadow"])
    recorder = answer["recorder"]
    lines.append("journal    " + _recorder(recorder))
    if last is not None:
        lines.append(f"reload     {last['at']}: {'went well' if last['ok'] else 'REFUSED'}")
        lines += [f"           {line}" for line in last.get("reason", "").splitlines()]
    if answer["counters"]:
        width = max(map(len, answer["counters"]))
        lines.append("counters   " + "\n           ".join(f"{n:{width}} {c:>9}" for n, c in answer["counters"].items()))
    return lines


def _model(model: dict[str, Any]) -> str:
    if model["id"] is None:
        return f"none: by rules alone ({model['refused']})"
    refused = f", THE ONE BEFORE: the promoted one is refused: {model['refused']}" if model["refused"] else ""
    return f"{model['id']}{refused}"


def _shadow(shadow: dict[str, Any] | None) -> list[str]:
    if shadow is None:
        return []
    counts = ", ".join(f"{shadow[one]} {one}" for one in ("same", "differs", "skipped", "failed"))
    said = f"shadow     {shadow['named']}: {shadow['state']}; {counts}"
    return [said, *(f"           {line}" for line in (shadow["why"] or "").splitlines())]


def _unusual(verdict: str) -> str:
    return "" if verdict == "accept" else f" ({verdict})"


def _recorder(recorder: dict[str, Any]) -> str:
    if recorder["state"] is None:
        return "none is kept"
    if recorder["pid"] is None:
        return f"in {recorder['state']}; ITS RECORDER IS DOWN and is started again"
    return f"in {recorder['state']}; {recorder['waiting']} records wait"


def _on_disk(rules: dict[str, Any]) -> str:
    if rules["last_good"]:
        return "could not be used at the start; THE LAST GOOD FILE IS IN USE"
    return "as loaded" if rules["current"] else "was changed since; `mailrouter reload` takes it"


def _long(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{days} d {rest // 3600} h" if days else f"{rest // 3600} h {rest % 3600 // 60} min"
