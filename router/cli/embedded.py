"""A small mail server for the demo: SMTP in, the filter by milter as Postfix does it, LMTP out to Maildirs.

Intents go to the acknowledgement service by LMTP, and what it answers comes in by a second SMTP port, which asks no
filter, as a real server is set up.

It listens on loopback only and keeps everything in one folder. It asks no DNS, so it takes the author's proof from the
field `X-Demo-Auth` of the sample (`pass` when there is none) and writes it down as a border server would, in an
`Authentication-Results` field with an authserv-id that rules.yaml trusts. A sample with `X-Demo-Login` is handed in by
a client who logged in under that name, as the desk's own helpdesk does.
"""

import asyncio
import mailbox
import smtplib
from collections.abc import Callable
from pathlib import Path

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as SmtpEnvelope
from aiosmtpd.smtp import Session as SmtpSession

from router.frozen import dataclass
from router.milter.simulator import Caller, FilterFailed, Mta, Outcome, Transaction

DEMO_AUTH = b"x-demo-auth"
DEMO_LOGIN = b"x-demo-login"
MAX_MESSAGE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Passed:
    """One mail that went through: what was sent, and what the filter made of it."""

    sender: str
    recipients: tuple[str, ...]
    outcome: Outcome


class EmbeddedMta:
    """Speaks SMTP on `port`, asks the filter at `spec`, delivers to `folder/<address>/`.

    intents: (domain, path of the socket) of the acknowledgement service. submission_port: takes acknowledgements.
    """

    def __init__(
        self,
        spec: str,
        folder: Path,
        authserv: str | None,
        tell: Callable[[Passed], None],
        intents: tuple[str, Path] | None = None,
    ) -> None:
        self.spec = spec
        self.folder = folder
        self.authserv = authserv
        self.tell = tell
        self.intents = intents
        self.acknowledged: list[str] = []
        """Whom an acknowledgement was delivered to, in order."""
        self.smtp_port = 0
        self.submission_port = 0
        self._lmtp_port = 0
        self._servers: list[asyncio.Server] = []
        self._count = 0

    async def start(self, port: int = 0) -> None:
        loop = asyncio.get_running_loop()
        lmtp = await loop.create_server(
            lambda: LMTP(_Maildirs(self.folder), data_size_limit=MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, loop=loop),
            "127.0.0.1",
            0,
        )
        smtp = await loop.create_server(
            lambda: SMTP(self, data_size_limit=MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port
        )
        submission = await loop.create_server(
            lambda: SMTP(_Maildirs(self.folder, self.acknowledged.append), enable_SMTPUTF8=True, loop=loop),
            "127.0.0.1",
            0,
        )
        self._servers = [smtp, lmtp, submission]
        self.submission_port = submission.sockets[0].getsockname()[1]
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        self._lmtp_port = lmtp.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def handle_DATA(self, _server: SMTP, session: SmtpSession, envelope: SmtpEnvelope) -> str:
        """aiosmtpd's hook: the whole message is here; what is returned is the answer to the client."""
        self._count += 1
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        sender, recipients = envelope.mail_from or "", tuple(envelope.rcpt_tos)
        message, user = self._authenticated(content, sender)
        transaction = Transaction(
            sender=f"<{sender}>".encode(),
            recipients=tuple(f"<{one}>".encode() for one in recipients),
            message=message,
            queue_id=f"DEMO{self._count:04d}".encode(),
        )
        caller = Caller(helo=str(session.host_name or "localhost").encode(), user=user)
        try:
            async with await Mta.connect(self.spec, caller=caller) as mta:
                outcome = await mta.exchange(transaction)
        except FilterFailed as failed:
            return f"451 4.7.1 Service unavailable - try again later ({failed})"
        if not outcome.delivered:
            return "451 4.7.1 Service unavailable - try again later"
        addresses = [one.strip(b"<>").decode() for one in outcome.recipients]
        await asyncio.to_thread(self._deliver, sender, addresses, outcome.message)
        self.tell(Passed(sender, recipients, outcome))
        return f"250 2.0.0 Ok: queued as DEMO{self._count:04d}"

    def _authenticated(self, content: bytes, sender: str) -> tuple[bytes, bytes]:
        """The message as a border server hands it on, proof checked and written down on top; who logged in, or b"" """
        head, blank, body = content.partition(b"\r\n\r\n")
        proof, user = "pass", b""
        lines = []
        for line in head.split(b"\r\n"):
            if line.lower().startswith(DEMO_AUTH + b":"):
                proof = line.partition(b":")[2].strip().decode("ascii", "replace")
            elif line.lower().startswith(DEMO_LOGIN + b":"):
                user = line.partition(b":")[2].strip()
            elif not line.lower().startswith(b"return-path:"):
                lines.append(line)
        if self.authserv is not None and not user:
            spf = proof if sender else "none"
            lines.insert(0, f"Authentication-Results: {self.authserv}; spf={spf} smtp.mailfrom={sender}".encode())
        return b"\r\n".join(lines) + blank + body, user

    def _deliver(self, sender: str, recipients: list[str], data: bytes) -> None:
        intents = [one for one in recipients if self.intents and one.endswith("@" + self.intents[0])]
        people = [one for one in recipients if one not in intents]
        options = ["SMTPUTF8"] if not data.isascii() else []
        if people:
            with smtplib.LMTP("127.0.0.1", self._lmtp_port) as client:
                client.sendmail(sender, people, data, options)
        if self.intents and intents:
            with smtplib.LMTP(str(self.intents[1])) as client:
                client.sendmail(sender, intents, data, options)


class _Maildirs:
    """The LMTP side: a Maildir for each recipient. told: called with each."""

    def __init__(self, folder: Path, told: Callable[[str], None] = lambda recipient: None) -> None:
        self.folder = folder
        self.told = told

    async def handle_DATA(self, _server: SMTP, _session: SmtpSession, envelope: SmtpEnvelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        for recipient in envelope.rcpt_tos:
            place = self.folder / recipient.replace("/", "_")
            mailbox.Maildir(place, create=True).add(content.replace(b"\r\n", b"\n"))
            self.told(recipient)
        return "250 delivered"
