"""Mail that went over a list or a forwarder, sealed by dkimpy as ARC (RFC 8617), for tests."""

from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization

from router.message.eml import raw_message
from router.message.envelope import Envelope, RawMessage
from tests.identity.signing import AT, HEAD, TEXT, rsa_key

PASSED = "dkim=pass header.d=customer.example; spf=pass smtp.mailfrom=olena@customer.example"
PLAIN = HEAD.encode().replace(b"\n", b"\r\n") + b"\r\n\r\n" + TEXT.encode().replace(b"\n", b"\r\n")
SIGNED = (b"from", b"to", b"subject", b"date")


def _pem(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def seal(
    data: bytes,
    results: str = PASSED,
    *,
    domain: str = "lists.example",
    selector: str = "a1",
    key: Any = None,
    chain: str = "",
    signed: tuple[bytes, ...] = SIGNED,
) -> bytes:
    """The message with one more ARC set on top. results: what this host saw. chain: what it saw of the sets before
    (`pass`, `fail`), "" for the first."""
    seen = f"Authentication-Results: mx.{domain}; {results}{f'; arc={chain}' if chain else ''}\r\n".encode()
    lines = dkim.arc_sign(
        seen + data,
        selector.encode(),
        domain.encode(),
        _pem(key or rsa_key()),
        f"mx.{domain}".encode(),
        include_headers=list(signed),
        timestamp=1_600_000_000,  # dkimpy holds it against the clock on the wall
    )
    assert len(lines) == 3
    return b"".join(line if line.endswith(b"\r\n") else line + b"\r\n" for line in lines) + data


def as_received(data: bytes, sender: str = "<list-bounces@lists.example>", **more: Any) -> RawMessage:
    """As the milter of the desk's MTA gets it."""
    from dataclasses import replace

    envelope = Envelope(sender.encode(), (b"<support@desk.example>",), b"mx.lists.example", "198.51.100.1")
    return replace(raw_message(data, envelope, AT), **more)
