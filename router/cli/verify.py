"""`mailrouter verify`: are the header fields in this mail those that our filter has written?"""

import sys
from pathlib import Path

import click

from router.errors import BadInput


@click.command("verify")
@click.argument("path", metavar="FILE.eml")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    required=True,
    help="The secret that signs: settings.key_file of the filter's rules.",
)
@click.option("--queue-id", metavar="ID", help="The filter's mail server's id of this mail. Default: see --mta.")
@click.option(
    "--mta",
    metavar="NAME",
    help="The filter's mail server: the id is in the topmost Received `by` this name. Default: in the topmost.",
)
@click.option("--prefix", metavar="X-NAME-", help="Of the fields. Default: of the only …-Sig field there is.")
def verify_command(path: str, key_file: Path, queue_id: str | None, mta: str | None, prefix: str | None) -> None:
    """Hold the signature of our header fields against a mail as the helpdesk got it. "-" is standard input.

    Exit status 4 when it does not hold; each field that differs is named.

    \b
    mailrouter verify mail.eml --key-file /etc/mailrouter/key
    mailrouter verify mail.eml --key-file /etc/mailrouter/key --mta mx.company.example
    """
    from router.acknowledge.keys import read_secret
    from router.header_signature import Signer, queue_id_of
    from router.message.eml import all_fields
    from router.message.headers import HeaderFields

    signer = Signer.of(read_secret(key_file))
    fields = HeaderFields(all_fields(_read(path)))
    known = queue_id if queue_id is not None else queue_id_of(fields, mta)
    verdict = signer.verify(fields, prefix, known)
    if not verdict.problems:
        click.echo(f"{path}: holds: {verdict.fields} fields, key {signer.key_id}, queue id {known or '(none)'}")
        return
    for problem in verdict.problems:
        click.echo(f"{path}: {problem}")
    raise click.exceptions.Exit(4)


def _read(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from None
