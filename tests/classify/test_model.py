"""The model serves what training worked out, and training needs no more than a handful of mails to be tested."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from router.classify import registry
from router.classify.corpus import Example
from router.classify.lexicon import own_text, parse
from router.classify.model import OURS, Thresholds, decide_label
from router.classify.pipeline import Settings
from router.classify.train import LABELS, Fitted, TrainResult, counted, predict_proba, train

WORDS = {
    "technical": "сервер сайт не працює помилка 502 error website down почта не отправляется ssh timeout dns",
    "billing": "счёт рахунок invoice оплата payment акт сверки реквизиты refund платёж card receipt",
    "sales": "тариф тарифи price плани upgrade quote сколько стоит offer скидка знижка order new vps",
    "other": "дякую спасибо thanks передайте owner account договор власник вакансія survey директор",
}


def examples() -> list[Example]:
    """Eighty little mails, five words of one topic each; every fourth insults us."""
    made = []
    draw = np.random.default_rng(7)
    for number in range(80):
        topic = list(WORDS)[number % 4]
        words = " ".join(draw.choice(WORDS[topic].split(), 5))
        rude = number % 8 < 2
        text = f"{words}. " + ("вы идиоты, you idiots" if rude else "будь ласка, please")
        made.append(
            Example(
                id=f"t-{number}",
                sender=f"s{number % 40}@firm.example",
                subject=words.split()[0],
                text=text,
                language=("ru", "uk", "en")[number % 3],
                labels={"topic": topic, "abuse": "abusive" if rude else "clean", OURS: "ours"},
            )
        )
    for number, text in enumerate(FOREIGN):
        made.append(Example(f"f-{number}", f"f{number}", "", text, "", {OURS: "foreign"}, weight=0.5, is_mail=False))
    return made


SMALL = Settings(
    scale={"chars": 1, "words": 1, "pairs": 1, "concepts": 1, "concept_pairs": 1},
    strength={"topic": 10, "abuse": 10, OURS: 10},
    folds=3,
)
FOREIGN = ["Guten Tag, wo bleibt mein Paket", "my flight was late", "рецепт борща", "погода завтра", "le chat dort"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(examples(), tmp_path_factory.mktemp("models"), seed=1, model_id="tiny", settings=SMALL)


ODD = ["", " ", "\n\n", "<>", "ь", "а" * 5000, "\x00\ufffd\ud800", "счёт " * 3000, "!!! ??? ...", "https://a.example/x"]


def test_serving_equals_training(trained: TrainResult) -> None:
    """Every probability equals the sparse-matrix pipeline's to 1e-6, for known, unknown and odd texts."""
    mails = examples()
    odd = [Example(f"o{n}", "s", text, text, "", {}) for n, text in enumerate([*ODD, "unknown words qwzx ¥ 漢字"])]
    data = counted(mails + odd, parse(own_text()))
    fitted = Fitted(SMALL, LABELS, data, np.arange(len(mails)))
    expected = predict_proba(fitted, trained.model.heads, data)
    for row, mail in enumerate(mails + odd):
        found = trained.model.scores(mail.subject, mail.text)
        assert set(found) == {"topic", "abuse"}
        for name in found:
            assert [found[name][word] for word in LABELS[name]] == pytest.approx(expected[name][row].tolist(), abs=1e-6)


def test_loaded_model_is_the_trained_one(trained: TrainResult) -> None:
    """What is loaded from the folder answers exactly as what was trained."""
    loaded = registry.load(trained.folder.parent, "tiny")
    assert loaded.scores("счёт", "пришлите рахунок") == trained.model.scores("счёт", "пришлите рахунок")
    assert (loaded.id, set(loaded.labels)) == ("tiny", {"topic", "abuse"})


def test_same_data_and_seed_give_the_same_bytes(trained: TrainResult, tmp_path: Path) -> None:
    """Training again writes the same model file."""
    again = train(examples(), tmp_path, seed=1, model_id="tiny", settings=SMALL)
    for name in ("model.joblib", "manifest.json", "metrics.json", "card.md"):
        assert (again.folder / name).read_bytes() == (trained.folder / name).read_bytes()


def test_loading_imports_no_training_library(trained: TrainResult) -> None:
    """The filter keeps scikit-learn, scipy and pandas out of its memory."""
    code = (
        "import sys; from pathlib import Path; from router.classify import registry\n"
        f"registry.load(Path({str(trained.folder.parent)!r}), 'tiny').scores('a', 'b')\n"
        "print([one for one in ('sklearn', 'scipy', 'pandas') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("scores", "thresholds", "label"),
    [
        ({"a": 0.8, "b": 0.2}, Thresholds(0.8, 0.1, 0.6), "a"),
        ({"a": 0.79, "b": 0.21}, Thresholds(0.8, 0.1, 0.0), None),
        ({"a": 0.55, "b": 0.45}, Thresholds(0.5, 0.1, 0.2), None),
        ({"abusive": 0.9}, Thresholds(0.9, 0.3, 0.5), "abusive"),
        ({}, Thresholds(0.0, 0.0), None),
    ],
)
def test_accept_needs_score_and_lead(scores: dict[str, float], thresholds: Thresholds, label: str | None) -> None:
    """Accepted is what reaches `accept` and leads by `margin`; one label has no second to lead."""
    assert decide_label(scores, thresholds) == label
