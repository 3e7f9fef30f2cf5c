"""What a large attachment costs: CPU of the same mails with 25 MB attached and without, in one run, interleaved.

    python -m bench.attachment [--messages 60] [--rounds 5] [--megabytes 25]

Both go to one running filter, through the simulator, which stops sending the body when it is told to (SMFIR_SKIP), as
Postfix does. The twin has a small file attached, so that both have the same parts. At most 1.2 times is the aim.
"""

import argparse
import asyncio
import base64
import random
import statistics
import tempfile

from bench import per_message
from bench.mail import messages
from bench.per_message import Mail, Peer

BOUNDARY = b"=_attachment"
CONCURRENCY = 2  # each message is 34 MB here, though only its beginning is sent


def encoded_file(size_bytes: int) -> bytes:
    """A part with a file of this size."""
    file = base64.encodebytes(random.Random(size_bytes).randbytes(size_bytes)).replace(b"\n", b"\r\n")
    return b"Content-Type: application/zip; name=site.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + file


def with_file(mail: Mail, file: bytes) -> Mail:
    """The mail as the first part of a multipart/mixed, the file behind it."""
    sender, recipient, data = mail
    head, _, body = data.partition(b"\r\n\r\n")
    fields = head.split(b"\r\n")
    mime = next(number for number, line in enumerate(fields) if line.lower().startswith(b"content-type:"))
    pieces = [b"\r\n".join(fields[:mime]), b'\r\nContent-Type: multipart/mixed; boundary="%s"\r\n\r\n' % BOUNDARY]
    for part in (b"\r\n".join(fields[mime:]) + b"\r\n\r\n" + body, file):
        pieces += [b"--%s\r\n" % BOUNDARY, part, b"\r\n"]
    return sender, recipient, b"".join([*pieces, b"--%s--\r\n" % BOUNDARY])


async def measure(filter_: Peer, count: int, rounds: int, size_bytes: int) -> None:
    mails = iter(messages(count * (rounds + 1) * 2))
    files = {"small file": encoded_file(1_000), f"{size_bytes / 1e6:.0f} MB file": encoded_file(size_bytes)}
    seen: dict[str, list[float]] = {name: [] for name in files}
    for number in range(rounds + 1):
        for name, file in files.items():
            filter_.forget()
            await filter_.round(
                [next(mails) for _ in range(count)], CONCURRENCY, lambda mail, file=file: with_file(mail, file)
            )
            if number:
                seen[name] += filter_.cpu_ms
    print(f"{count * rounds} messages each, concurrency {CONCURRENCY}, load {per_message.load()}: CPU ms a message")
    for name, times in seen.items():
        print(f"  {name:<12} {statistics.median(times):6.2f}   (least {min(times):.2f})")
    small, large = map(statistics.median, seen.values())
    print(f"  ratio        {large / small:6.2f}   (at most 1.2)")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=60, help="in a round")
    arguments.add_argument("--rounds", type=int, default=5)
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
