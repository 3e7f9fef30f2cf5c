"""report.html: one file, no requests, no personal data, and nothing that says whose mail a model was trained on."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import joblib
import pytest

from router.classify import features, report
from router.classify.corpus import Example
from router.classify.evaluate import Metrics
from router.classify.held_out import HeldOut, read
from router.classify.pipeline import Settings
from router.classify.train import TrainResult, train

Make = Callable[[], list[Example]]


@pytest.fixture(scope="module")
def page(trained: TrainResult) -> str:
    return (trained.folder / "report.html").read_text(encoding="utf-8")


def test_report_is_one_closed_file(page: str) -> None:
    """No script, link, image or address outside; well-formed; small."""
    assert not re.search(r"<script|<link|<img|src=|href=|url\(|@import|https?://", page)
    assert "default-src 'none'" in page
    assert len(page.encode()) < 300_000
    open_tags: list[str] = []

    class Check(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "path", "circle", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in ("meta", "path", "circle", "br"):
                assert open_tags.pop() == tag

    Check().feed(page)
    assert open_tags == []


def test_report_shows_each_picture(page: str) -> None:
    """Confusion by language, reliability, precision-recall, coverage, telling words, mistakes."""
    for wanted in (
        "Russian, ",
        "Ukrainian, ",
        "English, ",
        "as often right",
        "Precision against",
        "may abstain",
        "What speaks",
    ):
        assert wanted in page, wanted


def test_learning_curve_is_drawn_when_asked(small: Settings, make_examples: Make, tmp_path: Path) -> None:
    """`--curve` adds the curve."""
    more = [replace(one, id=f"{one.id}b", sender=f"{one.sender}b") for one in make_examples()]
    result = train([*make_examples(), *more], tmp_path, model_id="curve", settings=small, curve=True)
    assert "Learning curve" in (result.folder / "report.html").read_text(encoding="utf-8")


def test_mistakes_are_redacted_and_escaped(trained: TrainResult) -> None:
    """A mail in the report has no address, number or markup of its writer's."""
    one = Example("m1", "s", "<b>Hi</b>", "write to anna@ukr.net or +380 67 123-45-67", "uk", {"topic": "other"})
    scores = {"topic": {"technical": 0.97, "billing": 0.01, "sales": 0.01, "other": 0.01}}
    told = report.page(
        trained.model, Metrics(0, {}), [HeldOut("m1", "uk", {"topic": "other"}, scores)], [one, replace(one, id="m2")]
    )
    assert "&lt;b&gt;Hi&lt;/b&gt;" in told
    assert "masked@mail.example" in told
    assert "anna@ukr" not in told and "123-45-67" not in told


def test_no_secret_is_in_any_file_of_a_model(small: Settings, make_examples: Make, tmp_path: Path) -> None:
    """What one customer typed (a password, a name) is in no file: hashes, and words of five senders only (row 51)."""
    secret = "Zhvyrblopass"
    examples = [*make_examples()]
    examples += [
        replace(examples[0], id=f"x{n}", sender=f"x{n % 2}@firm.example", text=f"my password is {secret} error")
        for n in range(4)
    ]
    folder = train(examples, tmp_path, model_id="secret", settings=small).folder
    content = joblib.load(folder / "model.joblib")
    assert secret.casefold() not in repr(content).casefold()
    assert "vyrblopas" not in repr(content).casefold()
    for name in ("manifest.json", "metrics.json", "held-out.jsonl", "card.md"):
        assert "vyrblopas" not in (folder / name).read_text(encoding="utf-8").casefold()
    # the report may show a whole mail as a mistake, for the people who label; its words and n-grams may not
    words = (folder / "report.html").read_text(encoding="utf-8").partition("worst mistakes")[0]
    assert "vyrblopas" not in words.casefold()


def test_bucket_of_one_ngram_is_that_of_a_whole_mail() -> None:
    """The n-grams the report names are those the model weighs."""
    hashed = features.hashes_of(["servis"])
    marked = "<servis>"
    for at in range(len(marked)):
        for place, n in enumerate(features.NGRAMS):
            gram = marked[at : at + n]
            assert hashed.there[at, place] == (len(gram) == n)
            assert len(gram) < n or hashed.chars[at, place] == features.ngram_bucket(gram)


def test_held_out_lines_hold_no_text(trained: TrainResult) -> None:
    """What is kept of a mail is its id, language, labels and scores."""
    rows = read(trained.folder.parent, "tiny")
    assert rows is not None and len(rows) == 80
    assert "invoice" not in (trained.folder / "held-out.jsonl").read_text(encoding="utf-8")
