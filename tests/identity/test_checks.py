"""Our own checks of whole mails against a DNS server on loopback, joined to what a rule sees (amendment 3)."""

import asyncio
from dataclasses import replace

import pytest

from router.identity import checks
from router.identity.authentication import join
from router.identity.lookup import Limits, Resolver, wire
from router.message.envelope import RawMessage, address_of
from router.vocabulary import AuthState
from tests.identity.dns_server import MODES, DnsServer
from tests.identity.signing import AT, HEAD, ed25519_key, mail, record, rsa_key, signature, signed

FAST = Limits(deadline_s=1.2, try_s=0.3)


@pytest.fixture
def dns():
    """customer.example: SPF for 192.0.2.10, two keys, no DMARC."""
    with DnsServer() as server:
        server.txt("customer.example", "v=spf1 ip4:192.0.2.10 -all")
        server.txt("s1._domainkey.customer.example", record(rsa_key()))
        server.txt("s2._domainkey.customer.example", record(ed25519_key()))
        yield server


def proof(raw: RawMessage, dns: DnsServer, **more):
    async def run():
        resolver = Resolver(wire([("127.0.0.1", dns.port)], FAST.try_s), FAST)
        return await checks.results(raw, resolver.for_mail(), AT, **more)

    results = asyncio.run(run())
    return join(checks.author_of(raw), address_of(raw.envelope.sender), results)


SIGNED = signed(mail(), signature(mail(), rsa_key()))
BOTH = signed(mail(), signature(mail(), ed25519_key(), selector="s2"), signature(mail(), rsa_key()))
BY_ANOTHER = mail(sender="<bounce@evil.example>", client="198.51.100.1")
STATES = [
    # name, mail, DMARC record, state, spf, dkim, dmarc
    ("SPF alone", mail(), "", "pass", "pass", "none", "none"),
    ("another client", mail(client="198.51.100.1"), "", "fail", "fail", "none", "none"),
    ("signed", replace(SIGNED, envelope=BY_ANOTHER.envelope), "", "pass", "none", "pass", "none"),
    ("signed twice", replace(BOTH, envelope=BY_ANOTHER.envelope), "", "pass", "none", "pass", "none"),
    ("changed", replace(SIGNED, envelope=BY_ANOTHER.envelope, body=b"x"), "", "fail", "none", "fail", "none"),
    ("nothing", BY_ANOTHER, "", "none", "none", "none", "none"),
    (
        "forwarded and signed",
        replace(SIGNED, envelope=mail(client="198.51.100.1").envelope),
        "",
        "pass",
        "fail",
        "pass",
        "none",
    ),
    ("DMARC", mail(), "v=DMARC1; p=reject", "pass", "pass", "none", "pass"),
    ("DMARC fails", BY_ANOTHER, "v=DMARC1; p=reject", "none", "none", "none", "fail"),
    (
        "strict, a subdomain's envelope",
        mail(sender="<a@x.customer.example>"),
        "v=DMARC1; p=none; aspf=s",
        "none",
        "pass",
        "none",
        "fail",
    ),
    (
        "relaxed, a subdomain's envelope",
        mail(sender="<a@x.customer.example>"),
        "v=DMARC1; p=none",
        "pass",
        "pass",
        "none",
        "pass",
    ),
    (
        "null sender, signed",
        signed(mail(sender="<>"), signature(mail(), rsa_key())),
        "",
        "pass",
        "unknown",
        "pass",
        "none",
    ),
    ("null sender", mail(sender="<>"), "", "none", "unknown", "none", "none"),
    ("two authors", mail(HEAD + "\nFrom: boss@customer.example"), "", "ambiguous", "pass", "none", "unknown"),
    (
        "signed, a second Subject",
        replace(SIGNED, envelope=BY_ANOTHER.envelope, fields=((b"Subject", b" Pay"), *SIGNED.fields)),
        "",
        "ambiguous",
        "none",
        "pass",
        "none",
    ),
    (
        "body cut, signed",
        replace(SIGNED, envelope=BY_ANOTHER.envelope, body_cut=True),
        "",
        "unknown",
        "none",
        "temperror",
        "none",
    ),
    ("body cut, SPF", replace(SIGNED, body_cut=True), "", "pass", "pass", "temperror", "none"),
]


@pytest.mark.parametrize(
    ("raw", "policy", "state", "spf", "dkim", "dmarc"), [row[1:] for row in STATES], ids=[row[0] for row in STATES]
)
def test_mails(dns, raw, policy, state, spf, dkim, dmarc):
    dns.txt("x.customer.example", "v=spf1 ip4:192.0.2.10 -all")
    if policy:
        dns.txt("_dmarc.customer.example", policy)
    found = proof(raw, dns)
    assert (found.state, found.spf, found.dkim, found.dmarc) == (state, spf, dkim, dmarc), found.why
    assert found.why


@pytest.mark.parametrize("mode", MODES)
def test_no_fault_of_the_dns_is_taken_for_a_forgery(dns, mode):
    """Ten faults: pass where the answer gets through, unknown where it does not, `fail` never."""
    dns.mode, dns.delay_s = mode, 0.2
    found = proof(replace(SIGNED, envelope=BY_ANOTHER.envelope), dns)
    expected = {
        "silent": "unknown", "servfail": "unknown", "refused": "unknown", "cname-loop": "unknown",
        "nxdomain": "fail",  # somebody who knows says that there is no such key
    }.get(mode, "pass")  # fmt: skip
    assert found.state == expected, found.why
    if expected == "unknown":
        assert "did not come to an end" in found.why and found.dkim == "temperror"


def test_silence_of_one_check_does_not_undo_another(dns):
    dns.modes["customer.example"] = "silent"
    found = proof(SIGNED, dns)
    assert (found.state, found.spf, found.dkim) == (AuthState.PASS, "temperror", "pass")


@pytest.mark.parametrize("number", range(4))
def test_no_mail_asks_more_than_twenty_times(dns, number):
    """SPF made to ask, three signatures, DMARC below an organisation: twenty questions, and the signature is heard."""
    bombs = [
        "v=spf1 mx mx:a.example mx:b.example -all",
        "v=spf1 " + " ".join(f"include:i{n}.example" for n in range(10)) + " -all",
        "v=spf1 ptr:none.example mx -all",
        "v=spf1 a:w1.example mx redirect=r.example",
    ]
    for name in ("evil.example", "a.example", "b.example"):
        dns.records[name, "MX"] = [f"{n} m{n}.{name}." for n in range(10)]
        dns.records.update({(f"m{n}.{name}", "A"): ["192.0.2.77"] for n in range(10)})
    for n in range(10):
        dns.txt(f"i{n}.example", f"v=spf1 a:a{n}.example a:b{n}.example ?all")
        dns.records[f"a{n}.example", "A"] = dns.records[f"b{n}.example", "A"] = ["192.0.2.78"]
    dns.records["1.100.51.198.in-addr.arpa", "PTR"] = [f"p{n}.example." for n in range(10)]
    dns.txt("r.example", bombs[0])
    dns.txt("evil.example", bombs[number])
    raw = signed(
        mail(HEAD.replace("@customer", "@mail.customer")),
        *(signature(mail(), rsa_key(), domain=one) for one in ("x.example", "y.example")),
        signature(mail(HEAD.replace("@customer", "@mail.customer")), rsa_key()),
    )
    found = proof(replace(raw, envelope=BY_ANOTHER.envelope), dns)
    assert found.state is AuthState.PASS, found.why
    assert len(set(dns.asked)) <= 20


def test_a_submitted_mail_is_not_held_against_its_clients_address(dns):
    """Our own people send from anywhere; SPF is about other people's servers."""
    dns.txt("_dmarc.customer.example", "v=DMARC1; p=reject")
    raw = mail(client="198.51.100.1")
    assert proof(raw, dns).state is AuthState.FAIL
    found = proof(raw, dns, submitted=True)
    assert (found.state, found.spf, found.dmarc) == (AuthState.NONE, "unknown", "unknown")
    assert proof(SIGNED, dns, submitted=True).state is AuthState.PASS


def test_why_is_told(dns):
    assert proof(mail(), dns).why == "SPF passed for customer.example"
    old = signature(mail(), rsa_key(), at=int(AT.timestamp()) - 20 * 86_400)
    elsewhere = BY_ANOTHER.envelope
    assert (
        proof(replace(signed(mail(), old), envelope=elsewhere), dns).why
        == "DKIM passed for customer.example (signed 20 days before it came)"
    )
    part = signed(mail(), signature(mail(), rsa_key(), length=5))
    assert proof(replace(part, envelope=elsewhere), dns).why.endswith("only a part of the body is signed (l=)")
    cut = replace(SIGNED, envelope=elsewhere, body_cut=True)
    assert proof(cut, dns).why == "dkim did not come to an end (body cut)"
