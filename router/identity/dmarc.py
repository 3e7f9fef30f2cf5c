"""DMARC (RFC 7489): whether SPF or DKIM speaks for the author's domain as its owner wants it.

The record of the author's domain counts, else that of its organisation. Alignment is relaxed (one organisation, by the
public suffix list) unless the record says strict. What a domain wants done with failing mail (`p=`) is noted, not done:
rules.yaml decides. Reports, `pct=` and `fo=` are the border's business.
"""

from collections.abc import Sequence
from typing import Literal

from router.frozen import dataclass
from router.identity.alignment import aligned, organisational_domain
from router.identity.authentication_results import Result
from router.identity.lookup import ABSENT, Answer, Ask, Status

MAX_RECORD_BYTES = 4_096
POLICIES = frozenset({"none", "quarantine", "reject"})


@dataclass(frozen=True, slots=True)
class Record:
    """policy, subdomain_policy: none, quarantine or reject. of: the domain where it stands."""

    of: str
    policy: str
    subdomain_policy: str
    strict_spf: bool
    strict_dkim: bool

    def policy_for(self, domain: str) -> str:
        return self.policy if domain == self.of else self.subdomain_policy


def parse(text: bytes, of: str) -> Record | None:
    """The record in a TXT, or None when it is not one. A record without a valid `p=` counts as `p=none` only where it
    has an address for reports (6.6.3)."""
    if len(text) > MAX_RECORD_BYTES or not text.isascii():
        return None
    tags: dict[str, str] = {}
    for number, part in enumerate(text.decode("ascii").split(";")):
        name, equals, value = part.partition("=")
        name, value = name.strip().lower(), value.strip()
        if number == 0 and (name, value) != ("v", "DMARC1"):
            return None
        if equals:
            tags.setdefault(name, value)
    policy = tags.get("p", "").lower()
    subdomain_policy = tags.get("sp", policy).lower()
    if policy not in POLICIES or subdomain_policy not in POLICIES:
        if "rua" not in tags:
            return None
        policy = subdomain_policy = "none"
    return Record(
        of, policy, subdomain_policy, tags.get("aspf", "r").lower() == "s", tags.get("adkim", "r").lower() == "s"
    )


async def find_record(domain: str, ask: Ask) -> Record | Answer:
    """The record that holds for mail of `domain`, or the ABSENT or TEMPERROR answer for which there is none.

    Two records at one place are none, and nobody looks further (6.6.3).
    """
    answer = await ask(f"_dmarc.{domain}", "TXT")
    if answer.status is Status.TEMPERROR:
        return answer
    found = _record(answer, domain)
    organisation = organisational_domain(domain)
    if found is None and organisation and organisation != domain:
        answer = await ask(f"_dmarc.{organisation}", "TXT")
        if answer.status is Status.TEMPERROR:
            return answer
        found = _record(answer, organisation)
    return found if isinstance(found, Record) else ABSENT


def judge(domain: str, record: Record | Answer, spf: Result | None, signatures: Sequence[Result]) -> Result:
    """The result for the author's domain. `temperror` when a check that did not end could still have made it pass."""
    if isinstance(record, Answer):
        if record.status is Status.TEMPERROR:
            return Result("dmarc", "temperror", domain, record.why)
        return Result("dmarc", "none", domain, "no record")
    note = f"p={record.policy_for(domain)}"
    able = [one for one in signatures if _fits(domain, one.domain, record.strict_dkim)]
    if spf is not None and _fits(domain, spf.domain, record.strict_spf):
        able.append(spf)
    if any(one.word == "pass" for one in able):
        return Result("dmarc", "pass", domain, note)
    if any(one.word == "temperror" for one in able):
        return Result("dmarc", "temperror", domain, note)
    return Result("dmarc", "fail", domain, note)


def _fits(author_domain: str, proven: str, strict: bool) -> bool:
    return author_domain == proven if strict else aligned(author_domain, proven)


def _record(answer: Answer, of: str) -> Record | Literal["several"] | None:
    found = [record for one in answer.texts() if (record := parse(one, of))]
    return "several" if len(found) > 1 else found[0] if found else None
