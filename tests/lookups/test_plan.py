"""What rules can need from outside, and what of a mail a list is asked for."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from router.identity.authentication_results import Result
from router.identity.checks import head_of
from router.identity.looked_up import BadLookedUp, LookedUp, from_plain
from router.identity.lookup import NoResolver
from router.identity.remote_lists import RemoteList
from router.logic import unknown
from router.lookups import plan as plans
from router.lookups.plan import Plan, Wanted, plan_of
from router.lookups.wire import answer_frame, answer_from, mail_frame, plan_frame, request_from
from router.lookups.work import MAX_KEYS, LookingUp
from router.rules.compile import compile_rules
from router.rules.load import load
from tests.identity.signing import ed25519_key, mail, signature, signed

HEAD = """\
version: 1
name: Desk
languages: [en]
calendars: {office: {timezone: Europe/London, hours: {mon-fri: "09:00-17:00"}}}
queues:
  help: {address: help@desk.example, calendar: office, name: {en: help desk}}
  moderation: {address: mod@desk.example, calendar: office, name: {en: the lead}}
lists:
  contacts: {sql: "SELECT c FROM t WHERE a = :key", dsn_file: dsn, timeout: 2s, max_age: 1h}
  partners: {url: "https://a.example/p.csv", key: domain}
  closed: {lookup: "site.lists:closed", timeout: 1s}
  known: {items: [a.example]}
"""


def plan(rest: str) -> Plan:
    return plan_of(compile_rules(load((HEAD + rest).encode(), "rules.yaml", base=Path("/etc/desk"))), Path("/etc/desk"))


def rule(when: str) -> str:
    return f"rules:\n  - {{id: a, stage: enrich, when: {when}, then: [{{tag: x}}]}}\n"


@pytest.mark.parametrize(
    ("rest", "proof"),
    [
        (rule("{subject: {contains: [x]}}"), False),
        (rule("{auth: pass}"), True),
        (rule("{all: [{recipient: {queue: help}}, {not: {auth: {spf: fail}}}]}"), True),
        ("conditions: {proven: {auth: pass}}\n" + rule("{use: proven}"), True),
        ('tickets: {tags: ["[desk #{number}]"]}\n' + rule("{subject: {contains: [x]}}"), True),
    ],
)
def test_who_asks_for_proof(rest, proof):
    assert plan(rest).proof is proof


@pytest.mark.parametrize(
    ("rest", "keys"),
    [
        (rule("{subject: {contains: [x]}}"), {}),
        (rule("{sender_in: contacts}"), {"contacts": [("author", "address")]}),
        (rule("{sender_in: known}"), {}),
        (rule("{from: {domain_in: partners}}"), {"partners": [("from", "domain")]}),
        (
            rule("{any: [{reply_to: {in: contacts}}, {recipient: {in: contacts}}]}"),
            {"contacts": [("reply_to", "address"), ("recipient", "address")]},
        ),
        (
            'tickets: {tags: ["[desk #{number}]"], closed: closed}\n' + rule("{auth: pass}"),
            {"closed": [("ticket", "address")]},
        ),
    ],
)
def test_lists_are_asked_for_what_rules_need(rest, keys):
    assert {one.of.name: list(one.keys) for one in plan(rest).lists} == keys


def test_a_list_is_described_with_its_limits():
    (contacts,) = plan(rule("{sender_in: contacts}")).lists
    assert contacts.of == RemoteList(
        "contacts", "sql", "SELECT c FROM t WHERE a = :key", 2.0, "/etc/desk/dsn", max_age_s=3600.0
    )


def test_a_plan_travels():
    one = plan(rule("{all: [{sender_in: contacts}, {from: {domain_in: partners}}, {auth: pass}]}"))
    assert plans.from_plain(json.loads(json.dumps(one.plain()))) == one
    assert request_from(plan_frame(7, one)[4:]) == (7, one)


def keys_of(raw, *places: tuple[str, str], tags: tuple[str, ...] = ()) -> list[str]:
    wanted = Wanted(RemoteList("l", "lookup", "a:b", 1.0), places)
    return LookingUp(Plan(lists=(wanted,), ticket_tags=tags), NoResolver("x"))._keys(raw, head_of(raw), places)


MAIL = mail(
    "From: Olena <Olena@Customer.Example>\nReply-To: a@Sub.Пошта.укр, b@c.example\nTo: support@desk.example\n"
    "Cc: x@y.example\nSubject: Re: [desk #17] and [desk # 18]"
)


@pytest.mark.parametrize(
    ("place", "part", "keys"),
    [
        ("author", "address", ["olena@customer.example"]),
        ("from", "domain", ["customer.example"]),
        ("reply_to", "domain", ["sub.xn--80a1acn3a.xn--j1amh", "c.example"]),
        ("to", "address", ["support@desk.example"]),
        ("cc", "address", ["x@y.example"]),
        ("sender", "address", []),
        ("envelope_from", "address", ["olena@customer.example"]),
        ("recipient", "address", ["support@desk.example"]),
        ("ticket", "address", ["17", "18"]),
    ],
)
def test_keys_as_the_rules_spell_them(place, part, keys):
    assert keys_of(MAIL, (place, part), tags=("[desk #{number}]",)) == keys


def test_any_address_is_all_of_them():
    found = keys_of(MAIL, ("any_address", "address"))
    assert {"olena@customer.example", "b@c.example", "x@y.example", "support@desk.example"} <= set(found)


def test_a_crowd_of_addresses_is_not_asked_for():
    """The rest is unknown, not absent."""
    raw = mail("From: a@b.example\nTo: " + ", ".join(f"{number}@c.example" for number in range(80)))
    wanted = Wanted(RemoteList("l", "lookup", "json:loads", 1.0), (("to", "address"),))

    async def run():
        return await LookingUp(Plan(lists=(wanted,)), NoResolver("x")).of(raw)

    found = asyncio.run(run())
    assert len(found.lists) == MAX_KEYS
    assert found.value("l", "79@c.example") == unknown("l: too many addresses")


def test_what_was_looked_up_travels():
    lists = {
        ("contacts", "a@b.example"): "104455",
        ("contacts", "c@d.example"): None,
        ("x", "y"): unknown("x: timed out"),
    }

    one = LookedUp((Result("spf", "pass", "b.example", "note"),), "", lists)
    assert from_plain(json.loads(json.dumps(one.plain()))) == one
    assert answer_from(answer_frame(3, one, {"dns-queries": 2})[4:]) == (3, one, {"dns-queries": 2})
    assert one.value("contacts", "A@B.example") == "104455" and one.value("contacts", "C@d.example") is None
    assert one.value("contacts", "e@f.example") == unknown("contacts: not asked for this mail")


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[]", b"null", b'{"number": 1}', b'{"number": 1, "answer": {"results": [["spf", "maybe", "", ""]]}}',
     b'{"number": 1, "answer": {"results": [["x", "pass", "", ""]], "why": "", "lists": [], "missing": ""}}',
     b'{"number": 1, "answer": {"results": null, "why": "", "lists": [[1]], "missing": ""}}', b"[" * 100_000, b"\xff"],
)  # fmt: skip
def test_nonsense_from_the_process_is_refused(payload):
    with pytest.raises(BadLookedUp):
        answer_from(payload)


def test_the_body_goes_along_only_for_a_signature():
    signed_mail = signed(mail(), signature(mail(), ed25519_key()))
    assert request_from(mail_frame(1, 2, mail())[4:])[2].body == b""
    assert request_from(mail_frame(1, 2, signed_mail)[4:])[2] == signed_mail
    assert request_from(mail_frame(1, 2, replace(signed_mail, body_cut=True))[4:])[2].body == b""
