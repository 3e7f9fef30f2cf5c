"""`mailrouter release`: send a held mail on to the queue it was meant for, past the filter."""

import contextlib
import re
import secrets
import smtplib
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import click

from router.cli.shared_options import KEY_FILE, RULES, STATE
from router.errors import BadInput
from router.journal import Entry
from router.release import MAX_BYTES, Released, prepare

_QUEUE_ID = re.compile(r"[0-9A-Za-z]{6,32}")
_TIMEOUT_S = 60.0
_MAX_HEADER = 1 << 20
DEFAULT_PORT = "127.0.0.1:10025"


@click.command("release")
@click.argument("what", metavar="FILE.eml|QUEUE-ID")
@RULES
@STATE
@KEY_FILE
@click.option(
    "--smtp",
    default=DEFAULT_PORT,
    show_default=True,
    metavar="HOST:PORT",
    help="A port of the mail server that no filter listens on, as acknowledgements use it.",
)
@click.option("--to", metavar="QUEUE", help="To this queue instead; the mail then need not say that it was held.")
@click.option("--mta", metavar="NAME", help="The filter's mail server in Received, to verify the signature by.")
@click.option(
    "--maildir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="With a QUEUE-ID: look for the mail in this Maildir of held mail, and send it.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent where, and send nothing.")
def release_command(
    what: str,
    rules: Path,
    state: Path | None,
    key_file: Path | None,
    smtp: str,
    to: str | None,
    mta: str | None,
    maildir: Path | None,
    dry_run: bool,
) -> None:
    """Send a held mail on to the queue that it was meant for, past the filter, so that no rule holds it again.

    Save it from the mailbox of held mail as a file ("-" is standard input); with the queue id of the mail server's
    log the journal says which mail that is. Where the rules name a key, the fields of the filter must be as it wrote
    them. Exit status 4 when the mail server did not take it.

    \b
    mailrouter release held.eml --dry-run
    mailrouter release held.eml
    mailrouter release 4C1D2F0A3B --maildir /var/mail/moderation
    """
    if what != "-" and not Path(what).exists() and _QUEUE_ID.fullmatch(what):
        found = _of_journal(what, rules, state, maildir)
        if found is None:
            return
        what = str(found)
    released = _prepared(what, rules, key_file, to, mta)
    host, port = _place(smtp)
    told = f"{what}: held ({released.held})" if released.held else f"{what}:"
    for line in (
        told,
        f"  to queue   {released.queue}, <{released.recipient}>",
        f"  sender     <{released.sender}>",
        f"  taken out  {', '.join(released.removed) or 'nothing'}",
        *(f"  note       {one}" for one in released.notes),
    ):
        click.echo(line)
    if dry_run:
        click.echo(f"Nothing was sent. Without --dry-run it goes to {host}:{port}.")
        return
    click.echo(f"released: {_sent(host, port, released)}")


def _prepared(what: str, rules: Path, key_file: Path | None, to: str | None, mta: str | None) -> Released:
    from router.generation import load_generation
    from router.header_signature import signer_of

    ruleset = load_generation(rules, None).ruleset
    signer = signer_of(ruleset, rules.parent, key_file)
    try:
        return prepare(
            _read(what),
            ruleset,
            datetime.now().astimezone(ruleset.zone),
            secrets.token_hex,
            to=to,
            signer=signer,
            mta=mta,
        )
    except BadInput as problem:
        raise BadInput(f"{what}: {problem}") from None


def _read(what: str) -> bytes:
    try:
        if what == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with open(what, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"it cannot be read: {error.strerror or error}") from None


def _place(smtp: str) -> tuple[str, int]:
    host, colon, port = smtp.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise BadInput(f'--smtp: expected HOST:PORT such as {DEFAULT_PORT}, not "{smtp}"')
    return host.strip("[]"), int(port)


# ------------------------------------------------------------------------------------------------------------- journal
def _of_journal(queue_id: str, rules: Path, state: Path | None, maildir: Path | None) -> Path | None:
    """The file of a held mail that the journal knows, when it is in the Maildir; else says where it is."""
    from router.cli.history import entries_of

    held = [one for one in entries_of(queue_id, rules, state) if one.event.get("hold")]
    if not held:
        click.echo(f"mailrouter: {queue_id} was not held; `mailrouter why {queue_id}` says what was done", err=True)
        raise click.exceptions.Exit(4)
    for one in held:
        found = _in_maildir(maildir, str(one.event.get("decision"))) if maildir is not None else None
        if found is not None:
            return found
    for one in held:
        click.echo("\n".join(_told(one, maildir)))
    return None


def _told(one: Entry, maildir: Path | None) -> list[str]:
    event = one.event
    moved = event.get("recipients") or {}
    came, went = moved.get("remove") or [], moved.get("add") or []
    lines = [
        f"{one.queue_id}  {one.at:%Y-%m-%d %H:%M:%S}  held: {'; '.join(event['hold'])}",
        f"  meant for the queue {event.get('queue')}" + (f", addressed to {', '.join(came)}" if came else ""),
    ]
    if event.get("verdict") == "hold":
        return [
            *lines,
            "  It is in the mail server's hold queue, and has passed the filter. To let it go:",
            "",
            f"    postsuper -H {one.queue_id}",
            "",
        ]
    where = f" It is not in {maildir}." if maildir is not None else ""
    return [
        *lines,
        f"  It went to {', '.join(went) or 'the queue of held mail'}.{where}",
        f"  Save it from there (its decision id is {event.get('decision')}; --maildir DIR looks for it), then:",
        "",
        "    mailrouter release FILE.eml",
        "",
    ]


def _in_maildir(maildir: Path, decision: str) -> Path | None:
    """The newest mail of a Maildir whose Decision field names this decision."""
    wanted = re.compile(
        rb"^[A-Za-z0-9-]{1,60}Decision:[ \t]*" + re.escape(decision.encode()) + rb"(?:[;\s]|$)", re.M | re.I
    )
    for path in sorted(_mails(maildir), key=lambda one: one.name, reverse=True):
        try:
            with path.open("rb") as file:
                beginning = file.read(_MAX_HEADER)
        except OSError:  # moved by a mail program meanwhile
            continue
        header = re.split(rb"\r?\n\r?\n", beginning, maxsplit=1)[0]
        if wanted.search(header):
            return path
    return None


def _mails(maildir: Path) -> Iterator[Path]:
    for name in ("new", "cur"):
        folder = maildir / name
        if folder.is_dir():
            yield from (one for one in folder.iterdir() if one.is_file())


# -------------------------------------------------------------------------------------------------------------- sending
def _sent(host: str, port: int, released: Released) -> str:
    """The mail server's words. Ends with status 4 when it did not take it, and says when nobody can know."""
    connection: smtplib.SMTP | None = None
    begun = False
    try:
        connection = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
        connection.ehlo_or_helo_if_needed()
        for command in _commands(connection, released):
            code, said = connection.docmd(command)
            if code not in (250, 251):
                _refused(f"{command.partition(':')[0]}: {_text(code, said)}")
        begun = True
        code, said = connection.data(released.data)
        if code != 250:
            _refused(_text(code, said))
        return _text(code, said)
    except smtplib.SMTPDataError as error:  # DATA was refused before the text
        _refused(_text(error.smtp_code, error.smtp_error))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        if begun:
            _refused(f"the connection was lost before its answer ({error}): look into its log before you try again")
        _refused(f"{host}:{port}: {error}; docs/operate.md says how to open that port")
    finally:
        if connection is not None:
            # Not by `with`: what it answers to QUIT changes nothing any more.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.docmd("QUIT")
            connection.close()


def _commands(connection: smtplib.SMTP, released: Released) -> tuple[str, str]:
    options = ["BODY=8BITMIME"] if released.eight_bit and connection.has_extn("8bitmime") else []
    if not (released.sender.isascii() and released.recipient.isascii()):
        options.append("SMTPUTF8")
        connection.command_encoding = "utf-8"
    return " ".join([f"MAIL FROM:<{released.sender}>", *options]), f"RCPT TO:<{released.recipient}>"


def _refused(why: str) -> NoReturn:
    click.echo(f"mailrouter: the mail server did not take it: {why}", err=True)
    raise click.exceptions.Exit(4)


def _text(code: int, words: "bytes | str") -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {text}".split())[:200]
