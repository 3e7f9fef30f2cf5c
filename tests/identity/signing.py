"""Mail signed with fresh keys, for tests."""

import base64
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from router.message.envelope import Envelope, RawMessage

AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
HEAD = (
    "From: Olena <olena@customer.example>\nTo: support@desk.example\nSubject: The site is down\nDate: Wed, 4 Mar 2026"
)
TEXT = "Good morning,\n\nour  site is down. \nOlena\n\n\n"


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def record(key: Any, **tags: str) -> str:
    """The TXT of a key; `record(key, p="")` is a revoked one."""
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        found = {"v": "DKIM1", "k": "rsa", "p": base64.b64encode(der).decode()}
    else:
        data = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        found = {"v": "DKIM1", "k": "ed25519", "p": base64.b64encode(data).decode()}
    return "; ".join(f"{name}={value}" for name, value in (found | tags).items())


class _Signer:
    """An Ed25519 key as dkimpy wants PyNaCl's."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self.key = key

    def sign(self, digest: bytes) -> Any:
        class Signed:
            signature = self.key.sign(digest)

        return Signed


def fields_of(head: str | bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Header lines as the milter gives them: a body with its leading space, folds as LF and white space."""
    found: list[tuple[bytes, bytes]] = []
    for line in (head.encode() if isinstance(head, str) else head).split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            name, body = found.pop()
            found.append((name, body + b"\n" + line))
        elif line:
            name, _, body = line.partition(b":")
            found.append((name, body))
    return tuple(found)


def mail(
    head: str | bytes = HEAD, text: str | bytes = TEXT, *, sender: str = "<olena@customer.example>", **more
) -> RawMessage:
    body = (text.encode() if isinstance(text, str) else text).replace(b"\n", b"\r\n")
    envelope = Envelope(
        sender.encode(), (b"<support@desk.example>",), b"mx.customer.example", more.pop("client", "192.0.2.10")
    )
    return RawMessage(envelope, fields_of(head), body, AT, **more)


def signature(
    raw: RawMessage,
    key: Any,
    *,
    domain: str = "customer.example",
    selector: str = "s1",
    canonical: str = "relaxed/relaxed",
    algorithm: str | None = None,
    signed: str = "from:to:subject:date",
    length: int | None = None,
    at: int | None = int(AT.timestamp()) - 60,
    **tags: str,
) -> tuple[bytes, bytes]:
    """A DKIM-Signature of the mail. at: `t=`, None for none. tags: more of them, `x="…"`."""
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    algorithm = algorithm or ("rsa-sha256" if is_rsa else "ed25519-sha256")
    policy = dkim.CanonicalizationPolicy.from_c_value(canonical.encode())
    signer = dkim.DKIM(signature_algorithm=algorithm.encode())
    signer.headers = [[name, body.replace(b"\n", b"\r\n") + b"\r\n"] for name, body in raw.fields]
    signer.hasher = dkim.HASH_ALGORITHMS[algorithm.encode()]
    body = policy.canonicalize_body(raw.body)[:length]
    found = {"v": "1", "a": algorithm, "c": canonical, "d": domain, "s": selector}
    found |= {"t": str(at)} if at is not None else {}
    found |= {"l": str(len(body))} if length is not None else {}
    found |= tags | {"h": signed, "bh": base64.b64encode(signer.hasher(body).digest()).decode(), "b": "0" * 60}
    if is_rsa:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        private: Any = dkim.parse_pem_private_key(pem)
    else:
        private = _Signer(key)
    names = [name.strip().lower().encode() for name in signed.split(":")]
    fields = [(name.encode(), value.encode()) for name, value in found.items()]
    value = signer.gen_header(fields, names, policy, b"DKIM-Signature", private)
    return b"DKIM-Signature", b" " + value.rstrip(b"\r\n").replace(b"\r\n", b"\n")


def signed(raw: RawMessage, *signatures: tuple[bytes, bytes]) -> RawMessage:
    """The mail with the signatures on top."""
    from dataclasses import replace

    return replace(raw, fields=(*signatures, *raw.fields))
