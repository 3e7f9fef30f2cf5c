"""ARC (RFC 8617): what a forwarder or a list had seen of a mail before it changed it, sealed.

A list that rewrites the Subject breaks the author's signature, a forwarder breaks SPF; the newest ARC set carries what
they saw, as ARC-Authentication-Results. It is believed when its seal is of a domain that rules.yaml names
(`settings.trusted_sealers`: anybody can seal) and the whole chain verifies (section 5.2): sets 1 to n are complete, no
set says `cv=fail`, the newest message signature and every seal are good. dkimpy judges, our resolver fetches the keys.

    pass        the chain is good, and its newest seal is of a trusted sealer
    policy      its newest seal is of somebody else, its message signature leaves out what a person reads, or it takes
                more keys than we ask for
    fail        a seal or the newest message signature is bad, a set is not whole, doubled, or says that it broke
    none        there is no ARC set
    temperror   nobody can say: the DNS did not answer, or the body or the header was cut on its way to us

What makes dkimpy slow is refused before, as for DKIM; the first signature that is bad ends the work.
"""

import asyncio
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Any

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value

from router.frozen import dataclass
from router.identity.authentication_results import results_in
from router.identity.chain import NO_CHAIN, SEAL, Chain
from router.identity.dkim import (
    ALGORITHMS,
    MAX_FIELD_BYTES,
    MAX_SIGNED_NAMES,
    MIN_KEY_BITS,
    SELECTOR,
    SPACE,
    Key,
    SignedMail,
    Unusable,
    is_good,
    key_of,
    said,
)
from router.identity.lookup import Ask, Status
from router.message.addresses import ascii_domain
from router.message.envelope import RawMessage, address_of

MAX_SETS = 50
"""RFC 8617 section 4.2.1."""
MAX_KEYS = 8
"""Different keys of one chain; each is a question to the DNS. Real chains have one to three."""

_RESULTS, _SIGNATURE = b"arc-authentication-results", b"arc-message-signature"
_KINDS = (_RESULTS, _SIGNATURE, SEAL)
_INSTANCE = re.compile(rb"\s*i\s*=\s*([0-9]{1,3})\s*;", re.IGNORECASE)
_LINE_END = re.compile(rb"\r?\n")


class _Broken(Exception):
    """The chain failed; the text says where. Not one of dkimpy's errors, which it would swallow."""


@dataclass(frozen=True, slots=True)
class _Set:
    """One ARC set: bodies of its three fields by name, tags of the two that have tags."""

    fields: Mapping[bytes, bytes]
    signature: Mapping[bytes, bytes]
    seal: Mapping[bytes, bytes]


async def check(raw: RawMessage, ask: Ask, sealers: Collection[str]) -> Chain:
    """The chain of a mail. sealers: the domains that are trusted, lower-case A-labels. Never raises."""
    fields = [(name.strip().lower(), body) for name, body in raw.fields]
    fields = [one for one in fields if one[0] in _KINDS]
    if not fields:
        return Chain("temperror", note="header cut") if raw.fields_cut else NO_CHAIN
    if raw.fields_cut:
        return Chain("temperror", note="header cut")
    sealer, newest = "", 0
    try:
        sets = _sets(fields)
        newest = len(sets)
        sealer = ascii_domain(sets[-1].seal.get(b"d", b"").decode("latin-1")) or ""
        if sealer not in sealers:
            return Chain("policy", sealer, newest, note="the sealer is not in settings.trusted_sealers")
        _validate(sets, raw)
        if raw.body_cut:
            return Chain("temperror", sealer, newest, note="body cut")
        names = dict.fromkeys([_key_name(sets[-1].signature), *(_key_name(one.seal) for one in reversed(sets))])
        if len(names) > MAX_KEYS:
            return Chain("policy", sealer, newest, note=f"a chain of more than {MAX_KEYS} keys")
        answers = await asyncio.gather(*(ask(one, "TXT") for one in names))
        lacking = next((one.why for one in answers if one.status is Status.TEMPERROR), None)
        if lacking is not None:
            return Chain("temperror", sealer, newest, note=lacking)
        _verify(raw, sets, dict(zip(names, answers, strict=True)))
        sender = ascii_domain(address_of(raw.envelope.sender).rpartition("@")[2])
        results = results_in(_INSTANCE.sub(b"", sets[-1].fields[_RESULTS], count=1), sender)
        if results is None:
            return Chain("policy", sealer, newest, note="its ARC-Authentication-Results cannot be read")
        return Chain("pass", sealer, newest, results)
    except Unusable as error:
        return Chain("policy" if error.word == "policy" else "fail", sealer, newest, note=str(error))
    except _Broken as error:
        return Chain("fail", sealer, newest, note=str(error))
    except (dkim.DKIMException, InvalidTagValueList, binascii.Error, ValueError, LookupError, AssertionError) as error:
        # LookupError: dkimpy looks for ` i=1;` as it stands; the others as in dkim.py
        return Chain("fail", sealer, newest, note=said(error))


def _sets(fields: list[tuple[bytes, bytes]]) -> list[_Set]:
    """The sets, oldest first. Raises _Broken unless they are 1 to n, each whole and single (section 5.2, step 3)."""
    if len(fields) > len(_KINDS) * MAX_SETS:
        raise _Broken(f"more than {MAX_SETS} sets")
    found: dict[int, dict[bytes, bytes]] = {}
    tags: dict[tuple[int, bytes], Mapping[bytes, bytes]] = {}
    for kind, body in fields:
        if len(body) > MAX_FIELD_BYTES or SPACE.search(body):
            raise _Broken("a field that no sealer writes")
        if kind == _RESULTS:
            match = _INSTANCE.match(body)
            if match is None:
                raise _Broken("ARC-Authentication-Results without i=")
            number = int(match[1])
        else:
            read = parse_tag_value(_LINE_END.sub(b"\r\n", body))
            if not re.fullmatch(rb"[0-9]{1,3}", read.get(b"i", b"")):
                raise _Broken(f"{kind.decode()} without i=")
            number = int(read[b"i"])
            tags[number, kind] = read
        if kind in found.setdefault(number, {}):
            raise _Broken(f"set {number} is there twice")
        found[number][kind] = body
    for number in range(1, max(found) + 1):
        if number > MAX_SETS:
            raise _Broken(f"more than {MAX_SETS} sets")
        if len(found.get(number, ())) < len(_KINDS):
            raise _Broken(f"set {number} is not whole")
    if 0 in found:
        raise _Broken("a set 0")
    return [_Set(found[one], tags[one, _SIGNATURE], tags[one, SEAL]) for one in sorted(found)]


def _validate(sets: list[_Set], raw: RawMessage) -> None:
    """What can be seen without a key. Raises _Broken or Unusable."""
    for number, one in enumerate(sets, 1):
        said_before = one.seal.get(b"cv", b"").lower()
        if said_before == b"fail":
            raise _Broken(f"set {number} says that the chain was broken (cv=fail)")
        if said_before != (b"none" if number == 1 else b"pass"):
            raise _Broken(f"set {number} says cv={said_before.decode('latin-1')[:20]}")
        if b"h" in one.seal:
            raise _Broken(f"the seal of set {number} has h=")
        for tags in (one.seal, one.signature):
            if tags.get(b"a") not in ALGORITHMS:
                raise _Broken(f"set {number} is signed by an algorithm that is not accepted")
    signature = sets[-1].signature
    names = [one.strip().lower() for one in signature.get(b"h", b"").split(b":")]
    if len(names) > MAX_SIGNED_NAMES:
        raise _Broken(f"h= with {len(names)} names")
    if b"from" not in names:
        raise _Broken("From is not signed")
    if b"l" in signature:
        raise Unusable("only a part of the body is signed (l=)", "policy")
    if b"subject" not in names and any(name.strip().lower() == b"subject" for name, _ in raw.fields):
        raise Unusable("the Subject is not signed", "policy")


def _key_name(tags: Mapping[bytes, bytes]) -> str:
    selector = tags.get(b"s", b"").decode("latin-1").lower()
    domain = ascii_domain(tags.get(b"d", b"").decode("latin-1")) or ""
    if not SELECTOR.fullmatch(selector) or "." not in domain:
        raise _Broken("s= or d= is no name")
    return f"{selector}._domainkey.{domain}"


class _Verifier(dkim.ARC):  # type: ignore[misc]  # dkimpy has no types
    """dkimpy's ARC verification with keys that were fetched before. Of the message signatures only the newest counts
    (section 5.2, step 4): those before it are broken as a rule, which is what the list did."""

    def __init__(self, mail: SignedMail, newest: _Set, keys: Mapping[str, Any]) -> None:
        super().__init__(minkey=MIN_KEY_BITS)
        # dkimpy finds the field of a message signature by its ` i=1;`
        self.headers = [
            (name, b" " + body.lstrip() if name.strip().lower() in _KINDS else body) for name, body in mail.headers
        ]
        self.body = mail.body_for({b"c": newest.signature.get(b"c", b"relaxed/relaxed")})
        self._newest = newest.signature[b"i"]
        self._answers = keys

    def verify_sig(self, sig: dict[bytes, bytes], include_headers: list[bytes], sig_header: Any, dnsfunc: Any) -> bool:
        if b"bh" in sig and sig[b"i"] != self._newest:
            return True
        what = f"the {'message signature' if b'bh' in sig else 'seal'} of set {sig[b'i'].decode('latin-1')}"
        try:
            key: Key = key_of(self._answers[_key_name(sig)], ALGORITHMS[sig[b"a"]])
        except Unusable as error:
            raise _Broken(f"{what}: {error}") from None
        if key.testing:
            raise _Broken(f"{what}: the key is in testing (t=y)")
        self.pk, self.keysize, self.ktag = key.pk, key.bits, key.kind
        try:
            good = self.verify_sig_process(sig, include_headers, sig_header, dnsfunc)
        except dkim.ValidationError as error:
            changed = str(error).startswith("body hash mismatch")
            raise _Broken("the body was changed after it was sealed" if changed else f"{what}: {said(error)}") from None
        if not is_good(key, good):
            raise _Broken(f"{what} is bad")
        return True


def _verify(raw: RawMessage, sets: list[_Set], keys: Mapping[str, Any]) -> None:
    """Raises _Broken, or what dkimpy raises."""
    state, _, why = _Verifier(SignedMail(raw), sets[-1], keys).verify()
    if state != dkim.CV_Pass:
        raise _Broken(" ".join(str(why).split())[:120])
