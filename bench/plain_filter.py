"""The peer: the filter that somebody would write in an afternoon. Standard library for mail, twenty regexes, a
scikit-learn pipeline of word (1-2) and character (char_wb 3-5) n-grams, one process.

    python -m bench.plain_filter unix:/path              on our own codec, so that only the deciding differs
    python -m bench.plain_filter unix:/path --pymilter   on pymilter (Debian's python3-milter), a thread a connection
    python -m bench.plain_filter unix:/path --noop       our codec alone
"""

import argparse
import asyncio
import email
import email.message
import email.policy
import importlib.machinery
import importlib.util
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from bench.mail import labelled
from router.message.envelope import RawMessage
from router.milter import responses
from router.milter.edits import Offer
from router.milter.server import Front

DEBIAN_PACKAGES = Path("/usr/lib/python3/dist-packages")
PYMILTER = ("milter", "Milter")
"""In C, and in Python, which imports the first."""
WORDS = (
    "не открыва", "не работа", "ошибк", "502", "500", "парол", "домен", "почт", "письм", "счет", "оплат", "рахун",
    "сайт", "invoice", "payment", "password", "error", "down", "взлом", "phish",
)  # fmt: skip


def plain() -> Callable[[bytes], str]:
    """Bytes of a mail -> what to write into its header field."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    rows = labelled()
    texts = [f"{row['subject']}\n{row['body']}" for row in rows]

    def pipeline():
        return make_pipeline(
            make_union(
                TfidfVectorizer(ngram_range=(1, 2), min_df=2),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2),
            ),
            LogisticRegression(max_iter=300, C=10),
        )

    topic = pipeline().fit(texts, [row["topic"] for row in rows])
    abuse = pipeline().fit(texts, [row["abusive"] for row in rows])
    patterns = [re.compile(word, re.IGNORECASE) for word in WORDS]

    def judge(data: bytes) -> str:
        message = email.message_from_bytes(data, policy=email.policy.default)
        try:
            part = message.get_body(("plain", "html"))
            text = f"{message['subject']}\n{part.get_content() if part else ''}"
        except (LookupError, ValueError, KeyError):
            text = ""
        found = [number for number, pattern in enumerate(patterns) if pattern.search(text)]
        label = topic.predict_proba([text]).argmax()
        rude = abuse.predict_proba([text])[0, 1]
        return f"{label}; {rude:.2f}; {len(found)}"

    return judge


async def noop(_raw: RawMessage, _offer: Offer) -> bytes:
    return responses.ACCEPT


async def on_our_codec(spec: str, judge: Callable[[bytes], str] | None) -> None:
    async def decide(raw: RawMessage, _offer: Offer) -> bytes:
        assert judge is not None
        head = b"".join(name + b": " + body.replace(b"\n", b"\r\n") + b"\r\n" for name, body in raw.fields)
        value = judge(head + b"\r\n" + raw.body)
        return responses.add_header("X-Plain", value, leading_space=False) + responses.ACCEPT

    front = Front(decide if judge else noop, prefix=lambda: "X-Plain-")
    await front.listen(spec)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await front.close()


# ------------------------------------------------------------------------------------------------------------ pymilter
def what_is_missing() -> str:
    """Why the filter cannot stand on pymilter here, "" when it can."""
    if all(_found(name) for name in PYMILTER):
        return ""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"pymilter for Python {version} is not installed (apt-get install python3-milter)"


def _found(name: str) -> importlib.machinery.ModuleSpec | None:
    return importlib.machinery.PathFinder.find_spec(name, [str(DEBIAN_PACKAGES)])


def _pymilter() -> ModuleType:
    """Debian's pymilter, and nothing else of Debian's packages: its folder is not put on the path."""
    for name in PYMILTER:
        spec = _found(name)
        assert spec is not None and spec.loader is not None, what_is_missing()
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def on_pymilter(spec: str, judge: Callable[[bytes], str]) -> None:
    """As its documentation shows it: callbacks collect the mail, the end of it decides."""
    Milter = _pymilter()

    class Plain(Milter.Base):
        def __init__(self) -> None:
            self.id = Milter.uniqueID()

        @Milter.noreply
        def connect(self, name: str, family: str, address: object) -> int:
            return Milter.CONTINUE

        @Milter.noreply
        def hello(self, name: str) -> int:
            return Milter.CONTINUE

        @Milter.noreply
        def envfrom(self, sender: str, *options: str) -> int:
            self.pieces: list[bytes] = []
            return Milter.CONTINUE

        @Milter.noreply
        def envrcpt(self, recipient: str, *options: str) -> int:
            return Milter.CONTINUE

        @Milter.noreply
        def header(self, name: str, value: str) -> int:
            self.pieces.append(f"{name}: {value}\r\n".encode(errors="surrogateescape"))
            return Milter.CONTINUE

        @Milter.noreply
        def eoh(self) -> int:
            self.pieces.append(b"\r\n")
            return Milter.CONTINUE

        @Milter.noreply
        def body(self, chunk: bytes) -> int:
            self.pieces.append(chunk)
            return Milter.CONTINUE

        def eom(self) -> int:
            self.addheader("X-Plain", judge(b"".join(self.pieces)))
            return Milter.ACCEPT

    Milter.factory = Plain
    Milter.set_flags(Milter.ADDHDRS)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("ready", flush=True)
    Milter.runmilter("plain", spec, 300)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("spec")
    arguments.add_argument("--noop", action="store_true")
    arguments.add_argument("--pymilter", action="store_true")
    options = arguments.parse_args()
    if options.pymilter:
        on_pymilter(options.spec, plain())
    else:
        asyncio.run(on_our_codec(options.spec, None if options.noop else plain()))


if __name__ == "__main__":
    main()
