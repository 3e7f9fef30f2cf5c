"""`mailrouter demo`: the main job on one machine, without root and without a mail server."""

import asyncio
import os
import secrets
import smtplib
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header, make_header
from pathlib import Path

import click

from router.acknowledge.keys import read_keys
from router.acknowledge.throttle import Throttle
from router.answering import NoAnswers, answering_of
from router.archive import Desk, Given, found
from router.cli.acknowledge import clock
from router.cli.asking import MODELS, RULES, Moment, generation, placed
from router.cli.embedded import DEMO_LOGIN, EmbeddedMta, Passed
from router.errors import BadInput
from router.generation import Generation
from router.message.addresses import addresses_in
from router.message.headers import HeaderFields

READY_WITHIN_S = 90.0
LEARNED_WITHIN_S = 1.5


@click.command("demo")
@RULES
@MODELS
@click.option("--once", is_flag=True, help="Send the sample mails, print what became of them, and exit.")
@click.option("--at", type=Moment(), help="The clock of the demonstration. Default: now.")
@click.option(
    "--mail",
    type=click.Path(path_type=Path),
    help="The sample mails: a folder of .eml. Default: docs/samples beside the rules.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="SMTP port on loopback. Default: any free one.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the Maildirs are made. Default: a new folder.",
)
def demo_command(
    rules: Path, models: Path, once: bool, at: datetime | None, mail: Path | None, port: int, into: Path | None
) -> None:
    """Show the main job: a mail server on loopback hands sample mails to the filter exactly as Postfix does and
    delivers them to Maildirs. One line a mail: where it went, how urgent it is, what its writer may expect, and why.

    \b
    mailrouter demo --once --at 2026-03-06T19:40
    mailrouter demo --port 2525          then send it mail of your own
    """
    loaded = generation(rules, models)
    samples = sorted((mail or rules.parent / "docs" / "samples").glob("*.eml"))
    if not samples:
        raise BadInput(f"{mail or rules.parent / 'docs' / 'samples'}: no sample mail there; name a folder with --mail")
    folder = into or Path(tempfile.mkdtemp(prefix="mailrouter-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    clock = placed(at, loaded)
    demo = _Demo(rules, models, loaded, samples, folder, clock, port)
    with suppress(KeyboardInterrupt):
        asyncio.run(demo.run(once))
    if demo.failed:
        raise click.exceptions.Exit(4)


@dataclass
class _Demo:
    rules: Path
    models: Path
    loaded: Generation
    samples: list[Path]
    folder: Path
    clock: datetime | None
    port: int
    failed: bool = False

    async def run(self, once: bool) -> None:
        spec = f"unix:{self.folder / 'milter.sock'}"
        key, intents = self._key()
        filter_ = await self._start_filter(spec, key)
        authserv = min(self.loaded.ruleset.site.trusted_authserv, default=None)
        self.passed: list[Passed] = []
        mta = EmbeddedMta(spec, self.folder, authserv, self._tell, intents)
        await mta.start(self.port)
        service = await self._start_service(key, intents[1], mta.submission_port) if intents else None
        try:
            when = self.clock or datetime.now().astimezone()
            click.echo(f"{self.loaded.ruleset.file.name or self.rules}: it is {when:%A %Y-%m-%d %H:%M}\n")
            for number, sample in enumerate(self.samples, 1):
                click.echo(f"{number:2}. {sample.stem}")
                await asyncio.to_thread(self._send, sample, mta.smtp_port)
                if self.passed and self._people(self.passed[-1]) and not self.passed[-1].outcome.added_fields:
                    await asyncio.sleep(LEARNED_WITHIN_S)  # customers do not answer the desk within a second
            self._finish(mta, once)
            if not once:
                await asyncio.Event().wait()
        finally:
            await mta.stop()
            for process in (filter_, service):
                if process is not None:
                    process.terminate()
                    await process.wait()

    def _key(self) -> tuple[Path, tuple[str, Path] | None]:
        """A key of this demonstration's own, and where intents go: (domain, socket), if the rules have answers."""
        key = self.folder / "key"
        key.write_text(secrets.token_hex(32))
        key.chmod(0o600)
        try:
            answering = answering_of(self.loaded.ruleset, self.rules.parent, key)
        except NoAnswers:
            return key, None
        return key, (answering.domain, self.folder / "acknowledge.sock")

    async def _start_service(self, key: Path, socket: Path, submission_port: int) -> asyncio.subprocess.Process:
        database = self.folder / "acknowledgements.sqlite"
        # A new store is silent for a day; asked for by hand, it is not.
        Throttle(database, read_keys(key), clock, service=False, by_hand=True).close()
        command = [sys.executable, "-m", "router.cli", "acknowledge", "--rules", str(self.rules)]
        command += ["--listen", f"lmtp:unix:{socket}", "--smtp", f"127.0.0.1:{submission_port}"]
        command += ["--key-file", str(key), "--database", str(database)]
        return await self._started(command, self.folder / "acknowledge.log", "acknowledgement service")

    async def _start_filter(self, spec: str, key: Path) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "router.cli", "serve", "--listen", spec, "--no-dns"]
        command += ["--rules", str(self.rules), "--models", str(self.models), "--key-file", str(key)]
        # Who may own the rules file matters for a real filter, not for one that delivers into its own folder.
        command += ["--state", str(self.folder / "state"), "--rules-owner", str(self.rules.stat().st_uid)]
        command += ["--at", self.clock.isoformat()] if self.clock else []
        return await self._started(command, self.folder / "filter.log", "filter")

    async def _started(self, command: list[str], log: Path, what: str) -> asyncio.subprocess.Process:
        """The process, when it says that it is ready. Raises BadInput with its log when it does not."""
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(*command, stderr=stderr, env=dict(os.environ))
        for _ in range(int(READY_WITHIN_S * 10)):
            if b'"ready"' in log.read_bytes():
                return process
            if process.returncode is not None:
                raise BadInput(f"the {what} did not start:\n{log.read_text(errors='replace')}")
            await asyncio.sleep(0.1)
        process.kill()
        raise BadInput(f"the {what} did not start within {READY_WITHIN_S:.0f} s; its log is {log}")

    def _send(self, sample: Path, port: int) -> None:
        """As a customer's mail server would: envelope from the message, CRLF lines, one session a mail."""
        data = sample.read_bytes()
        site = self.loaded.ruleset.site
        desk = Desk(site.queue_of, next(iter(site.queue_addresses)), site.stripped)
        raw = found(data, str(sample), Given(), desk, datetime.now().astimezone()).raw
        sender = raw.envelope.sender.strip(b"<>").decode()
        recipients = [one.strip(b"<>").decode() for one in raw.envelope.recipients]
        fields = HeaderFields(raw.fields)
        if DEMO_LOGIN.decode() in fields:  # the desk's own mail goes out
            recipients = list(addresses_in(fields.first("To")))
        try:
            with smtplib.SMTP("127.0.0.1", port, local_hostname="customer.example") as client:
                client.sendmail(sender, recipients, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        except smtplib.SMTPException as error:
            self.failed = True
            click.echo(f"    not delivered: {error}")

    def _tell(self, passed: Passed) -> None:
        self.passed.append(passed)
        prefix = self.loaded.ruleset.site.header_prefix
        fields: dict[str, str] = {}
        for name, body in passed.outcome.added_fields:
            key = name.decode("ascii", "replace").removeprefix(prefix)
            text = str(make_header(decode_header(body.decode("ascii", "replace"))))
            fields[key] = f"{fields[key]}; {text}" if key in fields else text
        went = ", ".join(self._people(passed))
        came = ", ".join(passed.recipients)
        click.echo(f"    {came} → {went}" if came != went else f"    {came}")
        if not fields:
            click.echo(
                "        the desk answers a customer: not touched; its Message-ID, ticket, recipient are known now"
            )
        shown = [fields[key] for key in ("Queue",) if key in fields] + [
            f"{key.lower()} {fields[key]}"
            for key in ("Priority", "Topic", "Thread", "Hold", "Expect", "Tags", "Missing", "Reply", "Note", "Degraded")
            if key in fields and fields[key] not in ("new",)
        ]
        for line in shown[1:]:
            click.echo(f"        {line}")

    def _people(self, passed: Passed) -> list[str]:
        """The recipients that are mailboxes: without the intent."""
        reply = self.loaded.ruleset.settings.reply
        domain = f"@{reply.intent_domain}" if reply and reply.intent_domain else "@"
        recipients = [one.strip(b"<>").decode() for one in passed.outcome.recipients]
        return [one for one in recipients if not one.endswith(domain)]

    def _finish(self, mta: EmbeddedMta, once: bool) -> None:
        port = mta.smtp_port
        moved = sum(set(passed.recipients) != set(self._people(passed)) for passed in self.passed)
        click.echo(f"\n{len(self.passed)} of {len(self.samples)} mails delivered, {moved} of them to another desk.")
        if len(self.passed) < len(self.samples) or not moved:
            self.failed = True
        if mta.acknowledged:
            first = self.folder / mta.acknowledged[0] / "new"
            click.echo(f"{len(mta.acknowledged)} writers got an acknowledgement, the first one in {first}")
        click.echo(f"Maildirs: {self.folder}")
        click.echo("Why was one redirected?  mailrouter explain " + str(self.samples[0]))
        if not once:
            click.echo(f"Send mail of your own to 127.0.0.1 port {port}; Ctrl-C ends.")
