"""`mailrouter schema`: what editors need to complete and check rules.yaml."""

import json

import click

from router.rules.grammar import json_schema


@click.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of rules.yaml, for yaml-language-server and the like.

    \b
    mailrouter schema > rules.schema.json
    """
    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=1))
