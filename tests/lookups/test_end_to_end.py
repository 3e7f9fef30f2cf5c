"""The filter as a process, with its look-up process, against a DNS server on loopback: what reaches the helpdesk."""

import asyncio
import os
import signal
import sqlite3

import pytest
from click.testing import CliRunner

from router.cli import mailrouter
from router.milter.manners import Caller
from router.milter.simulator import Mta, Transaction
from tests.identity.dns_server import DnsServer
from tests.identity.sealing import seal
from tests.identity.signing import HEAD, TEXT, ed25519_key, mail, record, rsa_key, signature
from tests.integration.filter import RunningFilter, children, eventually

RULES = """\
version: 1
name: Desk that asks
languages: [en]
settings:
  header_prefix: "X-Desk-"
  trusted_authserv: [mx.desk.example]
  trusted_sealers: [lists.example]
calendars:
  office: {timezone: Europe/London, hours: {mon-fri: "09:00-17:00"}}
queues:
  help: {address: support@desk.example, calendar: office, name: {en: help desk}}
  moderation: {address: mod@desk.example, calendar: office, name: {en: the lead}}
lists:
  contacts: {sql: "SELECT contract FROM contacts WHERE address = :key", dsn_file: dsn, timeout: 1s}
accounts: {contract: contract, contacts: contacts}
extract:
  contract: {regex: 'contract (?P<contract>[0-9]{6})', in: [text]}
rules:
  - id: proven
    stage: enrich
    when: {auth: pass}
    then: [{tag: proven}]
  - id: forged
    stage: enrich
    when: {auth: fail}
    then: [{tag: forged}]
  - id: on-file
    stage: enrich
    when: {sender_in: contacts}
    then: [{tag: on-file}]
"""
CLIENT = Caller(address="192.0.2.10")
ELSEWHERE = Caller(address="198.51.100.1")


class Desk:
    def __init__(self, folder, dns: DnsServer) -> None:
        self.dns = dns
        self.rules = folder / "rules.yaml"
        self.rules.write_text(RULES)
        self.rules.chmod(0o644)
        (folder / "dsn").write_text(f"sqlite://{folder / 'desk.db'}\n")
        database = sqlite3.connect(folder / "desk.db")
        database.execute("CREATE TABLE contacts (address TEXT, contract TEXT)")
        database.execute("INSERT INTO contacts VALUES ('olena@customer.example', '104455')")
        database.commit()
        database.close()
        options = ("--dns", "--resolver", dns.address, "--models", str(folder / "none"), "--workers", "1")
        self.filter = RunningFilter(*options, rules=self.rules, at=None)

    def send(self, text: bytes, caller: Caller = CLIENT, sender: bytes = b"<olena@customer.example>") -> dict[str, str]:
        """The fields that the mail got; it must have been delivered."""

        async def run():
            async with await Mta.connect(self.filter.spec, caller=caller) as mta:
                return await mta.exchange(Transaction(sender, (b"<support@desk.example>",), text))

        outcome = asyncio.run(run())
        assert outcome.delivered and outcome.recipients == (b"<support@desk.example>",)
        return {name.decode().removeprefix("X-Desk-"): body.decode() for name, body in outcome.added_fields}


@pytest.fixture(scope="module")
def dns():
    with DnsServer(ttl=0) as server:
        yield server


@pytest.fixture(scope="module")
def desk(tmp_path_factory, dns):
    running = Desk(tmp_path_factory.mktemp("desk"), dns)
    yield running
    assert running.filter.stop() == 0


@pytest.fixture(autouse=True)
def zone(dns):
    dns.mode, dns.asked = "", []
    dns.txt("customer.example", "v=spf1 ip4:192.0.2.10 -all")
    dns.txt("s1._domainkey.customer.example", record(ed25519_key()))
    dns.txt("a1._domainkey.lists.example", record(rsa_key()))
    dns.txt("a1._domainkey.evil.example", record(rsa_key()))


BODY = TEXT.encode().replace(b"\n", b"\r\n")
PLAIN = HEAD.encode().replace(b"\n", b"\r\n") + b"\r\n\r\n" + BODY


def signed_mail() -> bytes:
    name, body = signature(mail(), ed25519_key(), at=None)
    return name + b":" + body.replace(b"\n", b"\r\n") + b"\r\n" + PLAIN


def test_spf_proves_the_author(desk):
    found = desk.send(PLAIN)
    assert found["Identity"].startswith("pass") and "proven" in found["Tags"] and "on-file" in found["Tags"]


def test_a_forged_sender_is_told(desk):
    found = desk.send(PLAIN, ELSEWHERE)
    assert found["Identity"].startswith("fail") and "forged" in found["Tags"] and "proven" not in found["Tags"]


def test_a_signature_proves_the_author_wherever_the_mail_comes_from(desk):
    assert desk.send(signed_mail(), ELSEWHERE)["Identity"].startswith("pass")


def test_a_changed_mail_is_told(desk):
    changed = signed_mail().replace(b"site is down", b"money is gone")
    assert desk.send(changed, ELSEWHERE, b"<x@other.example>")["Identity"].startswith("fail")


LIST = b"<list-bounces@lists.example>"


def over_the_list(**sealing) -> bytes:
    """The author signed; the list rewrote the Subject, which breaks the signature, and sealed what it had seen."""
    return seal(signed_mail().replace(b"Subject: The", b"Subject: [users] The"), **sealing)


def test_mail_over_a_trusted_list_proves_its_author(desk):
    """RFC 8617: SPF is of the list, DKIM is broken, the sealed results count."""
    found = desk.send(over_the_list(), ELSEWHERE, LIST)
    assert found["Identity"].startswith("pass") and "proven" in found["Tags"]
    assert ("a1._domainkey.lists.example", "TXT") in desk.dns.asked


def test_mail_over_anybody_elses_list_does_not(desk):
    found = desk.send(over_the_list(domain="evil.example"), ELSEWHERE, LIST)
    assert found["Identity"].startswith("fail") and "forged" in found["Tags"]
    assert ("a1._domainkey.evil.example", "TXT") not in desk.dns.asked


def test_a_body_changed_after_the_seal_is_no_proof(desk):
    found = desk.send(over_the_list().replace(b"Good morning", b"Good evening"), ELSEWHERE, LIST)
    assert found["Identity"].startswith("fail")


def test_the_seal_counts_though_our_border_saw_the_breakage(desk):
    """Trusted results that say fail do not end the matter when a trusted sealer saw more; a pass does."""
    failed = b"Authentication-Results: mx.desk.example; dkim=fail header.d=customer.example\r\n"
    assert desk.send(failed + over_the_list(), ELSEWHERE, LIST)["Identity"].startswith("pass")
    assert desk.send(failed + over_the_list(domain="evil.example"), ELSEWHERE, LIST)["Identity"].startswith("fail")


def test_a_sealer_whose_dns_is_silent_leaves_it_open(desk):
    desk.dns.modes["a1._domainkey.lists.example"] = "servfail"
    try:
        found = desk.send(over_the_list(), ELSEWHERE, LIST)
    finally:
        desk.dns.modes.clear()
    assert found["Identity"].startswith("unknown")


def test_explain_tells_of_the_seal(desk, tmp_path):
    path = tmp_path / "mail.eml"
    path.write_bytes(over_the_list())
    command = ["explain", "--rules", str(desk.rules), "--models", str(tmp_path), "--to", "support@desk.example"]
    command += ["--from", "list-bounces@lists.example", "--client", "198.51.100.1"]
    command += ["--dns", "--resolver", desk.dns.address, str(path)]
    told = CliRunner().invoke(mailrouter, command)
    assert told.exit_code == 0, told.output
    assert "DKIM passed for customer.example, as lists.example sealed it (ARC i=1)" in " ".join(told.output.split())


@pytest.mark.parametrize("mode", ["silent", "servfail"])
def test_without_an_answer_the_author_is_unknown_and_the_mail_delivered(desk, mode):
    desk.dns.mode = mode
    found = desk.send(PLAIN)
    assert found["Identity"].startswith("unknown")
    assert not {"proven", "forged"} & set(found.get("Tags", "").split(", "))
    assert "on-file" in found["Tags"]  # the list has nothing to do with it


def test_trusted_results_are_taken_without_a_question(desk):
    field = b"Authentication-Results: mx.desk.example; spf=pass smtp.mailfrom=olena@customer.example\r\n"
    assert desk.send(field + PLAIN, ELSEWHERE)["Identity"].startswith("pass")
    assert desk.dns.asked == []


def test_one_process_is_asked_and_its_death_costs_one_unknown(desk):
    """Killed while a mail waits for it: that mail is delivered as unknown, the next one is judged again."""
    pid = look_up_process(desk)
    os.kill(pid, signal.SIGSTOP)
    try:

        async def run():
            async with await Mta.connect(desk.filter.spec, caller=CLIENT) as mta:
                exchange = asyncio.create_task(
                    mta.exchange(Transaction(b"<olena@customer.example>", (b"<support@desk.example>",), PLAIN))
                )
                await asyncio.sleep(0.3)
                os.kill(pid, signal.SIGKILL)
                return await exchange

        outcome = asyncio.run(run())
    finally:
        if pid == look_up_process(desk):
            os.kill(pid, signal.SIGCONT)
    assert outcome.delivered
    assert dict(outcome.added_fields)[b"X-Desk-Identity"].startswith(b"unknown")
    eventually(lambda: look_up_process(desk) not in (None, pid))
    assert desk.send(PLAIN)["Identity"].startswith("pass")
    assert desk.filter.of("lookups-died")


def test_explain_with_dns_says_the_same_in_its_own_process(desk, tmp_path):
    path = tmp_path / "mail.eml"
    path.write_bytes(PLAIN)
    command = ["explain", "--rules", str(desk.rules), "--models", str(tmp_path), "--to", "support@desk.example"]
    command += ["--from", "olena@customer.example", "--client", "192.0.2.10"]
    asked = CliRunner().invoke(mailrouter, [*command, "--dns", "--resolver", desk.dns.address, str(path)])
    assert asked.exit_code == 0 and "SPF passed for customer.example" in asked.output, asked.output
    assert "on-file" in asked.output
    desk.dns.asked.clear()
    silent = CliRunner().invoke(mailrouter, [*command, "--json", str(path)])
    assert silent.exit_code == 0 and '"auth": "unknown"' in silent.output and desk.dns.asked == []


def test_a_resolver_that_is_none_is_said(desk):
    result = CliRunner().invoke(mailrouter, ["triage", "--dns", "--resolver", "localhost", "x.eml"])
    assert result.exit_code == 2 and "write 127.0.0.1" in result.output


def look_up_process(desk: Desk) -> int | None:
    for pid in children(desk.filter.process.pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if b"router.lookups.process" in file.read():
                return pid
    return None
