"""What a large attachment costs: CPU of the same mails with 25 MB attached and without, in one run, interleaved.

    python -m bench.attachment [--messages 100] [--rounds 6] [--megabytes 25]

Both go to one running filter, through the simulator, which stops sending the body when it is told to (SMFIR_SKIP), as
Postfix does. The twin has a small file attached, so that both have the same parts. At most 1.2 times is the aim. The
file exists once: a client that builds and copies 34 MB for every mail slows down whoever shares its cores.
"""

import argparse
import asyncio
import base64
import random
import statistics
import tempfile

from bench import per_message
from bench.mail import messages
from bench.peer import Mail, Peer, load
from router.milter.applied import Delivery
from router.milter.simulator import Mta, Transaction

BOUNDARY = b"=_attachment"
CONCURRENCY = 8
FILE_FIELDS = b"Content-Type: application/zip; name=site.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"


def encoded_file(size_bytes: int) -> bytes:
    """The content of a file of this size, up to the end of the message."""
    file = base64.encodebytes(random.Random(size_bytes).randbytes(size_bytes)).replace(b"\n", b"\r\n")
    return file + b"--%s--\r\n" % BOUNDARY


def before_file(mail: Mail) -> Mail:
    """The mail as the first part of a multipart/mixed, up to the content of the file behind it."""
    sender, recipient, data = mail
    head, _, body = data.partition(b"\r\n\r\n")
    fields = head.split(b"\r\n")
    mime = next(number for number, line in enumerate(fields) if line.lower().startswith(b"content-type:"))
    pieces = [b"\r\n".join(fields[:mime]), b'\r\nContent-Type: multipart/mixed; boundary="%s"\r\n\r\n' % BOUNDARY]
    pieces += [b"--%s\r\n" % BOUNDARY, b"\r\n".join(fields[mime:]), b"\r\n\r\n", body, b"\r\n"]
    return sender, recipient, b"".join([*pieces, b"--%s\r\n" % BOUNDARY, FILE_FIELDS])


class Joined(bytes):
    """The beginning of a body, and behind it the file that all mails share; only ever cut into chunks."""

    file = b""

    def __len__(self) -> int:
        return super().__len__() + len(self.file)

    def __getitem__(self, part: slice) -> bytes:
        own = super().__len__()
        start, stop, _ = part.indices(len(self))
        return bytes(self)[start:stop] + self.file[max(start - own, 0) : max(stop - own, 0)]

    def __radd__(self, before: bytes) -> bytes:
        return before


def sending(content: bytes) -> type[Mta]:
    """An MTA that puts this behind every mail."""

    class WithFile(Joined):
        file = content

    class Sending(Mta):
        def _delivery(self, transaction: Transaction) -> Delivery:
            delivery = super()._delivery(transaction)
            delivery.body = WithFile(delivery.body)
            return delivery

    return Sending


async def measure(filter_: Peer, count: int, rounds: int, size_bytes: int) -> None:
    mails = iter(messages(count * (rounds + 1) * 2))
    sizes = {"small file": 1_000, f"{size_bytes / 1e6:.0f} MB file": size_bytes}
    senders = {name: sending(encoded_file(size)) for name, size in sizes.items()}
    seen: dict[str, list[float]] = {name: [] for name in senders}
    for number in range(rounds + 1):
        for name, mta in senders.items():
            filter_.forget()
            await filter_.round([before_file(next(mails)) for _ in range(count)], CONCURRENCY, mta)
            if number:
                seen[name] += filter_.cpu_ms
    print(f"{count * rounds} messages each, concurrency {CONCURRENCY}, load {load()}: CPU ms a message")
    for name, times in seen.items():
        print(f"  {name:<12} {statistics.median(times):6.2f}   (least {min(times):.2f})")
    small, large = map(statistics.median, seen.values())
    print(f"  ratio        {large / small:6.2f}   (at most 1.2)")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=100, help="in a round")
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--megabytes", type=int, default=25)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        filter_ = per_message.mailrouter(folder)
        try:
            asyncio.run(measure(filter_, options.messages, options.rounds, options.megabytes * 1_000_000))
        finally:
            filter_.stop()


if __name__ == "__main__":
    main()
