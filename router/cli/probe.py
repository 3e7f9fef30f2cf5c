"""`mailrouter probe`: is the filter alive and does it decide? For monitoring."""

import asyncio
import json

import click

from router.milter.simulator import ProbeFailed, probe


@click.command("probe")
@click.argument("spec", metavar="SPEC")
@click.option("--to", "recipient", required=True, metavar="ADDRESS", help="An address of one of the filter's queues.")
@click.option("--timeout", "timeout_s", type=float, default=10.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def probe_command(spec: str, recipient: str, timeout_s: float, as_json: bool) -> None:
    """Speak milter to a running filter with a built-in message. Exit status 4 when it is not well.

    \b
    mailrouter probe inet:8891@127.0.0.1 --to support@company.example
    mailrouter probe unix:/run/mailrouter/milter.sock --to support@company.example
    """
    try:
        outcome = asyncio.run(probe(spec, recipient, timeout_s=timeout_s))
    except ProbeFailed as failed:
        if as_json:
            click.echo(json.dumps({"ok": False, "why": str(failed)}))
        else:
            click.echo(f"{spec}: {failed}", err=True)
        raise click.exceptions.Exit(4) from None
    added = {name.decode(): body.decode() for name, body in outcome.added_fields}
    if as_json:
        click.echo(json.dumps({"ok": True, "reply": outcome.reply, "added": added}))
    else:
        click.echo(f"{spec}: {outcome.reply}; " + "; ".join(f"{name}: {body}" for name, body in added.items()))
