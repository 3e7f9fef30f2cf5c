"""The peer: the filter that somebody would write in an afternoon. Standard library for mail, twenty regexes, a
scikit-learn pipeline of word and character n-grams, one process. It stands on our own codec, so that only the
deciding differs.

    python bench/plain_filter.py unix:/path       or with --noop: the codec alone
"""

import argparse
import asyncio
import email
import email.policy
import re
import signal

from bench.mail import labelled
from router.message.envelope import RawMessage
from router.milter import responses
from router.milter.edits import Offer
from router.milter.server import Front

WORDS = (
    "не открыва", "не работа", "ошибк", "502", "500", "парол", "домен", "почт", "письм", "счет", "оплат", "рахун",
    "сайт", "invoice", "payment", "password", "error", "down", "взлом", "phish",
)  # fmt: skip


def plain():
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

    async def decide(raw: RawMessage, _offer: Offer) -> bytes:
        head = b"".join(name + b": " + body.replace(b"\n", b"\r\n") + b"\r\n" for name, body in raw.fields)
        message = email.message_from_bytes(head + b"\r\n" + raw.body, policy=email.policy.default)
        try:
            part = message.get_body(("plain", "html"))
            text = f"{message['subject']}\n{part.get_content() if part else ''}"
        except (LookupError, ValueError, KeyError):
            text = ""
        found = [number for number, pattern in enumerate(patterns) if pattern.search(text)]
        label = topic.predict_proba([text]).argmax()
        rude = abuse.predict_proba([text])[0, 1]
        value = f"{label}; {rude:.2f}; {len(found)}"
        return responses.add_header("X-Plain", value, leading_space=False) + responses.ACCEPT

    return decide


async def noop(_raw: RawMessage, _offer: Offer) -> bytes:
    return responses.ACCEPT


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("spec")
    arguments.add_argument("--noop", action="store_true")
    options = arguments.parse_args()
    front = Front(noop if options.noop else plain(), prefix=lambda: "X-Plain-")
    await front.listen(options.spec)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await front.close()


if __name__ == "__main__":
    asyncio.run(main())
