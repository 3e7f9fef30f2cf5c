"""A filter that does nothing: our codec and front, answering accept. The floor under every other measurement.

    bench/noop_milter.py unix:/tmp/noop.sock          bench/noop_milter.py inet:9950@127.0.0.1 --add 4

Prints its pid. --add: header fields to add to every mail. --unanswered DATA BODY: agree on no answer to these either,
to measure what the answers cost (negotiation.py says why they are given).
"""

import argparse
import asyncio
import os
import signal

from router.message.envelope import RawMessage
from router.milter import negotiation, responses
from router.milter.edits import Offer, stripped
from router.milter.server import Front


async def main(spec: str, add: int) -> None:
    async def decide(raw: RawMessage, offer: Offer) -> bytes:
        fields = [
            responses.add_header(f"X-Noop-{number}", "nothing", leading_space=offer.leading_space)
            for number in range(add)
        ]
        return b"".join([*fields, stripped(raw, offer)])

    front = Front(decide, prefix=lambda: "X-Noop-")
    await front.listen(spec, mode=0o666)
    print(os.getpid(), *front.addresses, flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await front.drain(1)
    await front.close()
    print(dict(front.counters), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec")
    parser.add_argument("--add", type=int, default=0)
    parser.add_argument("--unanswered", nargs="+", default=[], choices=["DATA", "BODY"])
    options = parser.parse_args()
    for name in options.unanswered:
        negotiation.WANTED_PROTOCOL |= getattr(negotiation.Protocol, f"NR_{name}")
    asyncio.run(main(options.spec, options.add))
