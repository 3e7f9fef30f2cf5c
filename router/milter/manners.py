"""How MTAs behave towards a filter: what `simulator.py` can be."""

from collections.abc import Mapping

from router.frozen import dataclass
from router.milter.negotiation import Action, Protocol


@dataclass(frozen=True, slots=True)
class Manner:
    """How an MTA behaves. abort_after_message: Postfix ends each message with an ABORT. macros_everywhere: a macro
    packet before every field and chunk. progress_everywhere: not only at the end of a message. queue_id_at_mail:
    Sendmail knows the id then, Postfix after the first recipient. macros: stage letter -> names sent unless the filter
    asks for others. write_bytes: cut what is written into pieces of this size."""

    name: str
    macros: Mapping[str, tuple[bytes, ...]]
    version: int = 6
    actions: int = Action.ALL
    protocol: int = Protocol.ALL
    abort_after_message: bool = True
    macros_everywhere: bool = True
    progress_everywhere: bool = True
    queue_id_at_mail: bool = False
    ipv6_prefix: bool = False
    deletes_shift: bool = True
    write_bytes: int | None = None


POSTFIX = Manner(
    "Postfix 3.7",
    {
        "C": (b"j", b"daemon_name", b"daemon_addr", b"v", b"_"),
        "M": (b"i", b"auth_type", b"auth_authen", b"mail_addr", b"mail_host", b"mail_mailer"),
        "R": (b"i", b"rcpt_addr", b"rcpt_host", b"rcpt_mailer"),
        "T": (b"i",), "N": (b"i",), "E": (b"i",),
    },
)  # fmt: skip
SENDMAIL = Manner(
    "Sendmail 8.17",
    {
        "C": (b"j", b"_", b"daemon_name", b"if_name", b"if_addr"),
        "M": (b"i", b"auth_type", b"auth_authen", b"mail_mailer", b"mail_host", b"mail_addr"),
        "R": (b"rcpt_mailer", b"rcpt_host", b"rcpt_addr"),
        "E": (b"msg_id",),
    },
    protocol=Protocol.ALL | 0x30000000,  # the MDS bits
    abort_after_message=False,
    macros_everywhere=False,
    progress_everywhere=False,
    queue_id_at_mail=True,
    ipv6_prefix=True,
    deletes_shift=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """The SMTP client. address: an IP address, or None (family U). user: who it logged in as, or b""."""

    name: bytes = b"mx.customer.example"
    address: str | None = "203.0.113.25"
    port: int = 45_582
    helo: bytes = b"mx.customer.example"
    user: bytes = b""
