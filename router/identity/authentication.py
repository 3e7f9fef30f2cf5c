"""Whether the author's domain is proven: the results of SPF, DKIM and DMARC, joined as amendment 3 defines."""

from dataclasses import dataclass

from router.vocabulary import AuthState


@dataclass(frozen=True, slots=True)
class Authentication:
    """state: about the author's domain. spf, dkim, dmarc: RFC 8601 words, or "unknown". why: for `explain`."""

    state: AuthState
    spf: str = "unknown"
    dkim: str = "unknown"
    dmarc: str = "unknown"
    why: str = ""
