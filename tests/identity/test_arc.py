"""ARC: chains sealed by dkimpy, what somebody does to them on the way, and what a good one proves."""

import asyncio
import re
from dataclasses import replace

import pytest

from router.identity import arc
from router.identity.authentication import join, with_chain
from router.identity.authentication_results import Result, results_in
from router.identity.chain import NO_CHAIN, WORDS, Chain, may_be_sealed
from router.identity.checks import author_of
from router.identity.looked_up import BadLookedUp, LookedUp, from_plain
from router.identity.lookup import ABSENT, Answer, Status, temperror
from router.message.envelope import RawMessage
from router.vocabulary import AuthState
from tests.identity.sealing import PLAIN, SIGNED, as_received, seal
from tests.identity.signing import record, rsa_key

KEY = "a1._domainkey.lists.example"
OTHER = "a1._domainkey.forward.example"
KEYS = {KEY: record(rsa_key()), OTHER: record(rsa_key())}
TRUSTED = ("lists.example",)
NO_RESULTS = join(author_of(as_received(PLAIN)), "list-bounces@lists.example", ())


def check(raw: RawMessage, keys: dict[str, str | Answer] | None = None, sealers=TRUSTED) -> tuple[Chain, list[str]]:
    asked = []

    async def ask(name: str, kind: str) -> Answer:
        assert kind == "TXT"
        asked.append(name)
        found = (KEYS if keys is None else keys).get(name, ABSENT)
        return found if isinstance(found, Answer) else Answer(Status.ANSWER, (found.encode(),))

    return asyncio.run(arc.check(raw, ask, sealers)), asked


def proof(raw: RawMessage, chain: Chain, found=NO_RESULTS):
    return with_chain(found, author_of(raw), "list-bounces@lists.example", chain)


def changed(data: bytes, field: str, was: bytes, becomes: bytes, instance: int = 1) -> bytes:
    """The message with one ARC field of one set changed."""
    fields = re.split(rb"\r\n(?![ \t])", data.partition(b"\r\n\r\n")[0])
    done = []
    for one in fields:
        if one.lower().startswith(field.lower().encode() + b":") and re.search(rb"i=%d;" % instance, one):
            assert was in one, one
            one = one.replace(was, becomes)
        done.append(one)
    return b"\r\n".join(done) + b"\r\n\r\n" + data.partition(b"\r\n\r\n")[2]


def test_a_good_chain_of_a_trusted_sealer_proves_what_he_saw():
    """The list changed nothing of ours; its MAIL FROM is its own, so SPF tells nothing, and DKIM did."""
    raw = as_received(seal(PLAIN))
    chain, asked = check(raw)
    assert chain == Chain("pass", "lists.example", 1, (Result("dkim", "pass", "customer.example"),))
    assert asked == [KEY]
    found = proof(raw, chain)
    assert (found.state, found.arc) == (AuthState.PASS, "pass")
    assert found.why == "DKIM passed for customer.example, as lists.example sealed it (ARC i=1)"


def test_a_forwarder_that_keeps_the_envelope_vouches_for_spf():
    raw = as_received(seal(PLAIN, "spf=pass smtp.mailfrom=olena@customer.example"), "<olena@customer.example>")
    chain, _ = check(raw)
    assert chain.results == (Result("spf", "pass", "customer.example"),)
    found = with_chain(NO_RESULTS, author_of(raw), "olena@customer.example", chain)
    assert found.state is AuthState.PASS


def test_sets_before_may_be_broken_by_the_list_but_not_their_seals():
    """forward.example sealed first; the list then rewrote Subject and body: only the newest signature counts."""
    first = seal(PLAIN, domain="forward.example")
    rewritten = first.replace(b"Subject: The", b"Subject: [list] The").replace(
        b"Good morning", b"Footer\r\nGood morning"
    )
    raw = as_received(seal(rewritten, chain="pass"))
    chain, asked = check(raw)
    assert (chain.word, chain.sealer, chain.instance) == ("pass", "lists.example", 2)
    assert asked == [KEY, OTHER]
    assert proof(raw, chain).state is AuthState.PASS
    broken = as_received(changed(seal(rewritten, chain="pass"), "ARC-Seal", b"cv=none", b"cv=none; z=1"))
    assert check(broken)[0].word == "fail"


CHANGES = [
    ("a seal of too many bytes", lambda m: changed(m, "ARC-Seal", b"b=", b"b=QUJD"), ""),
    ("a broken seal", lambda m: changed(m, "ARC-Seal", b"t=16", b"t=15"), "seal of set 1 is bad"),
    ("results", lambda m: changed(m, "ARC-Authentication-Results", b"customer", b"anybody"), "seal of set 1 is bad"),
    ("the body", lambda m: m.replace(b"site is down. ", b"money is gone"), "the body was changed"),
    ("a line more", lambda m: m + b"buy now\r\n", "the body was changed"),
    ("From", lambda m: m.replace(b"From: Olena <olena", b"From: Olena <boss"), "message signature of set 1 is bad"),
    ("the Subject", lambda m: m.replace(b"Subject: The", b"Subject: Pay! The"), "message signature of set 1 is bad"),
    ("cv=fail", lambda m: changed(m, "ARC-Seal", b"cv=none", b"cv=fail"), "cv=fail"),
    ("cv=pass in the first", lambda m: changed(m, "ARC-Seal", b"cv=none", b"cv=pass"), "says cv=pass"),
    ("no signature", lambda m: changed(m, "ARC-Message-Signature", b"ARC-Message-Signature", b"X-No"), "not whole"),
    ("no results", lambda m: changed(m, "ARC-Authentication-Results", b"ARC-A", b"X-A"), "not whole"),
    ("a set twice", lambda m: m[: m.index(b"From:")] + m, "twice"),
    ("no i=", lambda m: changed(m, "ARC-Seal", b"i=1;", b""), "without i="),
    ("i= of letters", lambda m: changed(m, "ARC-Seal", b"i=1;", b"i=one;"), "without i="),
    ("i=0", lambda m: m.replace(b" i=1;", b" i=0;"), "set"),
    ("i=2 alone", lambda m: m.replace(b" i=1;", b" i=2;"), "set 1 is not whole"),
    ("h= in the seal", lambda m: changed(m, "ARC-Seal", b"cv=none", b"cv=none; h=from"), "has h="),
    ("SHA-1", lambda m: changed(m, "ARC-Seal", b"rsa-sha256", b"rsa-sha1"), "algorithm"),
    ("a selector that is none", lambda m: changed(m, "ARC-Seal", b"s=a1", b"s=a 1"), "no name"),
    ("no tags at all", lambda m: changed(m, "ARC-Seal", b"=", b" "), ""),
    ("a huge field", lambda m: changed(m, "ARC-Seal", b"cv=none", b"cv=none; z=" + b"x" * 9_000), "no sealer writes"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_changed_chain_is_no_proof(number):
    """Whatever was changed after the seal: fail, the author's state stays what our own checks made it."""
    what, change, note = CHANGES[number]
    data = change(seal(PLAIN))
    assert data != seal(PLAIN), what
    chain, _ = check(as_received(data))
    assert chain.word == "fail", what
    assert note in chain.note, chain.note
    found = proof(as_received(data), chain)
    assert found.state is NO_RESULTS.state and found.arc == "fail" and "ARC is no proof" in found.why


def test_a_missing_set_in_the_middle():
    data = seal(seal(seal(PLAIN, domain="forward.example"), chain="pass"), chain="pass")
    without = changed(data, "ARC-Seal", b"ARC-Seal", b"X-Seal", 2)
    assert check(as_received(data))[0].word == "pass"
    assert check(as_received(without))[0].note == "set 2 is not whole"


def test_an_unknown_sealer_is_not_even_asked_for():
    """Anybody can seal; whose name is not configured proves nothing and costs no question."""
    chain, asked = check(as_received(seal(PLAIN, domain="evil.example")))
    assert (chain.word, chain.sealer, asked) == ("policy", "evil.example", [])
    assert proof(as_received(PLAIN), chain).state is NO_RESULTS.state


def test_a_stranger_on_top_of_a_trusted_sealer_is_a_stranger():
    """Only the newest set counts: what came after the trusted sealer may be anything."""
    assert check(as_received(seal(seal(PLAIN), domain="evil.example", chain="pass")))[0].word == "policy"


def test_a_forged_seal_of_a_trusted_name():
    """Sealed with another key than the one the sealer's DNS has."""
    chain, _ = check(as_received(seal(PLAIN, key=rsa_key(2048, 7))))
    assert (chain.word, chain.note) == ("fail", "the message signature of set 1 is bad")


@pytest.mark.parametrize(
    ("key", "note"),
    [
        (ABSENT, "no such key"),
        ("v=DKIM1; k=rsa; p=", "revoked"),
        (record(rsa_key(), t="y"), "in testing"),
        ("v=DKIM1; k=rsa; p=AAAA", "cannot be read"),
    ],
)
def test_keys_that_are_of_no_use(key, note):
    chain, _ = check(as_received(seal(PLAIN)), {KEY: key})
    assert chain.word in ("fail", "policy") and note in chain.note


def test_sixty_sets_are_no_chain():
    """RFC 8617 section 4.2.1: fifty at most. Refused before anything is asked."""
    lines = seal(PLAIN)[: -len(PLAIN)]
    data = b"".join(re.sub(rb"i=1;", b"i=%d;" % one, lines) for one in range(60, 0, -1)) + PLAIN
    chain, asked = check(as_received(data))
    assert (chain.word, chain.note, asked) == ("fail", "more than 50 sets", [])


def test_twelve_sets_of_one_sealer_pass_with_one_question():
    data = seal(PLAIN)
    for _ in range(11):
        data = seal(data, chain="pass")
    chain, asked = check(as_received(data))
    assert (chain.word, chain.instance, asked) == ("pass", 12, [KEY])


def test_a_chain_of_many_keys_is_not_followed():
    data = PLAIN
    for one in range(arc.MAX_KEYS + 1):
        data = seal(data, domain=f"d{one}.example", chain="pass" if one else "")
    chain, asked = check(as_received(data), sealers=(f"d{arc.MAX_KEYS}.example",))
    assert (chain.word, asked) == ("policy", [])


def test_signatures_that_leave_out_what_a_person_reads():
    """The Subject, or the end of the body (`l=`): good and no proof, as for DKIM."""
    chain, _ = check(as_received(seal(PLAIN, signed=tuple(one for one in SIGNED if one != b"subject"))))
    assert (chain.word, chain.note) == ("policy", "the Subject is not signed")
    chain, _ = check(as_received(changed(seal(PLAIN), "ARC-Message-Signature", b"c=relaxed", b"l=5; c=relaxed")))
    assert (chain.word, chain.note) == ("policy", "only a part of the body is signed (l=)")


@pytest.mark.parametrize(
    ("raw", "keys", "note"),
    [
        (as_received(seal(PLAIN), body_cut=True), None, "body cut"),
        (as_received(seal(PLAIN), fields_cut=True), None, "header cut"),
        (as_received(seal(PLAIN)), {KEY: temperror("timed out")}, "timed out"),
    ],
)
def test_what_cannot_be_known_is_unknown(raw, keys, note):
    """No pass and no fail: an author that nothing else proves is unknown then."""
    chain, _ = check(raw, keys)
    assert (chain.word, chain.note) == ("temperror", note)
    found = proof(raw, chain)
    assert found.state is AuthState.UNKNOWN and note in found.why


def test_a_mail_without_sets():
    assert check(as_received(PLAIN)) == (NO_CHAIN, [])


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ("dkim=fail header.d=customer.example", AuthState.NONE),
        ("dkim=pass header.d=other.example", AuthState.NONE),
        ("spf=pass smtp.mailfrom=olena@customer.example", AuthState.NONE),  # not the envelope that we see
        ("dmarc=pass header.from=customer.example", AuthState.PASS),
        ("dkim=pass header.d=customer.example; dmarc=fail header.from=customer.example", AuthState.NONE),
        ("none", AuthState.NONE),
    ],
)
def test_what_the_sealer_saw_is_judged_as_trusted_results_are(results, state):
    raw = as_received(seal(PLAIN, results) if results != "none" else seal(PLAIN, "auth=none"))
    chain, _ = check(raw)
    assert chain.word == "pass"
    assert proof(raw, chain).state is state


FORMS = [
    b" mx.google.com;\n       dkim=pass header.i=@customer.example header.s=s1 header.b=AbC+/d;\n"
    b"       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=customer.example",
    b" mx.microsoft.com 1; spf=pass\n smtp.mailfrom=customer.example; dmarc=pass action=none\n"
    b" header.from=customer.example; dkim=pass header.d=customer.example; arc=none",
    b" mail.proton.example; dkim=pass (Good rsa-sha256 signature) header.d=customer.example header.a=rsa-sha256",
    b" fast.example;\n x-ptr=fail smtp.helo=a.example policy.ptr=b.example;\n bimi=skipped (DMARC did not pass);\n"
    b" dkim=pass (2048-bit rsa key sha256) header.d=customer.example header.b=abc x-bits=2048;\n"
    b" iprev=pass smtp.remote-ip=192.0.2.1",
]


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_the_forms_in_which_large_sealers_write(number):
    """Comments, versions, methods and properties that nobody registered: the author's DKIM is found in each."""
    found = results_in(FORMS[number], "lists.example")
    assert Result("dkim", "pass", "customer.example") in (found or ())


def test_results_that_cannot_be_read_prove_nothing():
    assert results_in(b" mx.example; dkim=pass (", "x.example") is None
    assert results_in(b" mx.example", "x.example") == ()


def test_a_chain_never_takes_a_proof_away():
    """Our own pass stays; two authors stay ambiguous."""
    raw = as_received(PLAIN)
    passed = join(author_of(raw), "olena@customer.example", (Result("spf", "pass", "customer.example"),))
    assert passed.state is AuthState.PASS
    for word in ("pass", "fail", "temperror", "policy", "none"):
        assert with_chain(passed, author_of(raw), "olena@customer.example", Chain(word)).state is AuthState.PASS
    two = as_received(
        PLAIN.replace(b"From: Olena <olena@customer.example>", b"From: olena@customer.example, b@c.example")
    )
    ambiguous = join(author_of(two), "", ())
    good = Chain("pass", "lists.example", 1, (Result("dkim", "pass", "customer.example"),))
    assert with_chain(ambiguous, author_of(two), "", good).state is AuthState.AMBIGUOUS
    assert with_chain(passed, author_of(raw), "", None) == passed


def test_two_froms_under_a_seal_prove_nobody():
    """The signature covers one of them; the other is shown."""
    data = seal(PLAIN)
    raw = as_received(b"From: boss@customer.example\r\n" + data)
    chain, _ = check(raw)
    assert proof(raw, chain).state is not AuthState.PASS


def test_a_chain_goes_to_the_worker_and_back_as_plain_values():
    chain, _ = check(as_received(seal(PLAIN)))
    answer = LookedUp(None, "", {}, chain=chain)
    assert from_plain(answer.plain()) == answer
    for bad in (
        ["good", "a", 1, "", []],
        ["pass", "a", "x", "", []],
        ["pass", "a", 1, "", [["spf", "maybe", "", ""]]],
        [],
    ):
        with pytest.raises(BadLookedUp):
            from_plain(answer.plain() | {"chain": bad})


def test_whether_to_look_at_all_is_seen_without_parsing():
    sealed = as_received(seal(PLAIN)).fields
    assert may_be_sealed(sealed, TRUSTED)
    assert not may_be_sealed(sealed, ("other.example",))
    assert not may_be_sealed(sealed, ())
    assert not may_be_sealed(as_received(PLAIN).fields, TRUSTED)


def test_garbage_in_the_fields_never_raises():
    """Each ARC field cut at every tenth byte, and with bytes turned over."""
    fields = as_received(seal(PLAIN)).fields
    for place in range(3):
        name, body = fields[place]
        for cut in range(0, len(body), 10):
            for garbled in (
                body[:cut],
                body[:cut] + b"\x00\xff;=" + body[cut + 1 :],
                body[:cut] + b"=" * 5 + body[cut:],
            ):
                raw = replace(as_received(PLAIN), fields=(*fields[:place], (name, garbled), *fields[place + 1 :]))
                assert check(raw)[0].word in WORDS
