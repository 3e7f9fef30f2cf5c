"""`mailrouter explain`: why was this mail redirected?"""

import json
from datetime import datetime
from pathlib import Path

import click

from router.cli.asking import DNS, RESOLVER, decisions, generation, options
from router.rules.explain import explain


@click.command("explain")
@click.argument("path", metavar="FILE.eml")
@options
@DNS
@RESOLVER
@click.option("--json", "as_json", is_flag=True, help="The decision as `triage --json` writes it.")
def explain_command(
    path: str,
    rules: Path,
    models: Path,
    recipients: tuple[str, ...],
    sender: str | None,
    at: datetime | None,
    auth: str | None,
    client: str | None,
    dns: bool,
    resolvers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what was decided about one mail and, rule by rule, why.

    \b
    mailrouter explain mail.eml
    mailrouter explain --to bill@company.example --at 2026-03-06T19:40 --auth pass mail.eml
    """
    loaded = generation(rules, models)
    for decision in decisions(
        (path,),
        loaded,
        recipients=recipients,
        sender=sender,
        at=at,
        auth=auth,
        client=client,
        dns=dns,
        resolvers=resolvers,
        trace=True,
    ):
        if as_json:
            click.echo(json.dumps(decision.as_json(), ensure_ascii=False))
        else:
            click.echo(explain(decision, loaded.ruleset))
