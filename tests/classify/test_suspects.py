"""Wrong labels are found by what the model says of mail it was not trained on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from router.classify import held_out, suspects
from router.classify.corpus import Example
from router.classify.pipeline import Settings
from router.classify.train import train
from router.cli import mailrouter


def test_a_label_is_doubted_by_the_average_of_its_own_rows() -> None:
    """Worked by hand: rows labelled 0 get 0.7 of it on average, rows labelled 1 get 0.6 of theirs. The third row's 0.6
    is believed of label 1; the last one's 0.55 is below both averages, and its 0.45 of the own label is not doubted."""
    table = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.55, 0.45], [0.65, 0.35]])
    given = np.array([0, 0, 0, 1, 1, 1, 1])
    assert suspects.believed(table, given).tolist() == [0, 0, 1, 1, 1, 1, 1]
    margins = suspects.normalized_margin(table, given)
    assert margins.round(2).tolist() == [0.8, 0.6, -0.2, 0.8, 0.4, -0.1, -0.3]


def test_a_rare_label_that_is_believed_early_does_not_outdo_the_likeliest() -> None:
    """Urgent mail gets 0.2 of urgent on average: 0.3 is much for it, and yet the row's own label is the likeliest."""
    table = np.array([[0.8, 0.2], [0.8, 0.2], [0.7, 0.3]])
    assert suspects.believed(table, np.array([0, 1, 0])).tolist() == [0, 0, 0]


def test_labels_without_rows_and_no_rows_at_all_are_no_trouble() -> None:
    assert suspects.believed(np.zeros((0, 3)), np.array([], dtype=np.int64)).tolist() == []
    assert suspects.believed(np.array([[0.1, 0.9]]), np.array([0])).tolist() == [0]


WRONG = {"t-4": "billing", "t-21": "sales", "t-42": "other"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, make_examples: Callable[[], list[Example]], small: Settings) -> Path:
    """data.jsonl with three wrong topics and one wrong abuse, and a model trained on it."""
    folder = tmp_path_factory.mktemp("suspects")
    examples = [
        replace(one, labels={**one.labels, "topic": WRONG[one.id]}) if one.id in WRONG else one
        for one in make_examples()
    ]
    examples[8] = replace(examples[8], labels={**examples[8].labels, "abuse": "clean"})
    train(examples, folder / "models", model_id="tiny", settings=small)
    (folder / "models" / "current").write_text("tiny\n")
    with (folder / "data.jsonl").open("w", encoding="utf-8") as stream:
        for one in examples:
            if one.is_mail and "topic" in one.labels:
                row = {"id": one.id, "from": one.sender, "subject": one.subject, "body": one.text, "lang": one.language}
                row |= {"topic": one.labels["topic"], "abusive": "yes" if one.labels["abuse"] == "abusive" else "no"}
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return folder


def lines(desk: Path, *options: str) -> list[str]:
    command = ["evaluate", str(desk / "data.jsonl"), "--models", str(desk / "models"), "--suspects", *options]
    done = CliRunner().invoke(mailrouter, command, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines()


def test_the_labels_that_were_spoilt_are_the_most_doubted(desk: Path) -> None:
    """By the cross-validation: the finished model has learned them by heart."""
    found = [json.loads(line) for line in lines(desk, "--json")]
    spoilt = {(one, "topic") for one in WRONG} | {("t-8", "abuse")}
    assert {(one["id"], one["classifier"]) for one in found[:3]} < spoilt
    first = next(one for one in found if one["id"] == "t-21")
    assert (first["given"], first["likely"], first["line"]) == ("sales", "billing", 22)
    assert "body" not in first and "subject" not in first


def test_for_people_it_names_the_place_and_shows_a_little_masked_text(desk: Path) -> None:
    shown = lines(desk, "--limit", "1")
    assert len(shown) == 1 and "data.jsonl:" in shown[0] and ", rather " in shown[0]


def test_mail_that_the_model_was_not_trained_on_is_judged_as_it_is(desk: Path, tmp_path: Path) -> None:
    body = "server 502 error website down. будь ласка, please. https://firm.example high 2026"
    row = {"id": "new", "subject": "server 502 error", "body": body, "topic": "sales", "abusive": "no"}
    (desk / "new.jsonl").write_text(json.dumps(row) + "\n")
    try:
        assert "new" in {json.loads(line)["id"] for line in lines(desk, str(desk / "new.jsonl"), "--json")}
    finally:
        (desk / "new.jsonl").unlink()


def test_without_stored_scores_nothing_is_said_of_what_it_was_trained_on(desk: Path) -> None:
    from router.classify import registry

    model = registry.load(desk / "models")
    assert suspects.find(model, [], []) == []
    stored = held_out.read(desk / "models", "tiny")
    assert stored is not None and all("ours" not in one.scores for one in stored)
