"""Our own SPF, DKIM and DMARC of one mail, all at once, within one allowance of time and queries.

Made where no border of ours has left trusted Authentication-Results. What comes out has the same form, so that
everything behind it is the same (`authentication.join`).
"""

import asyncio
from datetime import datetime

from router.identity import dkim, dmarc, spf
from router.identity.authentication_results import Results
from router.identity.author import Author
from router.identity.author import find as find_author
from router.identity.lookup import Allowance
from router.message.envelope import RawMessage
from router.message.headers import HeaderFields
from router.message.message import Message


async def results(raw: RawMessage, allowance: Allowance, now: datetime, *, submitted: bool = False) -> Results:
    """SPF's, the signatures' and DMARC's results. Never raises for anything that a mail or the DNS holds.

    submitted: the client is one of ours, or the MTA knows who it is; then its address says nothing about the sender's
    domain, and SPF is left out, with it DMARC unless there is a signature. DMARC is also left out for a mail without
    exactly one author.
    """
    author = author_of(raw)
    envelope_result, signatures, record = await asyncio.gather(
        _nothing() if submitted else spf.check(raw.envelope, allowance.share(spf.QUERIES)),
        dkim.check(raw, allowance, now),
        dmarc.find_record(author.domain, allowance) if author.address else _nothing(),
    )
    found = [] if envelope_result is None else [envelope_result]
    found += signatures
    if record is not None and not (submitted and not any(one.domain for one in signatures)):
        found.append(dmarc.judge(author.domain, record, envelope_result, signatures))
    return tuple(found)


def author_of(raw: RawMessage) -> Author:
    """The author, from the header alone."""
    return find_author(head_of(raw))


def head_of(raw: RawMessage) -> Message:
    """A message of which only the header was read."""
    return Message(raw, HeaderFields(raw.fields), "", "", "", "")


async def _nothing() -> None:
    return None
