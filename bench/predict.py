"""What one prediction costs, against scikit-learn's own path on the same machine in one run.

.venv/bin/python bench/predict.py            CPU ms a 4 KB mail: this model, warm, first met, on mail it was not trained
                                             on, on words never seen; and TfidfVectorizer (word 1-2, char_wb 2-5) +
                                             LogisticRegression.predict_proba

The mails are forty mails each, joined and cut at 4,096 bytes. Memory is what the model adds to a process that has
imported numpy and joblib.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.classify.corpus import Example

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def cpu_ms(call: Callable[[str, str], object], mails: Sequence[tuple[str, str]], rounds: int = 3) -> float:
    """The best of some rounds: CPU time of this process for one mail."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for subject, text in mails:
            call(subject, text)
        best = min(best, (time.process_time() - start) / len(mails) * 1e3)
    return best


def rss_mb() -> float:
    """Resident memory now, in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def joined(examples: Sequence["Example"], count: int) -> list[tuple[str, str]]:
    """Some `count` mails of 4 KB: a subject, and the texts of forty mails."""
    mails = []
    for start in range(0, len(examples) - 40, max(1, len(examples) // count)):
        whole = "\n".join(one.text for one in examples[start : start + 40]).encode()[:4096]
        mails.append((examples[start].subject, whole.decode(errors="ignore")))
    return mails


def main() -> None:
    import joblib

    from router.classify import corpus, registry

    examples = corpus.read([ROOT / "models" / "data"])
    mails = joined(examples, 250)
    desk = joined(sorted(corpus.read([ROOT / "models" / "held-out"]), key=lambda one: one.id[-3:]), 100)
    before = rss_mb()
    begun = time.perf_counter()
    model = registry.load(ROOT / "models")
    loaded_ms = (time.perf_counter() - begun) * 1e3
    print(f"load                         {loaded_ms:8.1f} ms  (joblib {joblib.__version__})")
    print(f"memory, loaded               {rss_mb() - before:8.1f} MB")
    print(f"mail that came later         {cpu_ms(model.scores, desk[20:], 1):8.3f} ms")
    for mail in mails:
        model.scores(*mail)
    print(f"memory, warm                 {rss_mb() - before:8.1f} MB")
    print(f"all classifiers, warm        {cpu_ms(model.scores, mails[-150:], 7):8.3f} ms")
    first = registry.load(ROOT / "models")
    print(f"the first 30 mails           {cpu_ms(first.scores, mails[:30], 1):8.3f} ms")
    half = registry.load(ROOT / "models")
    for mail in mails[::2]:
        half.scores(*mail)
    print(f"mails met for the first time {cpu_ms(half.scores, mails[1::2], 1):8.3f} ms")
    fresh = 0

    def unseen(subject: str, text: str) -> object:
        # every word is new to the model: each gets letters that no mail has had before
        nonlocal fresh
        fresh += 1
        mark = "".join(chr(ord("а") + int(digit)) for digit in str(fresh))
        return model.scores(subject, " ".join(word + mark for word in text.split(" ")))

    print(f"the same, every word new     {cpu_ms(unseen, mails, 1):8.3f} ms")

    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    examples = [one for one in examples if "topic" in one.labels]
    texts = [f"{one.subject}\n{one.text}" for one in examples]
    plain = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        ),
        LogisticRegression(C=10, max_iter=200),
    )
    plain.fit(texts, [one.labels["topic"] for one in examples])
    cost = cpu_ms(lambda subject, text: plain.predict_proba([f"{subject}\n{text}"]), mails[:60], 1)
    print(f"scikit-learn, topic alone    {cost:8.3f} ms")
    print(f"peak memory of this run      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:8.0f} MB")


if __name__ == "__main__":
    main()
