"""The acknowledgement service: intents in by LMTP, acknowledgements out by SMTP, one at a time, each at most once.

    token and gates (no answer: 250, logged) | limits | compose | MAIL, RCPT | commit `sending` | DATA | commit the end

Whatever is temporary (the database, the MTA) is a 4xx: the intent stays in the MTA's queue, as long as its token lives.
A death between any two steps leaves at worst a row `sending`, which is never sent again.
"""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from router.acknowledge import gates, own_id
from router.acknowledge.accepted import Accepted, accepted
from router.acknowledge.compose import Answered, CannotCompose, Composed, canary, compose
from router.acknowledge.keys import Keys
from router.acknowledge.lmtp import MAX_LINE, Delivery, LmtpServer
from router.acknowledge.outgoing import Outcome
from router.acknowledge.policy import Policy
from router.acknowledge.throttle import Claim, Clock, State, Throttle
from router.acknowledge.wish import Wish
from router.errors import LookupFailed
from router.message.envelope import address_of

DONE = "250 2.0.0"
LATER = "451 4.3.0"
PURGE_EVERY_S = 6 * 3600.0

Log = Callable[..., None]


class Sender(Protocol):
    """What sends: `outgoing.Relay`, or a test's double."""

    def send(self, message: Composed, before_data: Callable[[], bool]) -> tuple[Outcome, str]: ...


class Acknowledger:
    """Handles one intent after the other. Not for several threads at once.

    open_throttle: opens the store; called again after a fault of the database. `off`: why nothing is sent, or "".
    """

    def __init__(
        self, policy: Policy, keys: Keys, open_throttle: Callable[[], Throttle], sender: Sender, clock: Clock, log: Log
    ) -> None:
        self.keys = keys
        self.counters: Counter[str] = Counter()
        self._open_throttle = open_throttle
        self._throttle: Throttle | None = None
        self._sender = sender
        self._clock = clock
        self._log = log
        self._purged_at = clock().monotonic_s
        self.use(policy)

    def use(self, policy: Policy) -> None:
        """Answer by these texts and limits from now on, if the canary lives."""
        self.policy = policy
        self.off = canary(policy, self._clock().wall)
        if self.off:
            self._log("acknowledgements-off", reason=self.off)

    def open(self) -> Throttle:
        """The store, opened if it is not. Raises `LookupFailed`."""
        if self._throttle is None:
            self._throttle = self._open_throttle()
            settled = self._throttle.recover()
            if settled:
                self._log("unknown", count=settled, reason="the last run ended while they were being sent")
            if self._throttle.set_aside:
                self._log("database-damaged", set_aside=str(self._throttle.set_aside))
            mute = self._throttle.muted()
            if mute:
                self._log("muted", reason=mute.reason, until=mute.until)
        return self._throttle

    def close(self) -> None:
        if self._throttle is not None:
            self._throttle.close()
            self._throttle = None

    def handle(self, delivery: Delivery) -> str:
        """The LMTP reply for one intent."""
        try:
            return self._handle(delivery)
        except LookupFailed as problem:
            # Perhaps the file is damaged: opening it anew checks it, and sets it aside if it is.
            self.close()
            self.counters["database-faults"] += 1
            self._log("database-fault", reason=str(problem))
            return f"{LATER} the database cannot be used"

    def _handle(self, delivery: Delivery) -> str:
        instant = self._clock()
        token = address_of(delivery.recipient).rpartition("@")[0]
        mail = accepted(delivery.data, delivery.sender, token, self.policy, instant.wall, delivery.size_bytes)
        shut = gates.judge(mail, self.keys, instant.wall)
        wish = mail.wish
        if "G17" in shut or not isinstance(wish, Wish):
            return self._refused(mail, "", shut)  # not ours to remember: anybody could have made it
        key = mail.once_key(self.keys)
        throttle = self.open()
        self._housekeep(throttle, instant.monotonic_s)
        sender = mail.sender_address
        if shut:
            throttle.suppress(key, sender, ",".join(shut), wish.decision)
            return self._refused(mail, wish.decision, shut)
        if self.off:
            return self._refused(mail, wish.decision, {"off": self.off})
        ordered = tuple(name for name in self.policy.snippets if name in wish.snippets)
        claim = throttle.check(key, sender, ordered or wish.snippets, self.policy.limits)
        if claim.gate:
            return self._not_claimed(mail, wish, throttle, claim)
        try:
            composed = self._composed(mail, wish, claim, key)
        except CannotCompose as problem:
            throttle.suppress(key, sender, "text", wish.decision)
            return self._refused(mail, wish.decision, {"text": str(problem)})
        begun: list[Claim] = []

        def begin() -> bool:
            begun.append(throttle.begin(key, sender, composed.snippets, self.policy.limits, wish.decision))
            return not begun[-1].gate

        outcome, words = self._sender.send(composed, begin)
        if outcome is Outcome.WITHDRAWN:
            return self._not_claimed(mail, wish, throttle, begun[-1])
        return self._settled(mail, wish, throttle, key, composed, outcome, words, bool(begun))

    def _composed(self, mail: Accepted, wish: Wish, claim: Claim, key: bytes) -> Composed:
        policy = self.policy
        domain = policy.address_of(wish.queue).rpartition("@")[2]
        message = mail.message
        return compose(
            policy,
            replace(wish, snippets=claim.snippets),
            Answered(mail.sender_address, message.subject, message.message_id, message.fields.first("References")),
            message_id=own_id.make(self.keys, key, domain),
            loop=self.keys.loop,
            now=self._clock().wall,
        )

    def _settled(
        self, mail: Accepted, wish: Wish, throttle: Throttle, key: bytes, composed: Composed, outcome: Outcome,
        words: str, begun: bool,
    ) -> str:  # fmt: skip
        self.counters[str(outcome)] += 1
        said = {"decision": wish.decision, "snippets": composed.snippets, "left_out": composed.left_out, "mta": words}
        self._log("acknowledged" if outcome is Outcome.SENT else "not-acknowledged", outcome=outcome, **said)
        state = {
            Outcome.SENT: State.SENT,
            Outcome.UNKNOWN: State.UNKNOWN,
            Outcome.LATER: State.NEW,
            Outcome.REFUSED: State.SUPPRESSED,
        }[outcome]
        if begun:
            try:
                throttle.settle(key, state, "refused by the MTA" if outcome is Outcome.REFUSED else "")
            except LookupFailed as problem:
                # The row stays `sending`, which keeps everybody from sending it again.
                self._log("database-fault", reason=str(problem))
                self.close()
        elif outcome is Outcome.REFUSED:
            throttle.suppress(key, mail.sender_address, "refused by the MTA", wish.decision)
        return f"{LATER} the MTA does not take it now" if outcome is Outcome.LATER else f"{DONE} {outcome}"

    def _not_claimed(self, mail: Accepted, wish: Wish, throttle: Throttle, claim: Claim) -> str:
        throttle.suppress(claim.key, mail.sender_address, claim.gate, wish.decision)
        return self._refused(mail, wish.decision, {claim.gate: claim.evidence})

    def _refused(self, mail: Accepted, decision: str, reasons: Mapping[str, str]) -> str:
        for gate in reasons:
            self.counters[f"refused-{gate}"] += 1
        # The evidence may name an address: the log gets the gates and, of the evidence, what is no address.
        self._log(
            "no-acknowledgement",
            decision=decision,
            gates=list(reasons),
            why={gate: without_addresses(text) for gate, text in reasons.items()},
        )
        return f"{DONE} no acknowledgement: {' '.join(reasons)}"

    def _housekeep(self, throttle: Throttle, monotonic_s: float) -> None:
        for jump in throttle.jumps:
            self._log("clock-jump", what=jump)
        throttle.jumps.clear()
        if monotonic_s - self._purged_at > PURGE_EVERY_S:
            self._purged_at = monotonic_s
            throttle.purge()


def without_addresses(text: str) -> str:
    """Evidence for the log: local parts of addresses are left out (architecture.md 11)."""
    return " ".join(f"…@{word.rpartition('@')[2]}" if "@" in word else word for word in text.split())[:200]


class AcknowledgeService:
    """Sockets round an `Acknowledger`. `run` returns when `stop` is called."""

    def __init__(self, acknowledger: Acknowledger, log: Log, name: str = "localhost") -> None:
        self.acknowledger = acknowledger
        self._log = log
        # One thread: intents are handled one after the other, and the event loop stays free to take connections.
        self._thread = ThreadPoolExecutor(1, "acknowledge")
        self._lmtp = LmtpServer(self._deliver, name)
        self._stop = asyncio.Event()

    async def run(self, sockets: Sequence[socket.socket], ready: Callable[[], None] = lambda: None) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._first_open)
            servers = [
                await asyncio.start_server(self._lmtp.serve, sock=one, limit=MAX_LINE * 8)
                if one.family != socket.AF_UNIX
                else await asyncio.start_unix_server(self._lmtp.serve, sock=one, limit=MAX_LINE * 8)
                for one in sockets
            ]
            ready()
            await self._stop.wait()
            for server in servers:
                server.close()
        finally:
            await loop.run_in_executor(self._thread, self.acknowledger.close)
            self._thread.shutdown()
            self._log(
                "stopped", **{name: self.acknowledger.counters[name] for name in sorted(self.acknowledger.counters)}
            )

    def stop(self) -> None:
        self._stop.set()

    async def use(self, policy: Policy) -> None:
        """New texts and limits, between two intents."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.acknowledger.use, policy)

    async def _deliver(self, delivery: Delivery) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._handled, delivery)

    def _handled(self, delivery: Delivery) -> str:
        try:
            return self.acknowledger.handle(delivery)
        except Exception as fault:  # the rim: a fault of ours must not become a bounce, nor end the service
            self.acknowledger.counters["faults"] += 1
            self._log("fault", fault=f"{type(fault).__name__} in {_place(fault)}")
            return f"{LATER} fault"

    def _first_open(self) -> None:
        with contextlib.suppress(LookupFailed):  # said with the first intent, which gets a 4xx
            self.acknowledger.open()


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
