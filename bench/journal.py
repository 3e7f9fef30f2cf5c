"""What the journal costs: CPU per message of the whole process tree with the journal and without it, interleaved.

python -m bench.journal [--messages 200] [--rounds 8] [--concurrency 8]
"""

import argparse
import asyncio
import statistics
import sys
import tempfile

from bench.mail import messages
from bench.peer import Peer
from bench.per_message import ready_line


async def measure(count: int, rounds: int, concurrency: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        peers = []
        for name, option in (("without", "--no-journal"), ("with", "--journal")):
            spec = f"unix:{folder}/{name}.sock"
            command = [sys.executable, "-m", "router.cli", "serve", "--listen", spec, "--no-dns", option]
            command += ["--state", f"{folder}/{name}", "--at", "2026-03-06T19:40+02:00"]
            peers.append(Peer(name, spec, command, ready_line))
        try:
            mails = messages(count * (rounds + 1))
            for number in range(rounds + 1):
                for peer in peers if number % 2 else reversed(peers):
                    await peer.round(mails[number * count : (number + 1) * count], concurrency)
                    if number == 0:
                        peer.forget()
        finally:
            for peer in peers:
                peer.stop()
    without, with_ = (statistics.median(peer.cpu_ms) for peer in peers)
    print(f"{count * rounds} messages each, concurrency {concurrency}")
    print(f"CPU ms a message: {without:.3f} without the journal, {with_:.3f} with it: {with_ - without:+.3f}")
    paired = sorted(b - a for a, b in zip(peers[0].cpu_ms, peers[1].cpu_ms, strict=True))
    print(f"differences of the rounds: median {statistics.median(paired):+.3f}, {paired[0]:+.3f} to {paired[-1]:+.3f}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=200, help="in a round")
    arguments.add_argument("--rounds", type=int, default=8)
    arguments.add_argument("--concurrency", type=int, default=8)
    options = arguments.parse_args()
    asyncio.run(measure(options.messages, options.rounds, options.concurrency))


if __name__ == "__main__":
    main()
