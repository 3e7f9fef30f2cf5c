"""Through a real Postfix: how many mails a second it takes with the filter, with a no-op filter, and with none.

    sudo python -m bench.through_postfix [--messages 300] [--rounds 4] [--sessions 8] [--tcp]

One private Postfix for each variant (tests/integration/postfix.py), all running at once; rounds are interleaved. The
filters listen on unix sockets, or with --tcp on loopback ports. The client pipelines and keeps its connections; what
Postfix delivers goes to smtp-sink, and a round begins when the queue is empty. Printed: accepted mails a second, the
ratio to Postfix alone, CPU of Postfix and of the filter a mail. Needs root, since Postfix changes its user.
"""

import argparse
import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import per_message
from bench.mail import messages
from bench.peer import Mail, Peer, cpu_s, load
from tests.integration.postfix import PrivatePostfix, free_port, what_is_missing

EMPTY_WITHIN_S = 60.0


@dataclass
class Sink:
    """smtp-sink: takes everything, keeps nothing."""

    port: int = field(default_factory=free_port)

    def start(self) -> None:
        program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
        self.process = subprocess.Popen([program, "-u", "postfix", f"127.0.0.1:{self.port}", "200"])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@dataclass
class Variant:
    name: str
    postfix: PrivatePostfix
    filter: Peer | None
    rate: list[float] = field(default_factory=list)
    postfix_ms: list[float] = field(default_factory=list)
    filter_ms: list[float] = field(default_factory=list)

    async def round(self, mails: list[Mail], sessions: int) -> None:
        master = int((self.postfix.spool / "pid/master.pid").read_text().strip())
        before = cpu_s(master), cpu_s(self.filter.process.pid) if self.filter else 0.0
        begun = time.monotonic()
        todo = iter(mails)
        await asyncio.gather(*(send(self.postfix.port, todo) for _ in range(sessions)))
        self.rate.append(len(mails) / (time.monotonic() - begun))
        deadline = time.monotonic() + EMPTY_WITHIN_S
        while "empty" not in self.postfix.queue() and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        self.postfix_ms.append((cpu_s(master) - before[0]) * 1000 / len(mails))
        if self.filter:
            self.filter_ms.append((cpu_s(self.filter.process.pid) - before[1]) * 1000 / len(mails))

    def forget(self) -> None:
        self.rate, self.postfix_ms, self.filter_ms = [], [], []


async def send(port: int, todo: Iterator[Mail]) -> None:
    """One SMTP session that takes mails until there are no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def answer(wanted: bytes) -> None:
        while True:
            line = await reader.readline()
            if not line.startswith(wanted):
                raise SystemExit(f"Postfix said {line!r}")
            if line[3:4] == b" ":
                return

    await answer(b"220")
    writer.write(b"EHLO client.customer.example\r\n")
    await answer(b"250")
    for sender, recipient, data in todo:
        writer.write(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        for wanted in (b"250", b"250", b"354"):
            await answer(wanted)
        ending = b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n"
        writer.write(data.replace(b"\r\n.", b"\r\n..") + ending)
        await answer(b"250")
    writer.write(b"QUIT\r\n")
    await answer(b"221")
    writer.close()


async def measure(variants: list[Variant], count: int, rounds: int, sessions: int) -> None:
    mails = iter(messages(count * (rounds + 1)))
    for number in range(rounds + 1):
        batch = [next(mails) for _ in range(count)]
        for variant in variants:
            await variant.round(batch, sessions)
            if number == 0:
                variant.forget()
    alone = statistics.median(variants[0].rate)
    print(f"{count * rounds} messages each, {sessions} sessions, load {load()}")
    print("                       accepted/s   of Postfix alone   Postfix CPU ms   filter CPU ms")
    for one in variants:
        filter_ms = f"{statistics.median(one.filter_ms):.2f}" if one.filter_ms else "-"
        rate, postfix_ms = statistics.median(one.rate), statistics.median(one.postfix_ms)
        print(f"{one.name:<22} {rate:10.0f} {rate / alone:18.2f} {postfix_ms:16.2f} {filter_ms:>15}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=300, help="in a round")
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--sessions", type=int, default=8)
    arguments.add_argument("--tcp", action="store_true")
    options = arguments.parse_args()
    if missing := what_is_missing():
        print(f"skipped: {missing}")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)
        sink = Sink()
        sink.start()
        variants: list[Variant] = []
        try:
            for name, start in (("Postfix alone", None), ("no-op", per_message.noop), ("mailrouter", open_to_all)):
                peer = start(folder, tcp=options.tcp) if start else None
                variants.append(Variant(name, PrivatePostfix(sink, postfix_name(peer) if peer else ""), peer))
                variants[-1].postfix.start()
            asyncio.run(measure(variants, options.messages, options.rounds, options.sessions))
        finally:
            for one in variants:
                one.postfix.stop()
                if one.filter:
                    one.filter.stop()
            sink.stop()


def open_to_all(folder: str, *, tcp: bool) -> Peer:
    return per_message.mailrouter(folder, "--socket-mode", "0666", tcp=tcp)


def postfix_name(peer: Peer) -> str:
    """The socket as `smtpd_milters` names it. Postfix runs as its own user, and the socket must let it in."""
    kind, _, place = peer.spec.partition(":")
    if kind == "unix":
        Path(place).chmod(0o666)
        return peer.spec
    port, _, host = place.partition("@")
    return f"inet:{host}:{port}"


if __name__ == "__main__":
    main()
