"""The model serves what training worked out, for any text; training needs but a handful of mails to be tested."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.classify import features, registry
from router.classify.corpus import Example
from router.classify.judging import Thresholds, decide_label
from router.classify.pipeline import Settings
from router.classify.tokens import END
from router.classify.train import TrainResult, common_words, train


def test_loaded_model_is_the_trained_one(trained: TrainResult) -> None:
    """What is loaded from the folder answers exactly as what was trained."""
    loaded = registry.load(trained.folder.parent, "tiny")
    assert loaded.scores("счёт", "пришлите рахунок") == trained.model.scores("счёт", "пришлите рахунок")
    assert (loaded.id, set(loaded.labels)) == ("tiny", {"topic", "abuse", "vague", "urgency"})


def test_same_data_and_seed_give_the_same_bytes(
    trained: TrainResult, small: Settings, make_examples: Callable[[], list[Example]], tmp_path: Path
) -> None:
    """Training again writes the same files."""
    again = train(make_examples(), tmp_path, seed=1, model_id="tiny", settings=small)
    for name in ("model.joblib", "manifest.json", "metrics.json", "held-out.jsonl", "report.html", "card.md"):
        assert (again.folder / name).read_bytes() == (trained.folder / name).read_bytes()


def test_a_model_made_again_keeps_its_date(
    small: Settings, make_examples: Callable[[], list[Example]], tmp_path: Path
) -> None:
    """`make model` gives the shipped files byte for byte on any day: the id names all that goes in."""
    first = train(make_examples(), tmp_path, settings=small, created="2026-01-01")
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = train(make_examples(), tmp_path, settings=small, created="2027-02-02")
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before
    assert train(make_examples(), tmp_path, settings=small, seed=2).model.id != first.model.id


def test_loading_imports_no_training_library(trained: TrainResult) -> None:
    """The filter keeps scikit-learn, scipy and pandas out of its memory."""
    code = (
        "import sys; from pathlib import Path; from router.classify import registry\n"
        f"registry.load(Path({str(trained.folder.parent)!r}), 'tiny').scores('a', 'b')\n"
        "print([one for one in ('sklearn', 'scipy', 'pandas') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@settings(max_examples=60, deadline=None)
@given(subject=st.text(max_size=40), text=st.text(max_size=300))
def test_any_text_has_scores(trained: TrainResult, subject: str, text: str) -> None:
    """No text raises; topics add up to one, and every score is a probability."""
    found = trained.model.scores(subject, text)
    assert sum(found["topic"].values()) == pytest.approx(1.0)
    assert all(0.0 <= score <= 1.0 for scores in found.values() for score in scores.values())


def test_what_is_common_is_known_before_the_first_mail(
    trained: TrainResult, make_examples: Callable[[], list[Example]]
) -> None:
    """Words of five senders are in the model; a word of fewer, such as a name or a password, is nowhere in it."""
    assert "счёт" in trained.model.words
    mails = [*make_examples(), *(Example(f"x{n}", f"x{n % 4}", "", "Xanthippe hunter", "en", {}) for n in range(8))]
    assert "xanthippe" not in common_words(mails)
    assert "please" in common_words(mails)


@given(
    st.text(max_size=80), st.lists(st.sampled_from(["ну", "сайт", ".", "!!", "?", "\n", "и", "т", "…"]), max_size=30)
)
@settings(max_examples=200, deadline=None)
def test_a_sentence_ends_once(subject: str, pieces: list[str]) -> None:
    """Three dots, a mark and a line end close one sentence, and nothing is closed before it began."""
    found = features.tokens(subject, " ".join(pieces))
    assert all(token != END or before != END for before, token in itertools.pairwise([END, *found]))


def test_text_of_no_trade_has_no_topic(trained: TrainResult) -> None:
    """Of an empty mail all topics score about the same, which no threshold accepts."""
    found = trained.model.scores("", "")["topic"]
    assert max(found.values()) < 0.6
    assert decide_label(found, Thresholds(0.8, 0.1)) is None


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
