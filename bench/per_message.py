"""CPU per message of the whole filter against its peers, in one run.

    python -m bench.per_message [--peers no-op plain pymilter rspamd mailrouter] [--messages 200] [--rounds 6]
                                [--concurrency 8 64 1] [--quiet 60]

no-op: our codec alone. plain, pymilter: bench/plain_filter.py on our codec and on pymilter. rspamd: bench/rspamd.py.
What is not installed is left out, and said so. All run at once and idle; rounds are interleaved (A B C A B C …), so
that a machine whose speed drifts is fair to all. CPU is user + system time of each whole process tree, read from /proc
before and after a round. Printed: median over the rounds, the least and the largest round, and the ratios of the
medians. The journal is on.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence

from bench import plain_filter, rspamd
from bench.mail import messages
from bench.peer import Peer, answers, load, memory_mb, place, wait_for_quiet


def noop(folder: str, *, tcp: bool = False) -> Peer:
    spec = place(folder, "noop", tcp)
    return Peer("no-op codec", spec, [sys.executable, "-m", "bench.plain_filter", spec, "--noop"], ready_line)


def plain(folder: str) -> Peer:
    spec = f"unix:{folder}/plain.sock"
    return Peer("plain, our codec", spec, [sys.executable, "-m", "bench.plain_filter", spec], ready_line)


def on_pymilter(folder: str) -> Peer:
    path = f"{folder}/pymilter.sock"
    command = [sys.executable, "-m", "bench.plain_filter", f"unix:{path}", "--pymilter"]
    return Peer("plain, pymilter", f"unix:{path}", command, lambda _: answers(path))


def mailrouter(folder: str, *more: str, tcp: bool = False) -> Peer:
    """The whole filter with its journal, two workers, a fixed clock. more: options of `serve`."""
    spec = place(folder, "mailrouter", tcp)
    command = [sys.executable, "-m", "router.cli", "serve", "--listen", spec, "--no-dns", "--state", f"{folder}/state"]
    return Peer("mailrouter", spec, [*command, "--at", "2026-03-06T19:40+02:00", *more], ready_line)


def ready_line(output: bytes) -> bool:
    return b"ready\n" in output or b'"ready"' in output


PEERS: dict[str, tuple[Callable[[str], Peer], Callable[[], str]]] = {
    "no-op": (noop, str),
    "plain": (plain, str),
    "pymilter": (on_pymilter, plain_filter.what_is_missing),
    "rspamd": (rspamd.rspamd, rspamd.what_is_missing),
    "mailrouter": (mailrouter, str),
}
"""name -> how it is started in a folder, and what is missing for it, "" for nothing."""


async def compare(
    peers: Sequence[Peer], count: int, rounds: int, concurrency: Sequence[int], quiet_s: float = 0.0
) -> None:
    """Interleaved rounds of `count` mails, all different; the first one is not counted. Prints a table for each
    concurrency. The last peer is the one that the others are compared with. quiet_s: wait at most so long before each
    round for others to stop working."""
    mails = iter(messages(count * (rounds + 1) * len(concurrency)))
    for sessions in concurrency:
        for number in range(rounds + 1):
            batch = [next(mails) for _ in range(count)]
            wait_for_quiet(quiet_s)
            for peer in peers:
                await peer.round(batch, sessions)
                if number == 0:
                    peer.forget()
        report(peers, count * rounds, sessions)
        for peer in peers:
            peer.forget()


def report(peers: Sequence[Peer], count: int, concurrency: int) -> None:
    ours = statistics.median(peers[-1].cpu_ms)
    size = statistics.median(len(data) for _, _, data in messages(200)) / 1024
    print(f"{count} messages each, concurrency {concurrency}, median {size:.1f} KB, load {load()}")
    print("filter              CPU ms a message (rounds)     msg/s   p50 ms   p99 ms   PSS MB   mailrouter's CPU is")
    for peer in peers:
        latency = sorted(peer.latency_ms)
        cpu = statistics.median(peer.cpu_ms)
        spread = f"({min(peer.cpu_ms):.2f} to {max(peer.cpu_ms):.2f})"
        print(
            f"{peer.name:<19} {cpu:14.2f} {spread:>16} {statistics.median(peer.rate):7.0f}"
            f" {latency[len(latency) // 2]:8.1f} {latency[int(len(latency) * 0.99)]:8.1f}"
            f" {memory_mb(peer.process.pid):8.0f}   {ours / max(cpu, 1e-3):.2f} times"
        )
    print(flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    arguments.add_argument("--messages", type=int, default=200, help="in a round")
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--concurrency", type=int, nargs="+", default=[8])
    arguments.add_argument("--quiet", type=float, default=0.0, help="seconds to wait before a round for idle cores")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        peers: list[Peer] = []
        try:
            for name in options.peers:
                start, missing = PEERS[name]
                if why := missing():
                    print(f"{name} is left out: {why}")
                else:
                    peers.append(start(folder))
            asyncio.run(compare(peers, options.messages, options.rounds, options.concurrency, options.quiet))
        finally:
            for peer in peers:
                peer.stop()


if __name__ == "__main__":
    main()
