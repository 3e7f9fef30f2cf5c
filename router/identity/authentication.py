"""Whether the author's domain is proven: the results of SPF, DKIM and DMARC, joined as amendment 3 defines."""

from collections.abc import Iterable
from dataclasses import replace

from router.frozen import dataclass
from router.identity import authentication_results
from router.identity.alignment import aligned
from router.identity.authentication_results import Result, Results
from router.identity.author import Author
from router.identity.chain import Chain
from router.message.addresses import ascii_domain
from router.message.envelope import address_of
from router.message.message import Message
from router.vocabulary import AuthState


@dataclass(frozen=True, slots=True)
class Authentication:
    """state: about the author's domain. spf, dkim, dmarc: RFC 8601 words, or "unknown". arc: of a chain that a trusted
    sealer may have sealed (`chain.WORDS`), "unknown" when nobody asked. why: for `explain`."""

    state: AuthState
    spf: str = "unknown"
    dkim: str = "unknown"
    dmarc: str = "unknown"
    why: str = ""
    arc: str = "unknown"


def authenticate(message: Message, author: Author, trusted: Iterable[str]) -> Authentication:
    """The author's proof from what the border wrote. trusted: authserv-ids whose word we take."""
    results = authentication_results.find(message, trusted)
    return join(author, address_of(message.raw.envelope.sender), results)


NOT_CHECKED = "not checked: no trusted Authentication-Results"


def join(author: Author, sender: str, results: Results | None, unchecked: str = NOT_CHECKED) -> Authentication:
    """Amendment 3, with `sender` the bare envelope sender and `results` of checks that were made (None: none was, and
    `unchecked` says why).

    pass: SPF passed for a MAIL FROM domain aligned with the author's, a DKIM signature of an aligned domain passed, or
    DMARC passed for the author's very domain; not when DMARC failed for it, whose record may ask for more. ambiguous:
    no single author, or only a signature speaks for him while a field stands twice that may stand once (the signature
    covers one of the two). unknown: no pass, and a check did not come to an end. fail: no pass, and SPF said fail or
    softfail, or an aligned signature is bad. none: all else; a signature that is good and was not accepted (`policy`:
    expired, `l=`) is no proof and no forgery either.
    """
    if results is None:
        state = AuthState.AMBIGUOUS if author.address is None else AuthState.UNKNOWN
        return Authentication(state, why=author.ambiguous or unchecked)
    spf = next((one for one in results if one.method == "spf"), None)
    dmarc = next((one for one in results if one.method == "dmarc"), None)
    signatures = [one for one in results if one.method == "dkim"]
    ours = [one for one in signatures if aligned(author.domain, one.domain)]
    state, why = _state(author, sender, spf, ours, signatures, dmarc)
    shown = sorted(ours or signatures, key=lambda one: one.word != "pass")
    return Authentication(
        state,
        spf.word if spf else "unknown",
        shown[0].word if shown else "unknown",
        dmarc.word if dmarc else "unknown",
        why,
    )


def with_chain(found: Authentication, author: Author, sender: str, chain: Chain | None) -> Authentication:
    """The author's proof with an ARC chain beside it (RFC 8617 section 7.2): what its sealer saw is as good as what our
    own border saw, and only ever better than nothing. A chain that could not be verified leaves open what it may have
    proven; one that is bad or of a stranger proves nothing and is no forgery.
    """
    if chain is None:
        return found
    known = replace(found, arc=chain.word)
    if found.state in (AuthState.PASS, AuthState.AMBIGUOUS) or chain.word == "none":
        return known
    if chain.word == "temperror":
        why = _and(found.why, f"ARC did not come to an end ({chain.note})")
        return replace(known, state=AuthState.UNKNOWN, why=why)
    if chain.word != "pass":
        return replace(known, why=_and(found.why, f"ARC is no proof ({chain.note})"))
    sealed = join(author, sender, chain.results)
    by = f"as {chain.sealer} sealed it (ARC i={chain.instance})"
    if sealed.state is AuthState.PASS:
        return replace(known, state=AuthState.PASS, why=f"{sealed.why}, {by}")
    return replace(known, why=_and(found.why, f"{sealed.why}, {by}"))


def _and(why: str, more: str) -> str:
    return f"{why}; {more}" if why else more


def _state(
    author: Author,
    sender: str,
    spf: Result | None,
    ours: list[Result],
    signatures: list[Result],
    dmarc: Result | None,
) -> tuple[AuthState, str]:
    if author.address is None:
        return AuthState.AMBIGUOUS, author.ambiguous
    dmarc_ours = dmarc if dmarc and dmarc.domain == author.domain else None
    # DMARC that fails though SPF or DKIM would pass has read `strict` in the domain's record.
    may_pass = dmarc_ours is None or dmarc_ours.word != "fail"
    spf_ours = spf if spf and spf.domain == ascii_domain(sender.rpartition("@")[2]) else None
    if may_pass and spf_ours and spf_ours.word == "pass" and aligned(author.domain, spf_ours.domain):
        return AuthState.PASS, _noted(f"SPF passed for {spf_ours.domain}", spf_ours)
    signed = next((one for one in ours if one.word == "pass"), None) if may_pass else None
    by_dmarc = dmarc_ours if dmarc_ours and dmarc_ours.word == "pass" else None
    if signed or by_dmarc:
        twice = sorted(flag for flag in author.flags if flag.startswith("duplicate-"))
        if twice:
            return AuthState.AMBIGUOUS, f"signed, but {', '.join(twice)}: the signature covers one of them"
        if signed:
            return AuthState.PASS, _noted(f"DKIM passed for {signed.domain}", signed)
        return AuthState.PASS, f"DMARC passed for {author.domain}"
    open_checks = [one for one in (spf, dmarc, *signatures) if one and one.word == "temperror"]
    if open_checks:
        named = ", ".join(dict.fromkeys(one.method for one in open_checks))
        why = next((one.note for one in open_checks if one.note and one.method != "dmarc"), "temperror")
        return AuthState.UNKNOWN, f"{named} did not come to an end ({why})"
    if spf_ours and spf_ours.word in ("fail", "softfail"):
        return AuthState.FAIL, f"SPF said {spf_ours.word} for {spf_ours.domain}"
    bad = next((one for one in ours if one.word in ("fail", "permerror")), None)
    if bad:
        return AuthState.FAIL, f"the DKIM signature of {bad.domain} is bad ({bad.note or bad.word})"
    if not may_pass:
        return AuthState.NONE, f"DMARC failed for {author.domain}"
    refused = next((f": {one.note}" for one in ours if one.word == "policy" and one.note), "")
    return AuthState.NONE, f"nothing that was checked speaks for {author.domain}{refused}"


def _noted(why: str, result: Result) -> str:
    return f"{why} ({result.note})" if result.note else why
