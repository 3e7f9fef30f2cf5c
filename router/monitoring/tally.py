"""Counts of decided mail, kept by the front: a few additions a mail, and plain numbers for whoever asks."""

import bisect
import collections
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
UNDECIDED = "undecided"
"""The queue of mail that nothing could be decided about."""


@dataclass(slots=True)
class Histogram:
    """Times in seconds. counts: of each bucket, the last one for what is longer than all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(BUCKETS_S, seconds)] += 1
        self.total_s += seconds

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound, how many were not longer), as Prometheus wants them."""
        told, sum_ = [], 0
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), self.counts, strict=True):
            sum_ += count
            told.append((bound, sum_))
        return told


@dataclass(slots=True)
class Tally:
    """mails: (queue, verdict) -> mails. rules: (rule, mode) -> how often it fired. redirected: queue it went to.
    replies: `asked` or the gate that stopped it. waited, decided: times."""

    mails: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    rules: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    redirected: collections.Counter[str] = field(default_factory=collections.Counter)
    replies: collections.Counter[str] = field(default_factory=collections.Counter)
    held: int = 0
    waited: Histogram = field(default_factory=Histogram)
    decided: Histogram = field(default_factory=Histogram)

    def add(self, event: Mapping[str, Any]) -> None:
        """event: what `workers.scan.event_of` tells, with timings."""
        queue = event.get("queue") or UNDECIDED
        self.mails[queue, event.get("verdict") or "accept"] += 1
        for rule in event.get("fired") or ():
            self.rules[rule, "enforce"] += 1
        for rule in event.get("shadow") or ():
            self.rules[rule, "shadow"] += 1
        if event.get("hold"):
            self.held += 1
        elif (event.get("recipients") or {}).get("add"):
            self.redirected[queue] += 1
        reply = event.get("reply")
        if reply:
            for gate in ("asked",) if reply.get("send") else reply.get("refused") or ():
                self.replies[gate] += 1
        if "decide_ms" in event:
            self.waited.add(event["wait_ms"] / 1_000)
            self.decided.add(event["decide_ms"] / 1_000)
