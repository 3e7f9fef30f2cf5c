"""Whose word is taken about the author, and what the words add up to (amendment 3)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.identity import authentication_results
from router.identity.alignment import aligned, organisational_domain
from router.identity.authentication import authenticate, join
from router.identity.authentication_results import _PLAIN, Result, _authres_infos, _infos, _plain_infos
from router.identity.author import find as find_author
from router.vocabulary import AuthState
from tests.signals.letters import letter

TRUSTED = frozenset({"mx.desk.example"})
SPF = "spf=pass smtp.mailfrom=olena@customer.example"
YES = "spf=pass customer.example"
NO = "nobody checked"


def results(head: str, sender: str = "<olena@customer.example>") -> str:
    """`spf=pass customer.example; …` of what is believed; "nobody checked"."""
    found = authentication_results.find(letter(head, sender=sender), TRUSTED)
    if found is None:
        return NO
    return "; ".join(f"{one.method}={one.word} {one.domain}".strip() for one in found)


def field(body: str) -> str:
    return f"Authentication-Results: {body}"


def mx(results: str) -> str:
    return field(f"mx.desk.example; {results}")


OF_A = "dkim=pass a.example"
FORMS = [
    # name, header, what is believed
    ("plain", mx(f"{SPF}"), YES),
    ("a domain only", mx("spf=pass smtp.mailfrom=customer.example"), YES),
    ("any letter case", field("MX.Desk.Example; SPF=Pass SMTP.MailFrom=Olena@Customer.EXAMPLE"), YES),
    ("version", field(f"mx.desk.example 1; {SPF}"), YES),
    ("folded", field(f"mx.desk.example;\n\t{SPF}"), YES),
    ("comment", mx("spf=pass (sender authorized) smtp.mailfrom=customer.example"), YES),
    ("comment in a comment", mx("spf=pass (a (b)) smtp.mailfrom=customer.example"), YES),
    ("a semicolon in a comment", mx("dkim=pass (2048-bit key; unprotected) header.d=a.example"), OF_A),
    ("rspamd", mx('dkim=pass header.d=a.example header.s=s header.b="q/+="; arc=none; dmarc=pass (policy=none) '
        "header.from=a.example; spf=pass (mx: domain of x designates 1.2.3.4 as permitted sender) "
        "smtp.mailfrom=olena@customer.example"), f"{OF_A}; dmarc=pass a.example; {YES}"),
    ("OpenDKIM", field("mx.desk.example;\n\tdkim=pass (2048-bit key; secure) header.d=a.example header.i=@a.example "
        "header.a=rsa-sha256 header.s=s header.b=AbC"), OF_A),
    ("OpenDMARC", mx("dmarc=fail (p=none dis=none) header.from=a.example"), "dmarc=fail a.example"),
    ("two signatures", mx('dkim=fail reason="bad body" header.d=a.example; dkim=pass header.d=b.example'),
        "dkim=fail a.example; dkim=pass b.example"),
    ("header.i alone", mx("dkim=pass header.i=anna@a.example"), OF_A),
    ("older words", mx("spf=hardfail smtp.mailfrom=customer.example; dkim=error header.d=a.example"),
        "spf=fail customer.example; dkim=temperror a.example"),
    ("nothing checked", mx("none"), ""),
    ("no signature", mx("dkim=none"), "dkim=none"),
    ("other methods", mx("iprev=pass policy.iprev=192.0.2.1; x-tls=pass; bimi=pass"), ""),
    ("a word of the future", mx("spf=probably smtp.mailfrom=customer.example"), ""),
    ("IDN sender", mx("spf=pass smtp.mailfrom=xn--80a1acn3a.xn--j1amh"), ""),
    # SPF of something else (CVE-2019-20790, CVE-2020-12272)
    ("HELO", mx("spf=pass smtp.helo=customer.example"), ""),
    ("HELO and no MAIL FROM", mx("spf=pass smtp.helo=customer.example smtp.mailfrom="), ""),
    ("another envelope", mx("spf=pass smtp.mailfrom=evil.example"), ""),
    ("a subdomain's envelope", mx("spf=pass smtp.mailfrom=a.customer.example"), ""),
    ("a comment in the domain", mx("spf=pass smtp.mailfrom=customer.example(.evil.example"), NO),
    ("a comment in d=", mx("dkim=pass header.d=customer.example(.evil.example)"), NO),
    ("a comment in a quoted d=", mx('dkim=pass header.d="customer.example(.evil.example)"'), ""),
    ("two @", mx("spf=pass smtp.mailfrom=x@evil.example@customer.example"), YES),
    # not trusted
    ("another id", field(f"mx.evil.example; {SPF}"), NO),
    ("an id below ours", field(f"a.mx.desk.example; {SPF}"), NO),
    ("a quoted id", field(f'"mx.desk.example"; {SPF}'), NO),
    ("a comment before the id", field(f"(x) mx.desk.example; {SPF}"), NO),
    ("a comment behind the id", field(f"mx.desk.example (x); {SPF}"), NO),
    ("an encoded word", field(f"=?utf-8?q?mx.desk.example?=; {SPF}"), NO),
    ("two ids", field(f"mx.evil.example mx.desk.example; {SPF}"), NO),
    ("no id", field(SPF), NO),
    ("empty", field(""), NO),
    ("the id alone", field("mx.desk.example"), NO),
    ("no results", field("mx.desk.example;"), NO),
    ("Cyrillic letters", field(f"mх.desk.example; {SPF}"), NO),
    ("8-bit text", mx(f"{SPF} (Привіт)"), NO),
    ("a NUL", field(f"mx.desk.example\x00; {SPF}"), NO),
    ("a deep comment", mx(f"spf=pass {'(' * 3_000} smtp.mailfrom=customer.example"), NO),
    ("9 KiB", mx(f"{SPF} ({'x' * 9_000})"), NO),
    ("another field's name", f"X-Authentication-Results: mx.desk.example; {SPF}", NO),
]  # fmt: skip


@pytest.mark.parametrize(("head", "expected"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_forms_of_the_field(head: str, expected: str) -> None:
    """What a field says, if it is one that we believe (REL row 35)."""
    assert results(head) == expected


PASS = mx(f"{SPF}")
FORGED = mx("dkim=pass header.d=customer.example")
FAIL = mx("dkim=none; spf=fail smtp.mailfrom=customer.example")
RECEIVED = "Received: from a by b"
PLACES = [
    ("on top", f"{PASS}\nFrom: a@b.example", YES),
    ("above the client's Received", f"{PASS}\n{RECEIVED}\n{RECEIVED}\nFrom: a@b.example", YES),
    ("below our relay's Received", f"{RECEIVED}\n{PASS}\n{RECEIVED}\nFrom: a@b.example", YES),
    ("stored mail", f"Return-Path: <a@b.example>\nDelivered-To: c@d.example\n{RECEIVED}\n{PASS}", YES),
    ("beside other border fields", f"Received-SPF: pass\nARC-Seal: x\n{PASS}", YES),
    ("below a second Received", f"{RECEIVED}\n{RECEIVED}\n{PASS}", NO),
    ("below From", f"From: a@b.example\n{PASS}", NO),
    ("below the signature", f"DKIM-Signature: x\n{PASS}", NO),
    ("below Subject, above Received", f"Subject: x\n{PASS}\n{RECEIVED}", NO),
    ("forged below genuine, same method", f"{FAIL}\n{FORGED}", "dkim=none; spf=fail customer.example"),
    ("forged below one made unreadable", f"{mx('dkim=pass header.d=a.example(.b.example)')}\n{FORGED}", NO),
    ("forged below one with 8-bit text", f"{mx('dkim=none (Привіт)')}\n{FORGED}", NO),
    ("forged below one too long", f"{mx('dkim=none (' + 'x' * 9_000)}\n{FORGED}", NO),
    ("genuine above one made unreadable", f"{PASS}\n{mx('dkim=pass header.d=a(b')}\n{FORGED}", YES),
    ("two genuine", f"{PASS}\n{FORGED}", "spf=pass customer.example; dkim=pass customer.example"),
    ("another's word on top of ours", f"{field('x.example; spf=fail')}\n{PASS}", YES),
]  # fmt: skip


@pytest.mark.parametrize(("head", "expected"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
def test_places_of_the_field(head: str, expected: str) -> None:
    """Only the border's block counts, and of each method its topmost field."""
    assert results(head) == expected


def test_a_unicode_envelope_sender_is_compared_as_a_label() -> None:
    """SMTPUTF8: the border writes the A-label, the envelope has letters."""
    head = mx("spf=pass smtp.mailfrom=xn--80a1acn3a.xn--j1amh")
    assert results(head, "<олена@пошта.укр>") == "spf=pass xn--80a1acn3a.xn--j1amh"
    assert results(head, "<>") == ""


def proof(
    checked: str, *, author: str = "anna@customer.example", sender: str = "<anna@customer.example>", more: str = ""
):
    head = (f"Authentication-Results: mx.desk.example; {checked}\n" if checked else "") + f"From: {author}{more}"
    message = letter(head, sender=sender)
    return authenticate(message, find_author(message), TRUSTED)


BELOW = "spf=pass smtp.mailfrom=x.customer.example"
JOINED = [
    # what was checked, author, sender, state
    ("spf=pass smtp.mailfrom=customer.example", "", "", "pass"),
    ("dkim=pass header.d=customer.example", "", "", "pass"),
    ("dmarc=pass header.from=customer.example", "", "", "pass"),
    ("spf=fail smtp.mailfrom=customer.example; dkim=pass header.d=customer.example", "", "", "pass"),
    ("spf=temperror smtp.mailfrom=customer.example; dkim=pass header.d=customer.example", "", "", "pass"),
    ("dkim=fail header.d=customer.example; dkim=pass header.d=customer.example", "", "", "pass"),
    ("dkim=pass header.d=customer.example", "anna@mail.customer.example", "", "pass"),
    ("spf=pass smtp.mailfrom=customer.example", "anna@mail.customer.example", "", "pass"),
    ("dkim=pass header.d=CUSTOMER.example", "Anna@Customer.Example", "", "pass"),
    ("dkim=pass header.d=xn--80a1acn3a.xn--j1amh", "олена@пошта.укр", "", "pass"),
    # somebody else's proof
    ("spf=pass smtp.mailfrom=evil.example", "", "<x@evil.example>", "none"),
    ("spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example", "", "<x@evil.example>", "none"),
    ("dkim=pass header.d=evilcustomer.example", "", "", "none"),
    ("dkim=pass header.d=example", "", "", "none"),
    ("dmarc=pass header.from=evil.example", "", "", "none"),
    (BELOW, "", "<a@x.customer.example>", "pass"),
    (BELOW, "anna@customer.com.ua", "<a@x.customer.example>", "none"),
    ("spf=pass smtp.mailfrom=evil.com.ua", "anna@customer.com.ua", "<a@evil.com.ua>", "none"),
    (f"{BELOW}; dmarc=fail header.from=customer.example", "", "<a@x.customer.example>", "none"),
    # nothing, and failures
    ("none", "", "", "none"),
    ("dkim=none; spf=none smtp.mailfrom=customer.example", "", "", "none"),
    ("spf=neutral smtp.mailfrom=customer.example", "", "", "none"),
    ("spf=fail smtp.mailfrom=customer.example", "", "", "fail"),
    ("spf=softfail smtp.mailfrom=customer.example", "", "", "fail"),
    ("dkim=fail header.d=customer.example", "", "", "fail"),
    ("dkim=fail header.d=lists.example", "", "", "none"),
    ("spf=temperror smtp.mailfrom=customer.example", "", "", "unknown"),
    ("dkim=temperror header.d=customer.example; spf=fail smtp.mailfrom=customer.example", "", "", "unknown"),
    ("dmarc=temperror header.from=customer.example", "", "", "unknown"),
    # strict alignment shows in DMARC's own word
    ("dkim=pass header.d=b.example; dmarc=fail header.from=a.b.example", "x@a.b.example", "", "none"),
    # nobody
    ("dkim=pass header.d=customer.example", "a@customer.example, b@customer.example", "", "ambiguous"),
    ("", "", "", "unknown"),
    ("", "a@b.example <c@d.example>", "", "ambiguous"),
]  # fmt: skip


@pytest.mark.parametrize(("checked", "author", "sender", "state"), JOINED)
def test_the_results_add_up(checked: str, author: str, sender: str, state: str) -> None:
    """Amendment 3, case by case: about the author's domain, whatever else passed."""
    found = proof(checked, author=author or "anna@customer.example", sender=sender or "<anna@customer.example>")
    assert (found.state, bool(found.why)) == (state, True)


def test_a_signed_mail_with_a_second_subject_proves_nothing() -> None:
    """A replayed signature covers one of the two (REL row 40); SPF does not care."""
    twice = "\nSubject: one\nSubject: two"
    assert proof("dkim=pass header.d=customer.example", more=twice).state is AuthState.AMBIGUOUS
    assert proof("spf=pass smtp.mailfrom=customer.example", more=twice).state is AuthState.PASS


def test_spf_of_another_envelope_is_not_this_ones() -> None:
    """Whoever made the results: they are about the MAIL FROM of this mail, or about nothing."""
    author = find_author(letter("From: anna@customer.example"))
    result = (Result("spf", "pass", "customer.example"),)
    assert join(author, "x@customer.example", result).state is AuthState.PASS
    assert join(author, "x@evil.example", result).state is AuthState.NONE
    assert join(author, "", result).state is AuthState.NONE


def test_words_for_the_record() -> None:
    """Each method's RFC 8601 word, the aligned signature's before another's; "unknown" where none was checked."""
    found = proof(
        "dkim=fail header.d=lists.example; dkim=pass header.d=customer.example; dmarc=none header.from=x.example"
    )
    assert (found.spf, found.dkim, found.dmarc) == ("unknown", "pass", "none")
    assert found.why == "DKIM passed for customer.example"
    assert proof("").why == "not checked: no trusted Authentication-Results"


@pytest.mark.parametrize(
    ("author", "proven", "expected"),
    [
        ("customer.example", "customer.example", True),
        ("mail.customer.example", "customer.example", True),
        ("customer.example", "bounces.customer.example", True),
        ("a.customer.com.ua", "b.customer.com.ua", True),
        ("customer.com.ua", "evil.com.ua", False),
        ("customer.com.ua", "com.ua", False),
        ("com.ua", "evil.com.ua", False),
        ("anna.github.io", "evil.github.io", False),
        ("github.io", "evil.github.io", False),
        ("evilcustomer.example", "customer.example", False),
        ("customer.example", "customer.test", False),
        ("customer.example", "example", False),
        ("localhost", "localhost", False),
        ("", "customer.example", False),
        ("mail.xn--80a1acn3a.xn--j1amh", "xn--80a1acn3a.xn--j1amh", True),
    ],
)
def test_alignment_is_by_organisation(author: str, proven: str, expected: bool) -> None:
    """One registered domain; never two tenants of a public suffix, nor the suffix itself."""
    assert aligned(author, proven) == expected


def test_the_organisational_domain() -> None:
    """What somebody registered; a public suffix is nobody's."""
    assert organisational_domain("a.b.customer.kiev.ua") == "customer.kiev.ua"
    assert organisational_domain("com.ua") is None


WORDS = st.sampled_from(
    ["spf", "dkim", "dmarc", "arc", "pass", "fail", "none", "customer", "x", "a@b.example", "@b.example"]
)
VALUES = st.text("ab@._+/=-1", min_size=1, max_size=8)
PROPERTIES = st.builds(
    " {}.{}={}".format,
    st.sampled_from(["smtp", "header", "policy"]),
    st.sampled_from(["mailfrom", "d", "from", "b"]),
    VALUES,
)
COMMENTS = st.sampled_from(["", " (x)", " (2048-bit key; secure)", " (p=none dis=none)", " ((x))", " (a\\)b)"])
INFOS = st.builds(
    "{}{}={}{}{}{}".format,
    st.sampled_from(["", " ", "  "]),
    WORDS,
    WORDS,
    COMMENTS,
    st.lists(PROPERTIES, max_size=3).map("".join),
    st.sampled_from(["", " ", " reason=x"]),
)
BODIES = st.lists(INFOS, min_size=1, max_size=4).map(";".join)


@settings(max_examples=1_500, deadline=None)
@given(BODIES)
def test_the_short_way_reads_what_authres_reads(body: str) -> None:
    """Whatever the plain form accepts, authres reads alike."""
    if _PLAIN.fullmatch(";" + body):
        assert _plain_infos(";" + body) == _authres_infos("mx.desk.example;" + body)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.text('();="\\ .aspf', max_size=60))
def test_no_field_breaks_the_reader(body: str) -> None:
    """Any text: results or None."""
    assert _infos(b"mx.desk.example;" + body.encode("utf-8", "replace")) is not False
