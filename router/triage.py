"""One mail, from bytes to Decision: read this page first.

    bytes ── message.read ──► Message ── Facts, asked for lazily ──► rules.decide ──► Decision

What a mail says is judged nowhere here: that is rules.yaml. What comes from outside (clock, DNS, lists, tickets,
model) is handed in as `Services`. The same function serves the milter, the command line and the tests, so that the
same mail gives the same decision everywhere.
"""

from router.decision import Decision
from router.facts import Facts, Services
from router.message.envelope import RawMessage
from router.message.message import Message
from router.message.read import read
from router.rules.decide import decide, out_of_scope
from router.rules.ruleset import Ruleset


def triage(
    raw: RawMessage, ruleset: Ruleset, services: Services, *, trace: bool = False, message: Message | None = None
) -> Decision:
    """Decide one mail. Never raises for anything a mail can hold.

    A mail for none of our queues is not read at all (amendment 1). trace: also record the rules that did not fire.
    message: `raw` as it was read before, when the same mail is decided twice.
    """
    if not ruleset.site.in_scope(raw.envelope.recipients):
        return out_of_scope(raw, ruleset)
    facts = Facts(message or read(raw), services, ruleset.site)
    return decide(facts, ruleset, trace=trace)
