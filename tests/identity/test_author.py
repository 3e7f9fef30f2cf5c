"""One author or nobody: what two parsers agree on, and words for everything else."""

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import getaddresses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.facts import Facts, Services, Site
from router.identity.authentication import Authentication
from router.identity.author import agreed_mailbox, find, plain_mailbox
from router.identity.lookalike import resembles, skeleton
from router.identity.mailbox import NotOneMailbox, parse
from router.message.addresses import addresses_in, ascii_domain, mailboxes
from router.vocabulary import AuthState
from tests.signals.letters import letter

OWN = ("desk.example", "flexi-desk.example")

ONE_AUTHOR = [
    # From: body, address, name
    ("olena@customer.example", "olena@customer.example", ""),
    ("<olena@customer.example>", "olena@customer.example", ""),
    ("Olena <olena@customer.example>", "olena@customer.example", "Olena"),
    ("Olena<olena@customer.example>", "olena@customer.example", "Olena"),
    ('"Kovalenko, Olena" <olena@customer.example>', "olena@customer.example", "Kovalenko, Olena"),
    ('"Olena \\"Lena\\" K." <olena@customer.example>', "olena@customer.example", 'Olena "Lena" K.'),
    ("O. K. Kovalenko <olena@customer.example>", "olena@customer.example", "O. K. Kovalenko"),
    ("Olena\n Kovalenko\n\t<olena@customer.example>", "olena@customer.example", "Olena Kovalenko"),
    ("  Olena  <Olena.K@Customer.EXAMPLE>  ", "Olena.K@customer.example", "Olena"),
    ("=?utf-8?b?0J7Qu9C10L3QsA==?= <olena@customer.example>", "olena@customer.example", "Олена"),
    ('"=?koi8-u?B?79PFzsE=?=" <olena@customer.example>', "olena@customer.example", "Осена"),
    ("=?utf-8?q?Olena?=\n =?utf-8?q?_K=2E?= <olena@customer.example>", "olena@customer.example", "Olena K."),
    ("Олена <olena@customer.example>", "olena@customer.example", "Олена"),
    ("олена@пошта.укр", "олена@xn--80a1acn3a.xn--j1amh", ""),
    ("olena@ПОШТА.УКР", "olena@xn--80a1acn3a.xn--j1amh", ""),
    ("olena@xn--80a1acn3a.xn--j1amh", "olena@xn--80a1acn3a.xn--j1amh", ""),
    ("o'neil+tag=x/y@customer.example", "o'neil+tag=x/y@customer.example", ""),
    ("root@localhost", "root@localhost", ""),
    ('"olena k"@customer.example', '"olena k"@customer.example', ""),
    ("a@1.example", "a@1.example", ""),
    ("a_b-c@sub.domain.customer.example", "a_b-c@sub.domain.customer.example", ""),
]

NOBODY = [
    # From: body, a word of the reason
    ("support@desk.example <evil@x.example>", "before the address"),
    ("<support@desk.example> evil@x.example", "after the angle bracket"),
    ("support@desk.example evil@x.example", "two @"),
    ("<support@desk.example>@evil.example", "after the angle bracket"),
    ('"x" <a@b.example> <c@d.example>', "two addresses"),
    ("<a@b.example><c@d.example>", "two addresses"),
    ("a@b.example, c@d.example", "more than one address"),
    ("a@b.example; c@d.example", "a group"),
    ("a@b.example,", "more than one address"),
    (",a@b.example", "more than one address"),
    ("Kovalenko, Olena <olena@customer.example>", "more than one address"),
    ("staff: a@b.example, c@d.example;", "a group"),
    ("staff:a@b.example;", "a group"),
    ("undisclosed-recipients:;", "a group"),
    ("olena@customer.example (Olena)", "a comment"),
    ("(support@desk.example) evil@x.example", "a comment"),
    ("olena@customer.example(<evil@x.example>)", "a comment"),
    ("olena(x)@customer.example", "a comment"),
    ("olena@customer.example)evil@x.example", "a comment"),
    ("((((((((a@b.example", "a comment"),
    ("a@b@c.example", "two @"),
    ("<a@b@c.example>", "two @"),
    ('"a@desk.example"@evil.example', "two @"),
    ("=?utf-8?q?a=40desk.example?=", "no @"),
    ("<=?utf-8?q?a=40desk.example?=>", "no @"),
    ("=?utf-8?q?support?=@desk.example", "an encoded word"),
    ("Olena <=?utf-8?q?a?=@desk.example>", "an encoded word"),
    ("<@relay.example:olena@customer.example>", "a group or a source route"),
    ("<@relay.example,@b.example:olena@customer.example>", "more than one address"),
    ("olena @customer.example", "white space inside"),
    ("olena@ customer.example", "white space inside"),
    ("Olena <olena@customer.example >", "white space inside"),
    ("olena@customer\n .example", "white space inside"),
    ("Olena K olena@customer.example", "white space inside"),
    ("olena", "no @"),
    ("MAILER-DAEMON", "no @"),
    ("Olena", "no @"),
    ("", "nothing in it"),
    ("<>", "no @"),
    ("Olena <>", "no @"),
    ("Olena <olena@customer.example", "angle bracket"),
    ("Olena olena@customer.example>", "angle bracket"),
    ("Olena >olena@customer.example<", "angle bracket"),
    ('"Olena <olena@customer.example>', "a quote without an end"),
    ('Olena" <olena@customer.example>', "a quote without an end"),
    ("Olena \\<olena@customer.example>", "a backslash"),
    ("[Olena] <olena@customer.example>", "square brackets"),
    ("olena@[192.0.2.1]", "square brackets"),
    ("olena@192.0.2.1", "a number for a domain"),
    (".olena@customer.example", "dots"),
    ("ol..ena@customer.example", "dots"),
    ("olena.@customer.example", "dots"),
    ("olena@customer..example", "no domain name"),
    ("olena@customer.example.", "no domain name"),
    ("olena@-customer.example", "no domain name"),
    ("olena@custo_mer.example", "no domain name"),
    ("olena@customer.example/x", "no domain name"),
    ("olena@" + "a" * 64 + ".example", "no domain name"),
    ("@customer.example", "no address"),
    ("olena@", "no address"),
    ("http://customer.example/", "a group"),
    ("o" * 65 + "@customer.example", "64 octets"),
    ("ole\u200bna@customer.example", "an invisible character"),
    ("ole\u00adna@customer.example", "an invisible character"),
    ("ole\x00na@customer.example", "a control character"),
    ("olena@customer.example\x00", "a control character"),
    ("olena@customer.example\rBcc: x", "a control character"),
    ("olena@customer.example\x7f", "a control character"),
    ('"ol\\[ena"@customer.example', "a backslash in the local part"),
    ("Olena <" + "(" * 9_000 + "olena@customer.example>", "more than 8192 bytes"),
]


@pytest.mark.parametrize(("body", "address", "name"), ONE_AUTHOR, ids=[row[0] for row in ONE_AUTHOR])
def test_one_author(body: str, address: str, name: str) -> None:
    """Address with a folded domain, name decoded."""
    author = find(letter(f"From: {body}"))
    assert (author.address, author.name, author.ambiguous) == (address, name, "")


@pytest.mark.parametrize(("body", "reason"), NOBODY, ids=[row[0][:60] for row in NOBODY])
def test_nobody_and_why(body: str, reason: str) -> None:
    """Whatever two parsers could read differently is nobody."""
    author = find(letter(f"From: {body}"))
    assert author.address is None
    assert reason in author.ambiguous


def test_the_number_of_from_fields_counts() -> None:
    """None, two, or perhaps one more behind the cut: nobody."""
    assert find(letter("Subject: x")).ambiguous == "no From fields"
    assert find(letter("From: a@b.example\nFROM: a@b.example")).ambiguous == "two From fields"
    assert find(letter("From: a@b.example\n" * 3)).ambiguous == "3 From fields"
    whole = letter("From: a@b.example")
    assert "not kept" in find(replace(whole, raw=replace(whole.raw, fields_cut=True))).ambiguous


def test_raw_8_bit_letters_in_the_name_are_read_and_in_the_address_refused() -> None:
    """A name in the encodings of the past is a name; as an address such letters have no meaning."""
    for charset in ("windows-1251", "koi8-u", "cp866"):
        author = find(letter("From: Олена Коваленко <olena@customer.example>".encode(charset)))
        assert (author.address, author.name) == ("olena@customer.example", "Олена Коваленко")
    assert "not UTF-8" in find(letter("From: олена@customer.example".encode("windows-1251"))).ambiguous


@pytest.mark.parametrize(
    ("head", "flags"),
    [
        ("From: Olena <olena@customer.example>", ""),
        ('From: "olena@customer.example" <Olena@Customer.example>', ""),
        ('From: "support@desk.example" <evil@x.example>', "name-shows-address"),
        ("From: =?utf-8?q?support=40desk=2Eexample?= <evil@x.example>", "name-shows-address"),
        ("From: =?utf-8?q?support=EF=BC=A0desk=2Eexample?= <evil@x.example>", "name-shows-address"),
        ("From: \"'olena@customer.example' via desk\" <list@x.example>", "name-shows-address"),
        ('From: "Olena @ work" <olena@customer.example>', ""),
        ("From: a@exаmple.com", "mixed-script-domain"),
        ("From: a@xn--exmple-4nf.com", "mixed-script-domain"),
        ("From: a@пошта.укр", ""),
        ("From: a@почта1-тест.example", ""),
        ("From: a@müller.example", ""),
        ("From: a@例え.example", ""),
        ("From: a@b.example\nReply-To: A@B.example", ""),
        ("From: a@b.example\nReply-To: Evil <evil@x.example>", "reply-to-differs"),
        ("From: a@b.example\nReply-To: a@b.example, evil@x.example", "reply-to-differs"),
        ("From: a@b.example\nReply-To: nobody", ""),
        ("From: a@b.example\nSubject: 1\nSubject: 2", "duplicate-subject"),
        ("From: a@desk.example", ""),
        ("From: a@mail.desk.example", ""),
        ("From: a@dеsk.example", "look-alike-domain mixed-script-domain"),
        ("From: a@d3sk.example", "look-alike-domain"),
        ("From: a@desk.examp1e", "look-alike-domain"),
        ("From: a@fiexi-desk.example", "look-alike-domain"),
        ("From: a@flexi-dask.example", "look-alike-domain"),
        ("From: a@flexidesk.example", "look-alike-domain"),
        ("From: a@desk.example.evil.example", "look-alike-domain"),
        ("From: a@customer.example", ""),
        ("From: a@desktop.example", ""),
    ],
)  # fmt: skip
def test_flags(head: str, flags: str) -> None:
    """Oddities for a rule or a person; none of them changes who the author is."""
    author = find(letter(head), OWN)
    assert author.address
    assert " ".join(sorted(author.flags)) == flags


LOOK_ALIKES = """
    flexihоst.ua flехihost.ua fl℮xihost.ua flexlhost.ua fiexihost.ua flexih0st.ua flexihosţ.ua fléxihost.ua ﬂexihost.ua
    xn--flexihst-sbh.ua flexiihost.ua flexihos.ua flexhiost.ua flexihost.us fIexihost.ua flexihost.ua.evil.example
    fl3xihost.ua flexi-host.ua flexihosts.ua f1exihost.ua flexıhost.ua ｆｌｅｘｉｈｏｓｔ.ua FLЕХIНОSТ.ua flexihost.cua
"""


@pytest.mark.parametrize("domain", LOOK_ALIKES.split())
def test_a_look_alike_never_is_the_domain(domain: str) -> None:
    """Row 39: nobody's, where it is no domain; else flagged, and never equal to what it imitates."""
    author = find(letter(f"From: a@{domain}"), ("flexihost.ua",))
    assert author.domain != "flexihost.ua"
    assert author.address is None or "look-alike-domain" in author.flags


def test_short_domains_resemble_only_what_looks_the_same() -> None:
    """One letter off is another company, where names are short."""
    assert resembles("xn--b-7sb.ua", ["ab.ua"]) == "ab.ua"
    assert resembles("ac.ua", ["ab.ua"]) is None
    assert resembles("mail.ab.ua", ["ab.ua"]) is None


# ---------------------------------------------------------------------------------------------------- the two readers

SOUP = st.lists(
    st.sampled_from(
        [
            "olena", "evil", "@", "desk.example", "x.example", "olena@customer.example", "<evil@x.example>", "<", ">",
            '"', "\\", "(", ")", ",", ";", ":", " ", "\t", ".", "..", "[", "]", "=?utf-8?q?a=40b?=", "'", "Олена",
            "xn--a", "xn--80ak", "\x00", "\n ", "\n", "-", "_", "ﬂ", "😀", "é", "e\u0301", "%", "1.2.3.4", "+", "http://",
            "\u200b", "\xa0", "İ", "ß",
        ]
    ),
    max_size=9,
).map("".join)  # fmt: skip

ATOMS = st.text("abcXYZ019.-_+'=?!#$%&*/^`{|}~", min_size=1, max_size=12)
QUOTED = st.text("abc XYZ09._-", min_size=1, max_size=12).map('"{}"'.format)
PHRASES = st.lists(ATOMS | QUOTED, max_size=4).map(" ".join)
LOCALS = st.text("abcXYZ09._+-", min_size=1, max_size=12)
DOMAINS = st.lists(st.text("abcXYZ09-", min_size=1, max_size=8), min_size=1, max_size=4).map(".".join)
PLAIN = st.one_of(
    st.builds("{}@{}".format, LOCALS, DOMAINS),
    st.builds("{}{}<{}@{}>".format, PHRASES, st.sampled_from(["", " ", "  ", "\t"]), LOCALS, DOMAINS),
)


@settings(max_examples=1_500, deadline=None)
@given(PLAIN)
@example("=?utf-8?q?a?= <a@b.example>")
@example("... <a@b.example>")
def test_the_short_way_gives_what_both_long_ways_give(body: str) -> None:
    """Whatever the plain form accepts, the strict grammar and flanker read alike: address and name."""
    short = plain_mailbox(body.encode())
    if short is not None:
        assert short == agreed_mailbox(body.encode())


@settings(max_examples=1_500, deadline=None)
@given(SOUP | PLAIN)
@example('"a b" <a@b.example>')
@example("=?utf-8?q?c=40d.example?= <a@b.example>")
def test_a_plain_author_is_the_only_address_of_the_field(body: str) -> None:
    """The lenient reading, which a rule on `from` asks, finds no other."""
    message = letter(f"From: {body.strip()}")
    author = find(message)
    if author.plain:
        assert [addresses_in(one) for one in message.fields.all("From")] == [(author.address,)]


@settings(max_examples=1_000, deadline=None)
@given(st.text("aoilc1058rnvwdQX.-", min_size=1, max_size=30))
def test_what_a_hurried_reader_sees_of_plain_letters(domain: str) -> None:
    """The short way for ASCII and the long way, which a combining mark makes it take, see the same."""
    assert skeleton(domain) == skeleton(domain + "\u0301")


@settings(max_examples=2_000, deadline=None)
@given(SOUP | PLAIN)
def test_no_author_that_a_third_parser_sees_differently(body: str) -> None:
    """Any text gives one author or a reason; an accepted ASCII author is the stdlib's only author, too."""
    message = letter(f"From: {body.strip()}")
    author = find(message)
    assert (author.address is None) == bool(author.ambiguous)
    if author.address and body.isascii():
        # What stands behind a line break without white space is another field.
        first = message.raw.fields[0][1].decode()
        seen = [address for _, address in getaddresses([first.replace("\n", "")])]
        assert [one.lower() for one in seen] == [author.address.lower()]


@settings(max_examples=1_000, deadline=None)
@given(SOUP | st.text(max_size=40))
def test_the_grammar_and_the_lists_never_break(text: str) -> None:
    """Any text: a mailbox or NotOneMailbox; a tuple; a domain or None."""
    try:
        assert parse(text).address.count("@") == 1
    except NotOneMailbox as refusal:
        assert str(refusal)
    assert all(box.domain == ascii_domain(box.domain) for box in mailboxes(text))
    assert all("@" in one for one in addresses_in(text))


def test_lenient_reading_of_lists() -> None:
    """To and Cc as people write them: groups, comments, quoted names with addresses, repeats."""
    body = 'Desk <support@Desk.example>, "a@b.example" <c@d.example>, team: x@y.example;, (n@n.example) c@d.example'
    body += ", z@пошта.укр"
    assert addresses_in(body) == ("support@desk.example", "c@d.example", "x@y.example", "z@xn--80a1acn3a.xn--j1amh")


@pytest.mark.parametrize("flood", ['"\\"' * 20_000, "(" * 60_000, "a" * 60_000, "@" * 60_000, "a@b.example," * 5_000])
def test_floods_cost_little(flood: str) -> None:
    """Linear, and at most 200 addresses; the time limit of the suite would tell."""
    assert len(addresses_in(flood)) <= 200
    assert mailboxes(flood) == ()
    find(letter(f"From: {flood[:8_000]}\nReply-To: {flood}"))


def test_a_domain_like_one_of_the_desks_own_is_flagged_for_the_rules() -> None:
    """The desk's own domains are those of its queue addresses; `Facts` hands them on."""
    site = Site("X-Desk-", {"help@company.example": "help"}, own_domains=frozenset({"company.example"}))
    services = Services(
        datetime(2026, 3, 4, tzinfo=UTC), lambda *_: Authentication(AuthState.NONE), lambda *_: None, lambda _: {}, None
    )
    found = {
        author: "look-alike-domain" in Facts(letter(f"From: {author}"), services, site).author.flags
        for author in ("boss@company.example", "boss@cornpany.example", "olena@customer.example")
    }
    assert found == {"boss@company.example": False, "boss@cornpany.example": True, "olena@customer.example": False}
