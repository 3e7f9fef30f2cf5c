"""SPF: pyspf's word on records of our own, with answers from a dictionary."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.identity import spf
from router.identity.lookup import ABSENT, Answer, Status, temperror
from router.message.envelope import Envelope

CLIENT = "192.0.2.10"


class Zone:
    """(name, kind) -> records; what is not in it is absent. asked: in order."""

    def __init__(self, **records) -> None:
        self.records = records.pop("records", {})
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, name: str, kind: str) -> Answer:
        self.asked.append((name, kind))
        found = self.records.get((name, kind))
        if isinstance(found, Answer):
            return found
        return Answer(Status.ANSWER, tuple(found)) if found else ABSENT


def zone(record: str | bytes | None, **more) -> Zone:
    """The record of customer.example, and others: `txt_a_example="v=spf1 …"`, `a_…`, `mx_…`, `ptr_…`, `aaaa_…`."""
    records = {} if record is None else {("customer.example", "TXT"): [_bytes(record)]}
    for key, values in more.items():
        kind, _, name = key.partition("_")
        if not isinstance(values, list | Answer):
            values = [values]
        if kind == "txt" and isinstance(values, list):
            values = [_bytes(one) for one in values]
        records[name.replace("_", ".").replace("..", "_"), kind.upper()] = values
    return Zone(records=records)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def result(
    dns: Zone, sender: str = "<olena@customer.example>", client: str | None = CLIENT, helo: bytes = b"mx.c.example"
):
    return asyncio.run(spf.check(Envelope(sender.encode(), (b"<a@b.example>",), helo, client), dns))


INCLUDES = {f"txt_i{number}_example": "v=spf1 ?all" for number in range(12)}
NESTED = {f"txt_n{number}_example": f"v=spf1 include:n{number + 1}.example -all" for number in range(12)}
TABLE = [
    # name, record, other records, word
    ("no record", None, {}, "none"),
    ("other texts only", "google-site-verification=x", {}, "none"),
    ("ip4", "v=spf1 ip4:192.0.2.0/24 -all", {}, "pass"),
    ("another ip4", "v=spf1 ip4:198.51.100.0/24 -all", {}, "fail"),
    ("softfail", "v=spf1 ip4:198.51.100.1 ~all", {}, "softfail"),
    ("neutral", "v=spf1 ?all", {}, "neutral"),
    ("nothing fits", "v=spf1 ip4:198.51.100.1", {}, "neutral"),
    ("in capitals", "V=SPF1 IP4:192.0.2.10 -ALL", {}, "pass"),
    ("a", "v=spf1 a -all", {"a_customer_example": CLIENT}, "pass"),
    ("a of another", "v=spf1 a:mx.c.example -all", {"a_mx_c_example": ["192.0.2.9", CLIENT]}, "pass"),
    ("a with a length", "v=spf1 a/24 -all", {"a_customer_example": "192.0.2.1"}, "pass"),
    ("mx", "v=spf1 mx -all", {"mx_customer_example": (10, "m.example"), "a_m_example": CLIENT}, "pass"),
    (
        "mx of another client",
        "v=spf1 mx -all",
        {"mx_customer_example": (10, "m.example"), "a_m_example": "192.0.2.1"},
        "fail",
    ),
    ("exists", "v=spf1 exists:%{ir}.x.example -all", {"a_10_2_0_192_x_example": "127.0.0.2"}, "pass"),
    (
        "ptr",
        "v=spf1 ptr:c.example -all",
        {"ptr_10_2_0_192_in-addr_arpa": "mx.c.example", "a_mx_c_example": CLIENT},
        "pass",
    ),
    ("redirect", "v=spf1 redirect=r.example", {"txt_r_example": "v=spf1 ip4:192.0.2.10 -all"}, "pass"),
    ("redirect to nothing", "v=spf1 redirect=r.example", {}, "permerror"),
    ("include that passes", "v=spf1 include:i.example -all", {"txt_i_example": "v=spf1 ip4:192.0.2.10 -all"}, "pass"),
    ("include that fails", "v=spf1 include:i.example ?all", {"txt_i_example": "v=spf1 -all"}, "neutral"),
    ("include of nothing", "v=spf1 include:i.example -all", {}, "permerror"),
    (
        "macros",
        "v=spf1 exists:%{l}.%{d2}.%{v}.x.example -all",
        {"a_olena_customer_example_in-addr_x_example": "127.0.0.2"},
        "pass",
    ),
    ("the HELO macro", "v=spf1 exists:%{h}.x.example -all", {"a_mx_c_example_x_example": "127.0.0.2"}, "pass"),
    # RFC 7208 4.6.4
    (
        "ten includes",
        "v=spf1 " + " ".join(f"include:i{n}.example" for n in range(10)) + " ip4:192.0.2.10 -all",
        INCLUDES,
        "pass",
    ),
    (
        "eleven includes",
        "v=spf1 " + " ".join(f"include:i{n}.example" for n in range(11)) + " ip4:192.0.2.10 -all",
        INCLUDES,
        "permerror",
    ),
    ("eleven, one in the other", "v=spf1 include:n0.example -all", NESTED, "permerror"),
    ("an include of itself", "v=spf1 include:customer.example -all", {}, "permerror"),
    (
        "two that include each other",
        "v=spf1 include:i.example -all",
        {"txt_i_example": "v=spf1 include:customer.example -all"},
        "permerror",
    ),
    (
        "a redirect in a circle",
        "v=spf1 redirect=r.example",
        {"txt_r_example": "v=spf1 redirect=customer.example"},
        "permerror",
    ),
    ("two void look-ups", "v=spf1 a:v1.example a:v2.example ip4:192.0.2.10 -all", {}, "pass"),
    ("three void look-ups", "v=spf1 a:v1.example a:v2.example a:v3.example ip4:192.0.2.10 -all", {}, "permerror"),
    ("eleven MX", "v=spf1 mx -all", {"mx_customer_example": [(n, f"m{n}.example") for n in range(11)]}, "permerror"),
    (
        "two times ten MX",
        "v=spf1 a mx mx:d.example -all",
        {
            "a_customer_example": "192.0.2.1",
            "mx_customer_example": [(n, f"m{n}.example") for n in range(10)],
            "mx_d_example": [(n, f"d{n}.example") for n in range(10)],
            **{f"a_{x}{n}_example": "192.0.2.1" for n in range(10) for x in "md"},
        },
        "fail",
    ),
    # broken records
    ("a word of the future", "v=spf1 moo -all", {}, "permerror"),
    ("no address", "v=spf1 ip4:999.0.0.1 -all", {}, "permerror"),
    ("a bad macro", "v=spf1 exists:%{q}.example -all", {}, "permerror"),
    ("half a macro", "v=spf1 exists:%{ -all", {}, "permerror"),
    ("two records", None, {"txt_customer_example": ["v=spf1 -all", "v=spf1 ?all"]}, "permerror"),
    ("not ASCII", "v=spf1 include:почта.example -all".encode(), {}, "permerror"),
    ("60 macros", "v=spf1 exists:" + "%{s256r.-}" * 60 + ".example -all", {}, "permerror"),
    ("9 KiB", "v=spf1 " + "ip4:192.0.2.10 " * 600, {}, "permerror"),
    # the DNS does not answer
    ("silence", None, {"txt_customer_example": temperror("timed out")}, "temperror"),
    ("silence of an include", "v=spf1 include:i.example -all", {"txt_i_example": temperror("timed out")}, "temperror"),
    ("silence of an a", "v=spf1 a:x.example -all", {"a_x_example": temperror("SERVFAIL")}, "temperror"),
    (
        "silence behind what passes",
        "v=spf1 ip4:192.0.2.10 a:x.example -all",
        {"a_x_example": temperror("SERVFAIL")},
        "pass",
    ),
]


@pytest.mark.parametrize(("record", "more", "word"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_records(record, more, word):
    """RFC 7208's result; whatever the DNS does not say is temperror."""
    found = result(zone(record, **more))
    assert (found.method, found.word, found.domain) == ("spf", word, "customer.example"), found.note
    assert bool(found.note) == (word in ("permerror", "temperror"))


def test_what_the_dns_did_not_say_is_told():
    assert result(zone(None, txt_customer_example=temperror("SERVFAIL"))).note == "DNS: SERVFAIL"


@pytest.mark.parametrize(
    ("client", "word"),
    [
        ("2001:db8::1", "pass"),
        ("2001:db8:1::1", "fail"),
        ("::ffff:192.0.2.10", "pass"),
        (None, "none"),
        ("unix", "none"),
    ],
)
def test_clients(client, word):
    """IPv6, IPv4 in IPv6, and no address: then there is nothing to compare."""
    dns = zone("v=spf1 ip6:2001:db8::/48 ip4:192.0.2.10 -all")
    assert result(dns, client=client).word == word
    assert bool(dns.asked) == (word != "none")


@pytest.mark.parametrize(
    "sender", ["<>", "<postmaster>", "<a@localhost>", "<@customer.example>", "<a@b..example>", "<a@[192.0.2.1]>"]
)
def test_senders_without_a_domain_are_nobodys(sender):
    dns = zone("v=spf1 -all")
    assert result(dns, sender) is None and dns.asked == []


def test_a_sender_in_letters_is_asked_for_by_its_a_label():
    dns = zone(None, **{"txt_xn--80a1acn3a_xn--j1amh": "v=spf1 ip4:192.0.2.10 -all"})
    found = result(dns, "<олена@пошта.укр>")
    assert (found.word, found.domain) == ("pass", "xn--80a1acn3a.xn--j1amh")


def test_the_explanation_is_not_fetched():
    dns = zone("v=spf1 -all exp=e.example")
    assert result(dns).word == "fail" and dns.asked == [("customer.example", "TXT")]


def test_each_name_is_asked_for_once():
    """A run begins anew with every answer; what is known is not asked for again."""
    more = {
        "txt_i1_example": "v=spf1 a:x.example -all",
        "txt_i2_example": "v=spf1 a:x.example -all",
        "a_x_example": "192.0.2.1",
    }
    dns = zone("v=spf1 include:i1.example include:i2.example -all", **more)
    assert result(dns).word == "fail"
    assert len(dns.asked) == len(set(dns.asked)) == 4


@given(
    st.lists(
        st.sampled_from(
            ["include:", "a:", "mx", "ptr", "exists:", "redirect=", "ip4:", "ip6:", "exp=", "-all", "~", "/33"]
        )
        | st.sampled_from(["a.example", "%{i}.b.example", "%{d2r-}", "192.0.2.0/24", "::1", "%{", "%%", "..", "x" * 70])
        | st.text(max_size=8),
        max_size=12,
    ).map(lambda parts: "v=spf1 " + " ".join(parts)),
    st.sampled_from([ABSENT, temperror("timed out"), Answer(Status.ANSWER, ("192.0.2.10",))]),
)
@settings(max_examples=300, deadline=None)
def test_any_record_gives_a_word_of_rfc_7208(record, others):
    """Whatever somebody publishes: a result, no exception, and no question without end."""
    asked = []

    async def ask(name: str, kind: str) -> Answer:
        asked.append((name, kind))
        if kind == "TXT":
            return Answer(Status.ANSWER, (record.encode(),))
        return others if kind in ("A", "AAAA") or others.status is not Status.ANSWER else ABSENT

    found = asyncio.run(spf.check(Envelope(b"<olena@customer.example>", (b"<a@b.example>",), b"x", CLIENT), ask))
    assert found.word in ("pass", "fail", "softfail", "neutral", "none", "permerror", "temperror")
    assert len(asked) <= 30
