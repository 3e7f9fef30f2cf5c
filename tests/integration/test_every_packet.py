"""A filter that dies at any packet: with `default_action=tempfail` nothing is lost and nobody gets a mail twice.

For each of Postfix's default actions a mail is sent as a real sender sends it (a 4xx means: later again), while the
connection is cut after each packet in turn. `docs/reliability.md` has the table of what happened under each.
"""

import smtplib
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.integration.cutting import Cut, CuttingProxy
from tests.integration.filter import RunningFilter
from tests.integration.postfix import PrivatePostfix, Sink, free_port, needs_postfix
from tests.integration.test_main_job import BILL, PREFIX, SUPPORT, TECHNICAL

pytestmark = needs_postfix

ACTIONS = ("tempfail", "accept", "reject", "quarantine")
OTHER = "anna@flexihost.example"
FORGED = f"{PREFIX}Queue: forged\n{PREFIX}Priority: forged\n{PREFIX}Queue: forged\n"


@dataclass
class Bench:
    """A Postfix with one port for each default action, our filter behind a proxy that cuts."""

    sink: Sink
    proxy: CuttingProxy
    postfix: PrivatePostfix
    ports: dict[str, int]
    filter: RunningFilter
    number: int = 0
    answer: str = ""
    commands: str = ""

    def exchange(self, action: str, cut: Cut | None) -> tuple[str, str]:
        """Send one mail until the answer is final. (its Message-ID, the final reply: `250` or `5xx`)."""
        self.number += 1
        name = f"{action}-{self.number}"
        self.proxy.cut = cut
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with smtplib.SMTP(
                    "127.0.0.1", self.ports[action], local_hostname="customer.example", timeout=60
                ) as one:
                    data = (FORGED + TECHNICAL.format(id=name)).encode().replace(b"\n", b"\r\n")
                    one.sendmail("olena@customer.example", [BILL, OTHER], data, ["BODY=8BITMIME"])
                    return name, "250"
            except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as refused:
                code = refused.smtp_code if isinstance(refused, smtplib.SMTPResponseException) else 451
                if code >= 500:
                    return name, str(code)
            except smtplib.SMTPServerDisconnected:
                pass
            time.sleep(0.05)
        raise AssertionError(f"never taken: {self.filter.events[-3:]}")

    def release(self) -> None:
        """What Postfix holds is let go."""
        config = str(self.postfix.folder / "etc")
        subprocess.run(["/usr/sbin/postsuper", "-c", config, "-H", "ALL"], check=True, capture_output=True)
        subprocess.run(["/usr/sbin/postqueue", "-c", config, "-f"], check=True, capture_output=True)

    def with_forged_fields(self) -> set[str]:
        """Message-IDs of delivered mails in which a forged field of ours is left."""
        left = [mail for mail in self.sink.delivered if b": forged\r\n" in mail.data]
        return {mail.fields("Message-ID")[0].strip("<>").partition("@")[0] for mail in left}

    def copies(self) -> dict[str, Counter]:
        """Message-ID -> recipient -> how many copies of it have been delivered."""
        found: dict[str, Counter] = {}
        for mail in self.sink.settle(0.5):
            (message_id,) = mail.fields("Message-ID")
            found.setdefault(message_id.strip("<>").partition("@")[0], Counter()).update(mail.recipients)
        return found


@pytest.fixture(scope="module")
def bench():
    sink = Sink()
    running = RunningFilter("--no-tests", "--workers", "1")
    proxy = CuttingProxy(int(running.postfix_spec.rpartition(":")[2]))
    ports = {action: free_port() for action in ACTIONS}
    services = "".join(
        f"127.0.0.1:{port} inet n - n - 100 smtpd -o milter_default_action={action} -o smtpd_error_sleep_time=0\n"
        for action, port in ports.items()
    )
    postfix = PrivatePostfix(sink, f"inet:127.0.0.1:{proxy.port}", services=services)
    postfix.start()
    one = Bench(sink, proxy, postfix, ports, running)
    one.exchange("tempfail", None)
    assert one.copies().popitem()[1] == {SUPPORT: 1, OTHER: 1}
    # Three deletions, the fields, ADDRCPT, DELRCPT, and the end: what the kills are counted by.
    one.answer, one.commands = proxy.answers[-1], proxy.commands[-1]
    assert one.answer.startswith("mmm") and one.answer.endswith("+-a") and one.answer.count("h") > 8, one.answer
    sink.clear()
    yield one
    postfix.stop()
    proxy.close()
    one.filter.stop()
    sink.close()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("said_by", ["filter", "mta"])
def test_cut_at_every_packet(bench, action, said_by):
    bench.sink.clear()
    points = list(range(len(bench.answer if said_by == "filter" else bench.commands)))
    if said_by == "mta":  # header fields in the middle of the header are one case
        pairs = [bench.commands[max(at - 1, 0) : at + 1] for at in points]
        points = [at for at, pair in enumerate(pairs) if pair not in pairs[:at]]
    sent = {}
    for after in points:
        cut = Cut(said_by, after)
        name, reply = bench.exchange(action, cut)
        assert cut.done.is_set(), (said_by, after)
        sent[name] = (after, reply)
    if action == "quarantine":
        bench.sink.settle(0.3)
        bench.release()
        bench.sink.wait_for(1)
    copies, forged = bench.copies(), bench.with_forged_fields()
    told: Counter = Counter()
    for name, (after, reply) in sent.items():
        got = copies.get(name, Counter())
        case = (action, said_by, after, reply, got)
        if reply != "250":
            # The sender was told; nothing of it may be here.
            assert not got, case
            told["refused, the sender is told"] += 1
            continue
        assert got, case  # never lost
        assert max(got.values()) == 1, case  # never twice to one
        assert got[OTHER] == 1, case
        assert got[BILL] or got[SUPPORT], case
        told["both desks" if got[BILL] and got[SUPPORT] else "redirected" if got[SUPPORT] else "not redirected"] += 1
        told["forged fields left"] += name in forged
        if action == "tempfail":
            assert got == {SUPPORT: 1, OTHER: 1}, case
    if action == "tempfail":
        assert told == {"redirected": len(points), "forged fields left": 0}
    if action == "reject":
        assert set(told) <= {"refused, the sender is told", "redirected"}
    if action == "accept" and said_by == "filter":
        # Why `accept` is not recommended: a cut behind ADDRCPT leaves two desks with one mail, an earlier one the
        # wrong desk. Nothing is lost, since recipients are added before others are removed.
        assert told["both desks"] == 1 and told["not redirected"] == bench.answer.index("+") + 1
    print(f"\n{action}, cut after each of {len(points)} packets of the {said_by}: {dict(told)}")


def test_killed_within_the_answer(bench):
    """The process itself is killed: nothing is there that could answer the next attempt before it is started anew."""
    bench.sink.clear()
    answer = bench.answer
    names = []
    for after in (0, answer.index("+") + 1, answer.index("-") + 1):
        before = bench.filter
        cut = Cut("filter", after, before.kill)
        names.append(_while_restarting(bench, before, cut))
    copies = bench.copies()
    assert [copies[name] for name in names] == [{SUPPORT: 1, OTHER: 1}] * len(names)


def _while_restarting(bench: Bench, before: RunningFilter, cut: Cut) -> str:
    """What a real sender sees of a kill and a restart: 451 until the filter is back, then 250. Its Message-ID."""

    def restart() -> None:
        assert cut.done.wait(60)
        before.process.wait(10)
        bench.filter = RunningFilter("--no-tests", "--workers", "1", spec=before.spec)
        before.stop()

    restarting = threading.Thread(target=restart)
    restarting.start()
    name, reply = bench.exchange("tempfail", cut)
    assert reply == "250"
    restarting.join(60)
    return name
