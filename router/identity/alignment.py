"""Whether a proof for one domain speaks for an author at another: DMARC's relaxed alignment (RFC 7489 3.1).

Two domains are aligned when they belong to one organisation, which the public suffix list tells: `mail.customer.com.ua`
and `customer.com.ua` do, two customers of `com.ua` or `github.io` do not. A public suffix speaks for nobody below it.
"""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList


def aligned(author_domain: str, proven: str) -> bool:
    """Both in lower-case A-labels, as `ascii_domain` gives them. A name without a dot is aligned with nothing."""
    if not author_domain or "." not in proven:
        return False
    if author_domain == proven:
        return True
    if author_domain.rpartition(".")[2] != proven.rpartition(".")[2]:
        return False
    organisation = organisational_domain(author_domain)
    return organisation is not None and organisation == organisational_domain(proven)


def organisational_domain(domain: str) -> str | None:
    """The domain that somebody registered, under which `domain` lies; None for a public suffix or a single label."""
    found: str | None = _suffixes().privatesuffix(domain)
    return found


def warm() -> None:
    """Reads the list ahead of the first mail that needs it: for a process that will fork workers."""
    _suffixes()


@lru_cache(maxsize=1)  # 80 ms and 4 MiB, spent when two domains differ for the first time; the list never changes
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
