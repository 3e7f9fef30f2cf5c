"""DKIM (RFC 6376, 8301, 8463) of the first three signatures: dkimpy judges, our resolver fetches the keys.

What becomes of a signature:

    pass        it is good, and it covers what a person reads
    policy      it is good and proves nothing: it leaves out the Subject or a part of the body (`l=`), has expired, is
                of a key in testing, or of a key so large that we do not look at it (row 43, rspamd 4.1.3)
    fail        body or header are not what was signed
    permerror   it or its key cannot be used: malformed, no such key, revoked, too short, SHA-1
    temperror   nobody can say: the DNS did not answer, or the body or the header was cut on its way to us

A signature that is older than a week passes, with a note: few mails wait so long, those that are replayed do (row 40).
The clock is the time at which the mail came, so that stored mail is judged as it was then.

dkimpy is called in steps, as its own asyncio part does it: its `verify` would ask the DNS itself and call a time-out a
bad signature. What makes it slow on hostile input (white space, long `h=`, huge keys and exponents) is refused before.
"""

import asyncio
import base64
import binascii
import re
from dataclasses import field
from datetime import datetime
from typing import Any

import dkim
from dkim.canonicalization import compress_whitespace
from dkim.util import InvalidTagValueList, parse_tag_value

from router.frozen import dataclass
from router.identity.authentication_results import Result
from router.identity.lookup import Answer, Ask, Status
from router.message.addresses import ascii_domain
from router.message.envelope import RawMessage

SIGNATURES = 3
MAX_FIELD_BYTES = 8_192
MAX_SIGNED_NAMES = 200
MAX_KEY_RECORD_BYTES = 4_096
MIN_KEY_BITS = 1_024
MAX_KEY_BITS = 4_096
MAX_EXPONENT_BITS = 64
OLD_DAYS = 7
CLOCK_SLOP_S = 36_000  # as dkimpy allows

_NEWLINE = re.compile(rb"\r?\n")
SPACE = re.compile(rb"\s{200}")  # nobody's signer writes that; dkimpy's expressions are quadratic in it
SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*")
ALGORITHMS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}


class Unusable(Exception):
    """word: permerror or policy. The text is a note."""

    def __init__(self, note: str, word: str = "permerror") -> None:
        self.word = word
        super().__init__(note)


@dataclass(frozen=True, slots=True)
class _Signature:
    """One field, read. tags: dkimpy's. domain: of `d=`, A-labels. signed: names of `h=`, lower case."""

    place: int
    tags: dict[bytes, bytes]
    domain: str
    key_name: str
    signed: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """pk: what dkimpy takes. testing: `t=y`. exact: `t=s`, `i=` must be `d=` itself."""

    kind: bytes
    pk: Any
    bits: int
    testing: bool
    exact: bool


@dataclass(slots=True)
class _Ed25519:
    """Stands for PyNaCl's key, by `cryptography`. dkimpy reads "no exception" as good; what counts is `good`."""

    data: bytes
    good: bool = field(default=False)

    def verify(self, digest: bytes, signature: bytes) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.data).verify(signature, digest)
        except InvalidSignature:
            return
        self.good = True


async def check(raw: RawMessage, ask: Ask, now: datetime) -> tuple[Result, ...]:
    """One result a signature, topmost first; `none` when there is none. now: when the mail came, aware."""
    found = [place for place, (name, _) in enumerate(raw.fields) if name.strip().lower() == b"dkim-signature"]
    if not found:
        if raw.fields_cut:
            return (Result("dkim", "temperror", "", "header cut"),)
        return (Result("dkim", "none", "", "no signature"),)
    results: list[Result | None] = []
    signatures: list[_Signature] = []
    for place in found[:SIGNATURES]:
        signature = _read(place, raw.fields[place][1], now)
        if isinstance(signature, Result):
            results.append(signature)
        elif raw.body_cut or raw.fields_cut:
            cut = "body cut" if raw.body_cut else "header cut"
            results.append(Result("dkim", "temperror", signature.domain, cut))
        else:
            results.append(None)
            signatures.append(signature)
    if signatures:
        keys = await asyncio.gather(*(ask(one.key_name, "TXT") for one in signatures))
        mail = SignedMail(raw)
        judged = iter([_judged(one, key, mail, now) for one, key in zip(signatures, keys, strict=True)])
        results = [next(judged) if one is None else one for one in results]
    return tuple(one for one in results if one is not None)


# ------------------------------------------------------------------------------------------------------ the field


def _read(place: int, body: bytes, now: datetime) -> _Signature | Result:
    domain = ""
    try:
        if len(body) > MAX_FIELD_BYTES or SPACE.search(body):
            raise Unusable("a field that no signer writes")
        tags = parse_tag_value(_NEWLINE.sub(b"\r\n", body))
        domain = ascii_domain(tags.get(b"d", b"").decode("utf-8", "replace")) or ""
        if "." not in domain:
            raise Unusable("d= is no domain")
        _validate(tags, now)
        selector = tags[b"s"].decode("latin-1").lower()
        if not SELECTOR.fullmatch(selector):
            raise Unusable("s= is no selector")
        signed = tuple(one.strip().lower() for one in tags[b"h"].split(b":"))
        if len(signed) > MAX_SIGNED_NAMES:
            raise Unusable(f"h= with {len(signed)} names")
        if b"from" not in signed:
            raise Unusable("From is not signed")
        return _Signature(place, tags, domain, f"{selector}._domainkey.{domain}", signed)
    except Unusable as error:
        return Result("dkim", error.word, domain, str(error))
    except (dkim.DKIMException, InvalidTagValueList, ValueError) as error:
        return Result("dkim", "permerror", domain, said(error))


def _validate(tags: dict[bytes, bytes], now: datetime) -> None:
    """dkimpy's checks of the tags; those of the clock by our clock. `x=` is for afterwards."""
    dkim.validate_signature_fields({key: value for key, value in tags.items() if key not in (b"t", b"x")})
    if tags[b"a"] not in ALGORITHMS:
        raise Unusable(f"a={tags[b'a'].decode('latin-1')[:40]} is not accepted")
    signed_at, expires_at = _seconds(tags, b"t"), _seconds(tags, b"x")
    if signed_at is not None and signed_at > now.timestamp() + CLOCK_SLOP_S:
        raise Unusable("signed in the future")
    if signed_at is not None and expires_at is not None and expires_at < signed_at:
        raise Unusable("it expired before it was signed")


def _seconds(tags: dict[bytes, bytes], name: bytes) -> int | None:
    value = tags.get(name)
    if value is None:
        return None
    if not re.fullmatch(rb"[0-9]{1,12}", value):
        raise Unusable(f"{name.decode()}= is no time")
    return int(value)


# -------------------------------------------------------------------------------------------------------- the key


def key_of(answer: Answer, kind: bytes) -> Key:
    """Raises Unusable."""
    records = [one for one in answer.texts() if b"p=" in one]
    if not records:
        raise Unusable("there is no such key")
    record = records[0]  # several are "undefined" (3.6.2.2); the first is what other verifiers take
    if len(record) > MAX_KEY_RECORD_BYTES:
        raise Unusable(f"a key record of {len(record)} bytes", "policy")
    try:
        tags = parse_tag_value(record)
        if not tags.get(b"p"):
            raise Unusable("the key was revoked")
        if tags.get(b"k", b"rsa") != kind:
            raise Unusable("the key is of another kind than the signature")
        if tags.get(b"v", b"DKIM1") != b"DKIM1":
            raise Unusable("the key record is of another version")
        if b"sha256" not in _listed(tags, b"h", b"sha256"):
            raise Unusable("the key is not for SHA-256")
        if not {b"*", b"email"} & set(_listed(tags, b"s", b"*")):
            raise Unusable("the key is not for mail")
        pk, bits = _public(tags[b"p"], kind, record)
    except Unusable:
        raise
    except Exception as error:  # dkimpy's reader of keys on a record that somebody wrote to break it
        raise Unusable(f"the key cannot be read ({type(error).__name__})") from None
    flags = _listed(tags, b"t", b"")
    return Key(kind, pk, bits, testing=b"y" in flags, exact=b"s" in flags)


def _public(encoded: bytes, kind: bytes, record: bytes) -> tuple[Any, int]:
    if kind == b"ed25519":
        data = base64.b64decode(re.sub(rb"\s", b"", encoded), validate=True)
        if len(data) != 32:
            raise Unusable(f"an Ed25519 key of {len(data)} bytes")
        return _Ed25519(data), 256
    pk, bits, _, _ = dkim.evaluate_pk("key", record)
    if bits > MAX_KEY_BITS or pk["publicExponent"].bit_length() > MAX_EXPONENT_BITS:
        raise Unusable(f"a key of {bits} bits is more than we look at", "policy")
    if bits < MIN_KEY_BITS:
        raise Unusable(f"a key of {bits} bits is too short")
    return pk, bits


def _listed(tags: dict[bytes, bytes], name: bytes, default: bytes) -> list[bytes]:
    return [one.strip() for one in tags.get(name, default).split(b":")]


# ---------------------------------------------------------------------------------------------------- the signature


class SignedMail:
    """The mail as dkimpy wants it: CRLF lines. Made once for all of its signatures."""

    def __init__(self, raw: RawMessage) -> None:
        self.raw = raw
        self.headers = [(name, _NEWLINE.sub(b"\r\n", body) + b"\r\n") for name, body in raw.fields]
        self.body = _NEWLINE.sub(b"\r\n", raw.body)
        self.has_subject = any(name.strip().lower() == b"subject" for name, _ in raw.fields)
        self._compressed: bytes | None = None

    def body_for(self, tags: dict[bytes, bytes]) -> bytes:
        """For `relaxed`, white space made one already: dkimpy looks for it at line ends first, which takes hours on
        256 KiB of blanks, and the other order comes to the same."""
        if not tags.get(b"c", b"").endswith(b"/relaxed"):
            return self.body
        if self._compressed is None:
            self._compressed = compress_whitespace(self.body)
        return self._compressed


def _judged(signature: _Signature, answer: Answer, mail: SignedMail, now: datetime) -> Result:
    def result(word: str, note: str = "") -> Result:
        return Result("dkim", word, signature.domain, note)

    if answer.status is Status.TEMPERROR:
        return result("temperror", answer.why)
    tags = signature.tags
    try:
        key = key_of(answer, ALGORITHMS[tags[b"a"]])
        if key.exact and _identity_domain(tags) != signature.domain:
            raise Unusable("i= is below d=, which its key forbids (t=s)")
        wrong = _verified(signature, key, mail)
    except Unusable as error:
        return result(error.word, str(error))
    if wrong:
        return result("fail", wrong)
    leaves_out = _leaves_out(signature, key, mail, now)
    if leaves_out:
        return result("policy", leaves_out)
    signed_at = _seconds(tags, b"t")
    days = 0 if signed_at is None else int((now.timestamp() - signed_at) // 86_400)
    return result("pass", f"signed {days} days before it came" if days > OLD_DAYS else "")


def _verified(signature: _Signature, key: Key, mail: SignedMail) -> str:
    """ "" when it is good, else what is wrong. Raises Unusable."""
    verifier = dkim.DKIM(minkey=MIN_KEY_BITS)
    verifier.headers, verifier.body = mail.headers, mail.body_for(signature.tags)
    verifier.pk, verifier.keysize, verifier.ktag = key.pk, key.bits, key.kind
    try:
        good = verifier.verify_sig_process(
            dict(signature.tags), list(signature.signed), mail.headers[signature.place], None
        )
    except dkim.ValidationError as error:
        return "the body was changed" if str(error).startswith("body hash mismatch") else said(error)
    except (dkim.DKIMException, binascii.Error, ValueError, AssertionError) as error:
        # ValueError: a modulus of nought; AssertionError: a signature that is longer than its key
        raise Unusable(said(error)) from None
    return "" if is_good(key, good) else "header fields were changed, or it is forged"


def is_good(key: Key, said_so: bool) -> bool:
    """dkimpy's word on a signature, with that of the Ed25519 key itself, which dkimpy does not ask."""
    return said_so and (not isinstance(key.pk, _Ed25519) or key.pk.good)


def _leaves_out(signature: _Signature, key: Key, mail: SignedMail, now: datetime) -> str:
    """Why a good signature proves nothing, or ""."""
    if b"l" in signature.tags:
        return "only a part of the body is signed (l=)"
    if mail.has_subject and b"subject" not in signature.signed:
        return "the Subject is not signed"
    if key.testing:
        return "the key is in testing (t=y)"
    expires_at = _seconds(signature.tags, b"x")
    if expires_at is not None and expires_at < now.timestamp() - CLOCK_SLOP_S:
        return "it has expired (x=)"
    return ""


def _identity_domain(tags: dict[bytes, bytes]) -> str:
    identity = tags.get(b"i", b"@" + tags[b"d"]).decode("utf-8", "replace")
    return ascii_domain(identity.rpartition("@")[2]) or ""


def said(error: Exception) -> str:
    """dkimpy's words, one short line: they quote the field."""
    return " ".join(str(error).split())[:120] or type(error).__name__
