"""What a disguise costs: models trained on mail as it came, asked about the same mail disguised.

    python -m bench.disguises

Cross-validation: no mail is judged by a model that saw it, its sender or its thread. Topic: macro-F1, and the share of
technical mail that is accepted (rules.yaml: 0.80, ahead by 0.20). Abuse, vague: recall at the threshold that
gives the plain mails their precision. `hidden`: among two to eight harmless sentences of other people's mail.
"""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from router.classify import corpus, curation, fitting, lexicon, reply_training
from router.classify.corpus import Example
from router.classify.evaluate import macro_f1
from router.classify.judging import INNER, judge
from router.classify.pipeline import DEFAULTS
from router.classify.thresholds import WISHES, tune

ROOT = Path(__file__).parents[1]
LATIN = str.maketrans("асеорхукіАСЕОРХУКІВНМТ", "aceopxykiACEOPXYKIBHMT")
CYRILLIC = str.maketrans("aceopxyiACEOPXKIBHMT", "асеорхуіАСЕОРХКІВНМТ")
TRANSLIT = {
    **dict(zip("абвгґдезийіклмнопрстуфы", "abvggdeziiiklmnoprstufy", strict=True)),
    "ё": "yo",
    "є": "ye",
    "ж": "zh",
    "ї": "yi",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "э": "e",
    "ю": "yu",
    "я": "ya",
}
_WORD = re.compile(r"[^\W\d_]{4,}")


def each_word(share: float, change: Callable[[str, random.Random], str]) -> Callable[[str, random.Random], str]:
    def disguise(text: str, draw: random.Random) -> str:
        return _WORD.sub(lambda found: change(found[0], draw) if draw.random() < share else found[0], text)

    return disguise


def zero_width(word: str, draw: random.Random) -> str:
    at = draw.randrange(1, len(word))
    return word[:at] + draw.choice("\u200b\u200c\u200d\u00ad\u2060") + word[at:]


def look_alike(word: str, draw: random.Random) -> str:
    other = word.translate(LATIN if re.search("[а-яіїєґ]", word.lower()) else CYRILLIC)
    return "".join(new if draw.random() < 0.5 else old for old, new in zip(word, other, strict=True))


def spaced(word: str, draw: random.Random) -> str:
    return draw.choice(" .-").join(word)


def typo(word: str, draw: random.Random) -> str:
    at = draw.randrange(1, len(word) - 1)
    return draw.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )


def transliterated(text: str, draw: random.Random) -> str:
    return "".join(TRANSLIT.get(one.lower(), one) for one in text)


DISGUISES: dict[str, Callable[[str, random.Random], str]] = {
    "as it came": lambda text, draw: text,
    "zero-width": each_word(0.7, zero_width),
    "look-alikes": each_word(0.7, look_alike),
    "spaced letters": each_word(0.15, spaced),
    "transliterated": transliterated,
    "CAPITALS": lambda text, draw: text.upper(),
    "typos, every fifth word": each_word(0.2, typo),
}


def main() -> None:
    examples = reply_training.apart(curation.curate(corpus.read([ROOT / "models/data"])).examples)
    words, labels = lexicon.parse(lexicon.own_text()), fitting.LABELS
    place = fitting.folds_of(examples, DEFAULTS.folds, 1)
    asked = []
    for change in DISGUISES.values():
        draw = random.Random(1)
        asked.append(fitting.counted([disguised(one, change, draw) for one in examples], words))
    documents = fitting.hidden(examples, fitting.documents_of(examples), place, 1)
    asked.append(fitting.counted_of(examples, documents, words))
    sums = fitting.out_of_fold(asked, labels, DEFAULTS, place)
    heads = fitting.heads_of(examples, labels, sums[0], sums[-1])
    mails = np.array([row for row, one in enumerate(examples) if one.is_mail and "topic" in one.labels])
    topics = labels["topic"]
    truth = [examples[row].labels["topic"] for row in mails]
    technical = np.array([one == "technical" for one in truth])
    plain = judge(sums[0], heads)
    accepts = {}
    for name in ("abuse", "vague"):
        rows = np.array([row for row in mails if name in examples[row].labels])
        wanted = np.array([examples[row].labels[name] == labels[name][0] for row in rows], dtype=np.int64)
        accepts[name] = rows, wanted == 1, tune(plain[name][rows], wanted, WISHES[name]).accept
    print(f"{len(mails)} mails; classifiers {sorted(set(labels) - INNER)}")
    print(f"{'':24} topic F1  technical accepted  abuse recall  vague recall")
    for name, part in zip([*DISGUISES, "hidden"], sums, strict=True):
        scores = judge(part, heads)
        topic = scores["topic"][mails]
        order = np.sort(topic, axis=1)
        accepted = (topic[:, 0] >= 0.80) & (order[:, -1] - order[:, -2] >= 0.20)
        given = [topics[one] for one in topic.argmax(axis=1)]
        recalls = [(scores[one][rows, 0] >= accept)[wanted].mean() for one, (rows, wanted, accept) in accepts.items()]
        print(
            f"{name:24} {macro_f1(truth, given, topics):8.3f}  {accepted[technical].mean():18.3f}  "
            + "  ".join(f"{one:12.3f}" for one in recalls),
            flush=True,
        )


def disguised(one: Example, change: Callable[[str, random.Random], str], draw: random.Random) -> Example:
    return replace(one, subject=change(one.subject, draw), text=change(one.text, draw)) if one.is_mail else one


if __name__ == "__main__":
    main()
