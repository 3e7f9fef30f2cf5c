"""What rules cost: CPU of one process, a mail, on texts that were not seen before in the run.

    python -m bench.rules [--mails 400] [--rounds 5]

1. 20 rules against 1,000: each has a recipient (one in ten fits) and phrases of its own; bytes to Decision, 4 KB mails.
2. No phrase against 10,000 (1,000 patterns of ten), in rules that all fit the recipient; the same mails.
3. The shipped rules.yaml: `decide` alone, on a desk's mails, without trace and with it.
4. Loading: 500 rules read, linted and compiled.

Rounds of the variants are interleaved, so that a machine whose speed drifts is fair to all; medians are printed.
"""

import argparse
import random
import re
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.mail import labelled
from router.facts import Facts, Services
from router.identity.authentication import Authentication
from router.logic import unknown
from router.message.eml import raw_message
from router.message.envelope import Envelope, RawMessage
from router.message.read import read
from router.rules.compile import Ruleset, compile_rules
from router.rules.decide import decide
from router.rules.load import check, load
from router.threads.thread import Thread
from router.triage import triage
from router.vocabulary import AuthState, ThreadState

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
QUEUES = 10
MAIL_BYTES = 4_096

HEAD = """\
version: 1
languages: [en]
calendars:
  always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}
queues:
"""


class Texts:
    """Mails of about one size out of the words of our labelled mails, in an order that never comes again."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._bodies = [row["body"] for row in labelled()]
        self.words = sorted({word for body in self._bodies for word in re.findall("[a-zа-яіїєґ]{4,}", body.casefold())})

    def phrase(self) -> str:
        one, other = self._chance.choice(self.words), self._chance.choice(self.words)
        return f"{one[: max(4, len(one) - 2)]}* .. {other[: max(4, len(other) - 2)]}*"

    def mail(self, size_bytes: int = MAIL_BYTES) -> bytes:
        sentences: list[str] = []
        size = 0
        while size < size_bytes:
            sentence = self._chance.choice(self._chance.choice(self._bodies).split(". "))
            words = sentence.split()
            self._chance.shuffle(words)
            sentences.append(" ".join(words))
            size += len(sentences[-1].encode()) + 2
        head = (
            "From: Olena <olena@customer.example>\r\nTo: desk0@desk.example\r\n"
            f"Subject: {sentences[0][:60]}\r\nMessage-ID: <{self._chance.random()}@customer.example>\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        )
        return head.encode() + ".\r\n".join(sentences).encode()


def rules_of(count: int, phrases: int, texts: Texts, *, all_fit: bool = False) -> bytes:
    """A rules file of so many rules, each with so many phrases of its own and a recipient."""
    lines = [HEAD]
    for queue in range(QUEUES):
        lines.append(
            f"  q{queue}: {{address: desk{queue}@desk.example, calendar: always, name: {{en: Desk {queue}}}}}\n"
        )
    lines.append("  moderation: {address: held@desk.example, calendar: always, name: {en: Held}}\n")
    if phrases:
        lines.append("patterns:\n")
        for number in range(count):
            listed = ", ".join(f'"{texts.phrase()}"' for _ in range(phrases))
            lines.append(f"  p{number}: {{any: [{listed}]}}\n")
    lines.append("rules:\n")
    for number in range(count):
        queue = 0 if all_fit else number % QUEUES
        test = f"text: {{pattern: p{number}}}" if phrases else "language: en"
        lines.append(f"  - id: r{number}\n    stage: enrich\n")
        lines.append(
            f"    when: {{all: [{{recipient: {{queue: q{queue}}}}}, {{{test}}}]}}\n    then: [{{tag: t{number % 7}}}]\n"
        )
    return "".join(lines).encode()


def compiled(data: bytes) -> Ruleset:
    return compile_rules(load(data, "bench.yaml"), data)


def services() -> Services:
    return Services(
        now=NOW,
        authenticate=lambda *_: Authentication(AuthState.PASS, why="bench"),
        look_up=lambda *_: None,
        scores=lambda _: unknown("no model"),
        thread=lambda *_: Thread(ThreadState.NEW),
    )


def raw_of(data: bytes, recipient: str = "desk0@desk.example") -> RawMessage:
    envelope = Envelope(b"<olena@customer.example>", (f"<{recipient}>".encode(),))
    return raw_message(data, envelope, NOW, source="bench")


def cpu_us(work: Callable[[T], object], batch: list[T]) -> float:
    """CPU a mail, in microseconds."""
    before = time.process_time()
    for one in batch:
        work(one)
    return (time.process_time() - before) / len(batch) * 1e6


def compare(variants: dict[str, Ruleset], texts: Texts, mails: int, rounds: int) -> dict[str, list[float]]:
    """CPU from bytes to Decision in each round, in microseconds; every variant gets mails of its own, all new."""
    seen: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, ruleset in variants.items():
            batch = [raw_of(texts.mail()) for _ in range(mails)]
            seen[name].append(cpu_us(partial(triage, ruleset=ruleset, services=services()), batch))
    return seen


def shipped(mails: int, rounds: int) -> dict[str, list[float]]:
    """`decide` alone under rules.yaml, every mail read beforehand and decided once."""
    data = (ROOT / "rules.yaml").read_bytes()
    ruleset = compile_rules(load(data, "rules.yaml", base=ROOT), data)
    queues = list(ruleset.queues.values())
    rows = labelled()
    seen: dict[str, list[float]] = {"without trace": [], "with trace": []}
    chance = random.Random(5)
    for _ in range(rounds):
        for name, traced in (("without trace", False), ("with trace", True)):
            chance.shuffle(rows)
            batch = []
            for number, row in enumerate(rows[:mails]):
                to = str(queues[number % 2].address)
                head = f"From: olena@customer.example\r\nTo: {to}\r\nSubject: {row['subject']}\r\n\r\n"
                raw = raw_of((head + row["body"]).encode(), to)
                batch.append(Facts(read(raw), services(), ruleset.site))
            seen[name].append(cpu_us(partial(decide, ruleset=ruleset, trace=traced), batch))
    return seen


def told(found: dict[str, list[float]]) -> tuple[float, ...]:
    """Print median and least of each variant; gives the medians."""
    for name, times in found.items():
        print(f"  {name:<16} {statistics.median(times):8.0f}   (least {min(times):.0f})")
    return tuple(statistics.median(times) for times in found.values())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    texts = Texts(seed=int(time.time()))

    print("bytes to Decision, 4 KB mails, us CPU a mail: median of the rounds")
    variants = {"20 rules": compiled(rules_of(20, 3, texts)), "1,000 rules": compiled(rules_of(1_000, 3, texts))}
    few, many = told(compare(variants, texts, asked.mails, asked.rounds))
    print(f"  ratio            {many / few:8.2f}   (at most 1.5)")

    none, some = rules_of(1_000, 0, texts, all_fit=True), rules_of(1_000, 10, texts, all_fit=True)
    variants = {"no phrase": compiled(none), "10,000 phrases": compiled(some)}
    without, with_phrases = told(compare(variants, texts, asked.mails, asked.rounds))
    print(f"  difference       {with_phrases - without:8.0f}   (at most 300)")

    print("decide alone, the shipped rules.yaml, us CPU a mail (without trace: at most 250)")
    told(shipped(asked.mails, asked.rounds))

    data = rules_of(500, 3, texts)
    before = time.process_time()
    file, _ = check(data, "bench.yaml")
    assert file is not None
    compile_rules(file, data)
    print(f"500 rules read, linted and compiled: {time.process_time() - before:.2f} s CPU (at most 1)")


if __name__ == "__main__":
    main()
