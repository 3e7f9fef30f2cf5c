"""Conditions on who writes to whom, and how far that is proven. The docstrings are the manual's."""

from collections.abc import Callable

from router.logic import Truth, Unknown, any_of, unknown
from router.message.addresses import ascii_domain
from router.message.envelope import folded
from router.rules import schema_conditions as c
from router.rules.evaluation import Evaluation
from router.rules.making import Making
from router.rules.ruleset import Check
from router.rules.schema_conditions import AddressField, AddressPart
from router.rules.views import account as account_view
from router.vocabulary import AccountState, AuthState

LOOK_UP, PROOF = 6, 7
MAX_SHOWN = 3

_SPF_FAIL = frozenset({"fail", "softfail"})
_OPEN_RESULTS = frozenset({"temperror", "unknown"})


def address(test: c.AddressTest, making: Making) -> Check:
    """`from`, `envelope_from`, `sender`, `reply_to`, `to`, `cc`, `any_address`: an address of the mail.

    `from`, `sender`, `reply_to`, `to` and `cc` are the header fields, every address in them; `envelope_from` is SMTP's
    MAIL FROM (`""` is the null sender). An address as it is, or `{is: …}`, `{domain: …}` (itself, not its subdomains),
    `{domain_in: LIST}`, `{local_part: …}`, `{in: LIST}`, `{same_as: FIELD}` (one address is in both). Letter case does
    not matter; `anna@` also fits `anna+list@`.

    Unknown when the list is unreadable.
    """
    where, part = test.where, test.part
    shown = " or ".join(str(value) or '""' for value in test.values[:MAX_SHOWN])
    said = f"{where} {shown}" if part is AddressPart.IS else f"{where} {part.replace('_', ' ')} {shown}"
    if part is AddressPart.SAME_AS:
        other = AddressField(str(test.values[0]))
        return Check(lambda e: bool(set(_real(e, where)) & set(_real(e, other))), said, _seen(where))
    if part in (AddressPart.IN, AddressPart.DOMAIN_IN):
        name = str(test.values[0])
        key = _domain if part is AddressPart.DOMAIN_IN else str

        def listed(e: Evaluation) -> Truth:
            found = _real(e, where)
            if len(found) == 1:
                return e.in_list(name, key(found[0]))
            return any_of(e.in_list(name, key(one)) for one in found)

        return Check(listed, said, _seen(where), LOOK_UP)
    fits = _fits(part, tuple(str(value) for value in test.values))
    return Check(lambda e: any(fits(one) for one in e.addresses(where)), said, _seen(where))


def recipient(test: c.Recipient, making: Making) -> Check:
    """`recipient`: the SMTP envelope's recipients, whatever the header says; true if any of them fits.

    An address, `{queue: QUEUE}` (its address, an alias, with or without `+detail`), `{in: LIST}`, or
    `{count: {over: N}}`. Unknown when the list is unreadable.
    """
    if test.queues:
        queues = frozenset(str(queue) for queue in test.queues)
        said = f"recipient {' or '.join(test.queues)}"
        return Check(lambda e: not queues.isdisjoint(e.addressed), said, _recipients, cost=0)
    if test.count_over is not None:
        over = test.count_over
        return Check(lambda e: len(e.facts.recipients) > over, f"recipient count over {over}", _recipients, cost=0)
    if test.in_list is not None:
        name = str(test.in_list)

        def judge(e: Evaluation) -> Truth:
            return any_of(e.in_list(name, folded(one.address)) for one in e.facts.recipients)

        return Check(judge, f"recipient in {name}", _recipients, LOOK_UP)
    wanted = str(test.address)
    keep = "+" in wanted
    plain = folded(wanted, keep_detail=keep)
    return Check(
        lambda e: any(folded(one.address, keep_detail=keep) == plain for one in e.facts.recipients),
        f"recipient {wanted}",
        _recipients,
        cost=0,
    )


def sender_in(test: c.SenderIn, making: Making) -> Check:
    """`sender_in: LIST`: the author (the one address of From) is in the list.

    False for a mail without exactly one author. Unknown when the list is unreadable, stale or timed out.
    """
    name = str(test.list_name)

    def judge(e: Evaluation) -> Truth:
        author = e.facts.author.address
        return e.in_list(name, folded(author, keep_detail=True)) if author else False

    def evidence(e: Evaluation) -> str:
        return e.facts.author.address or e.facts.author.ambiguous or "no author"

    return Check(judge, f"sender_in {name}", evidence, LOOK_UP)


def auth(test: c.Auth, making: Making) -> Check:
    """`auth: pass | fail | none`: whether the author's domain is proven.

    `pass`: SPF passed for an aligned envelope sender, or an aligned DKIM signature is good. `fail`: no pass, and SPF
    said fail or softfail, or an aligned signature is bad. `none`: nothing of it. `{spf: pass}`, `{dkim: …}` and
    `{dmarc: …}` ask one mechanism alone; `fail` of SPF holds softfail. What a forwarder or a list of
    `settings.trusted_sealers` saw before it broke the mail is a pass too; `{arc: pass}`: its ARC chain is good.

    Unknown after a temporary error, a DNS time-out, or when nothing was checked.
    """
    wanted = test.result
    if test.mechanism is None:

        def judge(e: Evaluation) -> Truth:
            found = e.facts.auth
            if found.state is AuthState.UNKNOWN:
                return unknown(f"auth: {found.why}" if found.why else "auth is not known")
            return found.state is wanted

        return Check(judge, f"auth {wanted}", lambda e: _with_why(e.facts.auth.state, e.facts.auth.why), PROOF)
    mechanism = test.mechanism
    accepted = _SPF_FAIL if (mechanism, wanted) == ("spf", AuthState.FAIL) else frozenset({str(wanted)})

    def judge_one(e: Evaluation) -> Truth:
        result = str(getattr(e.facts.auth, mechanism))
        return unknown(f"{mechanism}: {result}") if result in _OPEN_RESULTS else result in accepted

    return Check(judge_one, f"auth {mechanism} {wanted}", lambda e: str(getattr(e.facts.auth, mechanism)), PROOF)


def account(test: c.Account, making: Making) -> Check:
    """`account: named | missing | belongs_to_sender | conflict`: how the contract or login in the mail fits its author.

    `conflict`: one is named and the author's row of the contact list has another. `belongs_to_sender`: named and equal
    to the author's row, or none named and the author has exactly one row. `named`: named, and not known to be the
    author's. `missing`: neither. Unknown when the list is unreadable or stale.
    """
    states = frozenset(test.states)

    def judge(e: Evaluation) -> Truth:
        view = account_view(e)
        return Unknown(view.why) if view.state is AccountState.UNKNOWN else view.state in states

    def evidence(e: Evaluation) -> str:
        view = account_view(e)
        return ", ".join(filter(None, (str(view.state), view.contract and f"contract {view.contract}")))

    return Check(judge, f"account {' or '.join(test.states)}", evidence, LOOK_UP + 1)


def automatic(test: c.AutomaticIs, making: Making) -> Check:
    """`automatic: any | auto_reply | bounce | list | bulk | own | no_reply_address`: no person wrote it to us just now.

    Never unknown.
    """
    kinds = frozenset(test.kinds)

    def judge(e: Evaluation) -> Truth:
        return not kinds.isdisjoint(e.facts.automatic) if kinds else bool(e.facts.automatic)

    def evidence(e: Evaluation) -> str:
        shown = [why for kind, why in e.facts.automatic.items() if not kinds or kind in kinds]
        return "; ".join(shown) or "no Auto-Submitted, no List-*, envelope sender present"

    return Check(judge, f"automatic {' or '.join(test.kinds) or 'any'}", evidence, cost=3)


def submitted(test: c.Submitted, making: Making) -> Check:
    """`submitted: true`: the MTA authenticated the client, or the client is in `settings.own_clients`.

    Never unknown.
    """
    return Check(lambda e: e.facts.submitted, "submitted", cost=1)


def panel(test: c.Panel, making: Making) -> Check:
    """`panel: true`: the mail comes from the control panel's form, by its client address or its signed field.

    Never unknown.
    """
    return Check(lambda e: e.facts.panel, "panel", cost=1)


def _fits(part: AddressPart, values: tuple[str, ...]) -> Callable[[str], bool]:
    if part is AddressPart.DOMAIN:
        domains = frozenset(ascii_domain(value) or value.casefold() for value in values)
        return lambda one: _domain(one) in domains
    if part is AddressPart.LOCAL_PART:
        locals_ = frozenset(value.casefold() for value in values)
        return lambda one: bool(locals_ & {one.rpartition("@")[0], folded(one).rpartition("@")[0]})
    plain = frozenset(_comparable(value) for value in values)
    return lambda one: bool(plain & {_comparable(one), folded(_comparable(one))})


def _comparable(one: str) -> str:
    """An address with its domain in the one spelling."""
    local, at, domain = folded(one, keep_detail=True).rpartition("@")
    return local + at + (ascii_domain(domain) or domain) if at else domain


def _domain(one: str) -> str:
    domain = one.rpartition("@")[2]
    return ascii_domain(domain) or domain


def _real(e: Evaluation, where: AddressField) -> tuple[str, ...]:
    return tuple(one for one in e.addresses(where) if one)


def _seen(where: AddressField) -> Callable[[Evaluation], str]:
    def evidence(e: Evaluation) -> str:
        seen = e.addresses(where)
        more = f" and {len(seen) - MAX_SHOWN} more" if len(seen) > MAX_SHOWN else ""
        return (", ".join(one or "null sender" for one in seen[:MAX_SHOWN]) or "no address") + more

    return evidence


def _recipients(e: Evaluation) -> str:
    return ", ".join(one.address for one in e.facts.recipients[:MAX_SHOWN])


def _with_why(state: AuthState, why: str) -> str:
    return f"{state}: {why}" if why else str(state)
