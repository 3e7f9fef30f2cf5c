"""DMARC: which record holds, what is aligned, what the checks of a mail add up to."""

import asyncio

import pytest

from router.identity import dmarc
from router.identity.authentication_results import Result
from router.identity.dmarc import Record, parse
from router.identity.lookup import ABSENT, Answer, Status, temperror


def ask_of(records: dict[str, str | list[str] | Answer]):
    async def ask(name: str, kind: str) -> Answer:
        assert kind == "TXT"
        found = records.get(name, ABSENT)
        if isinstance(found, Answer):
            return found
        texts = [found] if isinstance(found, str) else found
        return Answer(Status.ANSWER, tuple(one.encode() for one in texts))

    return ask


def record_of(domain: str, records: dict[str, str | list[str] | Answer]) -> Record | Answer:
    return asyncio.run(dmarc.find_record(domain, ask_of(records)))


PARSED = [
    ("v=DMARC1; p=reject", Record("a.example", "reject", "reject", False, False)),
    ("v=DMARC1;p=none;sp=quarantine;", Record("a.example", "none", "quarantine", False, False)),
    ("v = DMARC1 ; p = Reject ; ASPF=S; adkim=s; pct=0", Record("a.example", "reject", "reject", True, True)),
    ("v=DMARC1; p=none; aspf=r; adkim=x", Record("a.example", "none", "none", False, False)),
    ("v=DMARC1; rua=mailto:a@b.example", Record("a.example", "none", "none", False, False)),
    ("v=DMARC1; p=banish; rua=mailto:a@b.example", Record("a.example", "none", "none", False, False)),
    ("v=DMARC1; p=reject; p=none", Record("a.example", "reject", "reject", False, False)),
    ("v=DMARC1", None),
    ("v=DMARC1; p=banish", None),
    ("v=DMARC2; p=reject", None),
    ("v=dmarc1; p=reject", None),
    ("p=reject; v=DMARC1", None),
    ("v=spf1 -all", None),
    ("v=DMARC1; p=reject; x=" + "x" * 5_000, None),
    ("v=DMARC1; p=reject; x=почта", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), PARSED)
def test_records(text, expected):
    assert parse(text.encode(), "a.example") == expected


SILENCE = temperror("timed out")
FOUND = [
    # domain, records, where the record was found and the policy for the domain
    ("a.example", {"_dmarc.a.example": "v=DMARC1; p=reject"}, ("a.example", "reject")),
    ("x.a.example", {"_dmarc.x.a.example": "v=DMARC1; p=none"}, ("x.a.example", "none")),
    ("x.a.example", {"_dmarc.a.example": "v=DMARC1; p=reject"}, ("a.example", "reject")),
    ("x.a.example", {"_dmarc.a.example": "v=DMARC1; p=reject; sp=none"}, ("a.example", "none")),
    ("a.example", {"_dmarc.a.example": "v=DMARC1; p=reject; sp=none"}, ("a.example", "reject")),
    ("y.x.a.com.ua", {"_dmarc.a.com.ua": "v=DMARC1; p=reject"}, ("a.com.ua", "reject")),
    ("y.x.a.example", {"_dmarc.x.a.example": "v=DMARC1; p=reject"}, ABSENT),
    ("a.com.ua", {"_dmarc.com.ua": "v=DMARC1; p=reject"}, ABSENT),
    ("a.example", {"_dmarc.a.example": ["x", "v=DMARC1; p=reject", "v=DMARC1"]}, ("a.example", "reject")),
    (
        "x.a.example",
        {"_dmarc.x.a.example": ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "_dmarc.a.example": "v=DMARC1; p=none"},
        ABSENT,
    ),
    (
        "x.a.example",
        {"_dmarc.x.a.example": "v=spf1 -all", "_dmarc.a.example": "v=DMARC1; p=none"},
        ("a.example", "none"),
    ),
    ("a.example", {}, ABSENT),
    ("a.example", {"_dmarc.a.example": SILENCE}, SILENCE),
    ("x.a.example", {"_dmarc.x.a.example": SILENCE, "_dmarc.a.example": "v=DMARC1; p=none"}, SILENCE),
    ("x.a.example", {"_dmarc.a.example": SILENCE}, SILENCE),
]


@pytest.mark.parametrize(("domain", "records", "expected"), FOUND)
def test_which_record_holds(domain, records, expected):
    """The domain's own, else its organisation's; silence is not "none"."""
    found = record_of(domain, records)
    assert expected == ((found.of, found.policy_for(domain)) if isinstance(found, Record) else found)


RELAXED = Record("a.example", "reject", "none", False, False)
STRICT = Record("a.example", "reject", "none", True, True)
STRICT_DKIM = Record("a.example", "reject", "none", False, True)


def spf(word: str, domain: str = "a.example") -> Result:
    return Result("spf", word, domain)


def dkim(word: str, domain: str = "a.example") -> Result:
    return Result("dkim", word, domain)


JUDGED = [
    # domain, record, SPF, signatures, word
    ("a.example", RELAXED, spf("pass"), [], "pass"),
    ("a.example", RELAXED, None, [dkim("pass")], "pass"),
    ("a.example", RELAXED, spf("fail"), [dkim("pass")], "pass"),
    ("a.example", RELAXED, spf("pass", "bounce.a.example"), [], "pass"),
    ("x.a.example", RELAXED, None, [dkim("pass", "a.example")], "pass"),
    ("a.example", RELAXED, spf("pass", "b.example"), [dkim("pass", "b.example")], "fail"),
    ("a.example", RELAXED, spf("none"), [dkim("none", "")], "fail"),
    ("a.example", RELAXED, spf("softfail"), [dkim("policy")], "fail"),
    ("a.example", RELAXED, spf("fail"), [dkim("fail"), dkim("pass")], "pass"),
    ("a.example", STRICT, spf("pass", "bounce.a.example"), [], "fail"),
    ("a.example", STRICT, spf("pass"), [], "pass"),
    ("x.a.example", STRICT, None, [dkim("pass", "a.example")], "fail"),
    ("x.a.example", STRICT, None, [dkim("pass", "x.a.example")], "pass"),
    ("a.example", STRICT_DKIM, spf("pass", "bounce.a.example"), [], "pass"),
    ("a.example", STRICT_DKIM, None, [dkim("pass", "x.a.example")], "fail"),
    # a check that did not end could have made it pass, or could not
    ("a.example", RELAXED, spf("temperror"), [], "temperror"),
    ("a.example", RELAXED, spf("fail"), [dkim("temperror")], "temperror"),
    ("a.example", RELAXED, spf("temperror", "b.example"), [dkim("none", "")], "fail"),
    ("a.example", STRICT, spf("temperror", "x.a.example"), [], "fail"),
    ("a.example", RELAXED, spf("temperror"), [dkim("pass")], "pass"),
    ("a.example", ABSENT, spf("pass"), [dkim("pass")], "none"),
    ("a.example", SILENCE, spf("pass"), [dkim("pass")], "temperror"),
]


@pytest.mark.parametrize(("domain", "record", "envelope", "signatures", "word"), JUDGED)
def test_what_the_checks_add_up_to(domain, record, envelope, signatures, word):
    """Aligned as the record wants it, relaxed or strict (RFC 7489 3.1)."""
    found = dmarc.judge(domain, record, envelope, signatures)
    assert (found.method, found.word, found.domain) == ("dmarc", word, domain)
