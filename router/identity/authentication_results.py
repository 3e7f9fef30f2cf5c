"""What our own border already checked: Authentication-Results fields (RFC 8601) of authserv-ids that rules.yaml trusts.

Which fields are believed. Anybody can write `Authentication-Results: our.id; dkim=pass` into a mail, so that

1. only the block of border fields at the very top of the header counts: Authentication-Results, Received-SPF, ARC-*,
   DKIM-Filter, what delivery writes, and at most one Received. A filter on our host adds its fields above everything; a
   relay of ours adds them beside its own Received. Our own MTA's Received is not shown to a milter, and a stored mail
   carries it on top. The second Received, or any other field, is somebody else's and ends the block;
2. of each method the topmost field that has it counts, since the newest field is on top: a forged `dkim=pass` below a
   genuine `dkim=none` says nothing;
3. the authserv-id must stand plainly at the beginning; quoted or behind a comment it is no one's word. A field of a
   trusted id that cannot be read ends the block: the sender may have made it unreadable (what he chose stands in it)
   and have put a forged one below;
4. SPF counts for the MAIL FROM domain it names, and only if that is the envelope's (CVE-2019-20790). A comment that
   begins inside a value makes the field unreadable: `header.d=customer.example(.evil.example)` is what a filter wrote
   of a signature that evil.example made (CVE-2020-12272).

What this cannot see: a forged field straight below genuine ones, with a method that the genuine ones lack. The border
must delete incoming fields that claim its id (RFC 8601 section 5).
"""

import re
from collections.abc import Iterable
from typing import TypeAlias

from router.frozen import dataclass
from router.message.addresses import MAX_FIELD_BYTES, ascii_domain
from router.message.envelope import address_of
from router.message.message import Message

WORDS = frozenset({"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"})
"""RFC 8601's results for the three methods; older filters' words are read as these."""
OLDER_WORDS = {"hardfail": "fail", "discard": "fail", "error": "temperror", "unknown": "permerror"}

MAX_RECEIVED = 1
MAX_RESULTS_FIELDS = 10
_BORDER_FIELDS = frozenset(
    {
        "authentication-results", "received-spf", "arc-seal", "arc-message-signature", "arc-authentication-results",
        "dkim-filter", "dmarc-filter", "return-path", "delivered-to", "x-original-to", "envelope-to", "delivery-date",
    }
)  # fmt: skip

_FOLD = re.compile(r"\r?\n(?=[ \t])")
_AUTHSERV_ID = re.compile(r"[ \t]*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:[ \t]+[0-9]+)?[ \t]*;")
# The form that filters really write; all else goes to authres, which takes 0.4 ms. A property test holds both equal.
# No repeat and no alternative is ever tried in a second way (`++`, `(?>…)`): a value that two alternatives fit made 40
# properties cost 2^40 steps, in the front too (found by the fuzzer).
_NAME = r"[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+"
_LOCAL = r"(?:[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+)?"
_VALUE = rf"(?>(?:{_LOCAL}@)?{_NAME}(?![A-Za-z0-9@._+/=-])|[A-Za-z0-9+/=-]++)"
_PROPERTY = rf"[ \t]++(?:smtp|header|policy)\.[a-z]++={_VALUE}"
_RESULT = rf"[ \t]*+(?!none=)[a-z]++=[a-z]++(?:[ \t]++\([A-Za-z0-9 .,:;@=_/+-]*+\))?+(?:{_PROPERTY})*+[ \t]*+"
_QUOTED = re.compile(r'"[^"\\]*"')
_COMMENT_IN_A_VALUE = re.compile(r"[^\s;()]\(")  # also inside a comment, where nobody needs one
_PLAIN = re.compile(rf"(?:;{_RESULT})++")
_PLAIN_RESULT = re.compile(rf";[ \t]*+([a-z]++)=([a-z]++)(?:[ \t]++\([^()]*+\))?+((?:{_PROPERTY})*+)")
_PLAIN_PROPERTY = re.compile(r"(smtp|header|policy)\.([a-z]+)=([^ \t]+)")


@dataclass(frozen=True, slots=True)
class Result:
    """One outcome. method: spf, dkim or dmarc. word: of WORDS. domain: in lower-case A-labels; that of MAIL FROM, of
    `d=`, or of From: as the checker read it. note: what `explain` should add, in words."""

    method: str
    word: str
    domain: str
    note: str = ""


Results: TypeAlias = tuple[Result, ...]

_Info: TypeAlias = tuple[str, str, dict[str, str]]
"""method, result, properties (`smtp.mailfrom` -> value)."""


def find(message: Message, trusted: Iterable[str]) -> Results | None:
    """The believed results, topmost first; None when no trusted field is there: nobody has checked.

    trusted: authserv-ids, compared in lower case. Of SPF, DKIM and DMARC only.
    """
    if "Authentication-Results" not in message.fields:
        return None
    ids = {one.strip().lower() for one in trusted}
    if not ids:
        return None
    sender_domain = ascii_domain(address_of(message.raw.envelope.sender).rpartition("@")[2])
    found: list[Result] = []
    believed = False
    settled: set[str] = set()
    for body in _top_fields(message.fields):
        if not _is_of(body, ids):
            continue
        infos = _infos(body)
        if infos is None:
            break
        believed = True
        fresh = [info for info in infos if info[0] not in settled]
        settled |= {method for method, _, _ in fresh}
        for method, word, properties in fresh:
            result = _result(method, word, properties, sender_domain)
            if result:
                found.append(result)
    return tuple(found) if believed else None


def results_in(body: bytes, sender_domain: str | None) -> Results | None:
    """The results of one field, whoever wrote it; None when it cannot be read. sender_domain: of MAIL FROM: SPF counts
    for no other. For ARC-Authentication-Results, whose seal says who wrote it."""
    if b";" not in body:
        return ()
    infos = _infos(body)
    if infos is None:
        return None
    found = [_result(method, word, properties, sender_domain) for method, word, properties in infos]
    return tuple(one for one in found if one is not None)


def settled(fields: Iterable[tuple[bytes, bytes]], trusted: Iterable[str]) -> bool:
    """Whether `find` will surely give results, judged without parsing: for who decides whether to ask the DNS at all.

    True when the topmost trusted field has the plain form; one that would take authres is not looked into.
    """
    ids = set(trusted)
    if not ids:
        return False
    for body in _top_fields(fields):
        if _is_of(body, ids):
            text = _FOLD.sub("", body.decode("latin-1"))
            return body.isascii() and len(body) <= MAX_FIELD_BYTES and bool(_PLAIN.fullmatch(text[text.index(";") :]))
    return False


def _top_fields(fields: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """The bodies of the Authentication-Results fields in the border's block, topmost first."""
    found: list[bytes] = []
    received = 0
    for raw_name, body in fields:
        name = raw_name.strip().lower().decode("latin-1")
        if name == "received":
            received += 1
            if received > MAX_RECEIVED:
                break
        elif name == "authentication-results":
            found.append(body)
        elif name not in _BORDER_FIELDS:
            break
    return found[:MAX_RESULTS_FIELDS]


def _is_of(body: bytes, ids: set[str]) -> bool:
    authserv_id = _AUTHSERV_ID.match(_FOLD.sub("", body[:MAX_FIELD_BYTES].decode("latin-1")))
    return authserv_id is not None and authserv_id[1].lower() in ids


def _infos(body: bytes) -> list[_Info] | None:
    """The results in a field; None: it cannot be read."""
    if len(body) > MAX_FIELD_BYTES or not body.isascii():
        return None
    text = _FOLD.sub("", body.decode("ascii"))
    rest = text[text.index(";") :]
    return _plain_infos(rest) if _PLAIN.fullmatch(rest) else _authres_infos(text)


def _plain_infos(rest: str) -> list[_Info]:
    return [
        (method, word, {f"{kind}.{name}": value for kind, name, value in _PLAIN_PROPERTY.findall(properties)})
        for method, word, properties in _PLAIN_RESULT.findall(rest)
    ]


def warm() -> None:
    """Imports authres ahead of the first mail that needs it: for a process that will fork workers."""
    import authres  # noqa: F401


def _authres_infos(text: str) -> list[_Info] | None:
    if _COMMENT_IN_A_VALUE.search(_QUOTED.sub("", text)):
        return None
    import authres  # here, since the plain form is all that most sites ever see

    try:
        field = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + text.strip())
    except (authres.AuthResError, RecursionError, ValueError, IndexError, AttributeError):
        # Recursion: it reads comments in comments by calling itself. The others are what hostile text made it raise.
        return None
    if any(isinstance(one, authres.NoneAuthenticationResult) for one in field.results):
        # `none` stands for "nothing was checked" and alone (RFC 8601, 2.2); beside results it is no field of a filter.
        return [] if len(field.results) == 1 else None
    return [
        (
            str(one.method).lower(),
            str(one.result).lower(),
            {f"{prop.type}.{prop.name}".lower(): str(prop.value) for prop in one.properties},
        )
        for one in field.results
    ]


def _result(method: str, word: str, properties: dict[str, str], sender_domain: str | None) -> Result | None:
    """A result that names the domain it is about, or None. `none` may name none: there was nothing to check."""
    known = OLDER_WORDS.get(word, word)
    if known not in WORDS:
        return None
    if method == "spf":
        domain = _domain(properties.get("smtp.mailfrom", ""))
        return Result(method, known, domain) if domain and domain == sender_domain else None
    if method == "dkim":
        domain = _domain(properties.get("header.d") or properties.get("header.i", ""))
        return Result(method, known, domain) if domain or known in ("none", "temperror") else None
    if method == "dmarc":
        domain = _domain(properties.get("header.from", ""))
        return Result(method, known, domain) if domain or known in ("none", "temperror") else None
    return None


def _domain(value: str) -> str:
    return ascii_domain(value.strip('"').rpartition("@")[2]) or ""
