"""2,388 mails of public test suites: every observer of floor 2 comes to an end, and robots are known as robots."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.facts import Site
from router.identity.authentication import authenticate
from router.identity.author import find as find_author
from router.message.addresses import addresses_in
from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.message.message import Message
from router.message.read import read
from router.signals.automatic import find
from router.threads.followup import find as find_thread
from router.vocabulary import Automatic

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "eml"
SITE = Site("X-Desk-", {}, ticket_tags=("[desk #{number}]",))


def mails() -> Iterator[tuple[str, set[str], Message, str]]:
    """Path, features, message, envelope sender: that of Return-Path, else of From."""
    with (CORPUS / "INDEX.tsv").open(encoding="utf-8") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            data = (CORPUS / row["path"]).read_bytes()
            message = read(raw_message(data, Envelope(b"<>", ()), datetime(2026, 1, 1, tzinfo=UTC)))
            if "Return-Path" in message.fields:
                sender = next(iter(addresses_in(message.fields.first("Return-Path"))), "")
            else:
                sender = find_author(message).address or "somebody@customer.example"
            envelope = replace(message.raw.envelope, sender=f"<{sender}>".encode())
            yield (
                row["path"],
                set((row["features"] or "").split(",")),
                replace(message, raw=replace(message.raw, envelope=envelope)),
                sender,
            )


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/eml is not there")
def test_real_mail_is_observed_and_robots_are_known() -> None:
    """Bounces 97 of 100, auto-replies and list mail all, letters of people none; nothing raises."""
    seen: Counter[str] = Counter()
    for path, features, message, sender in mails():
        author = find_author(message, ("desk.example",))
        assert (author.address is None) == bool(author.ambiguous), path
        automatism = find(message, sender, author.address, SITE.queue_of)
        proof = authenticate(message, author, frozenset({"mx.google.com"}))
        find_thread(message, author, proof, automatism, SITE, None)
        seen.update(features)
        seen.update(f"{feature} known" for feature in features if automatism)
        seen["bounces known"] += "dsn" in features and Automatic.BOUNCE in automatism
        seen["letters taken for automatic"] += path.startswith("letters/") and bool(automatism)
    assert seen["bounces known"] >= 0.97 * seen["dsn"] > 200
    assert seen["autoreply known"] == seen["autoreply"] > 100
    assert seen["list known"] == seen["list"] > 200
    assert seen["letters taken for automatic"] == 0
