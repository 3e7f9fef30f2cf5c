"""Replies that ask something else than their ticket: pairs, evidence, and what a model makes of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from router.classify import corpus, registry
from router.classify.corpus import Example
from router.classify.replies import EVIDENCE, REPLY, Evidence, Told, vector
from router.classify.reply_training import apart
from router.classify.train import TrainResult
from router.errors import BadFile
from router.message.stems import Overlap

PAIR = {
    "id": "p1",
    "sender": "Olena <olena@customer.example>",
    "lang": "uk",
    "subject": "DNS для customer.example",
    "ticket": [{"by": "customer", "text": "Додайте запис MX для customer.example"}, {"by": "staff", "text": "Додали"}],
    "status": "closed",
    "idle_days": 40,
    "reply": "Дякую! Виставте, будь ласка, рахунок за другий домен other.example на новий рік.",
    "new_question": "yes",
}


def written(tmp_path: Path, *rows: dict) -> list[Example]:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return corpus.read([path])


def test_a_pair_is_a_reply_and_what_is_known_of_its_ticket(tmp_path: Path) -> None:
    """The Subject is the ticket's, and no word of the reply."""
    (pair,) = written(tmp_path, PAIR)
    assert (pair.subject, pair.labels, pair.sender) == ("", {REPLY: "new"}, "olena@customer.example")
    assert pair.told is not None and pair.told.overlap is not None
    assert (pair.told.closed, pair.told.idle_days) == (True, 40.0)
    assert pair.told.overlap.names_new and not pair.told.overlap.names_known


@pytest.mark.parametrize(
    "broken",
    [{"ticket": "no list"}, {"ticket": [1]}, {"idle_days": "soon"}, {"status": "maybe"}, {"new_question": "perhaps"}],
)
def test_a_bad_pair_is_named_with_its_line(tmp_path: Path, broken: dict) -> None:
    """Nothing is trained on it, and nobody sees a traceback."""
    with pytest.raises(BadFile) as found:
        written(tmp_path, PAIR, {**PAIR, "id": "p2", **broken})
    assert {one.location.line for one in found.value.problems} == {2}


def test_a_follow_up_teaches_as_mail_and_as_bare_reply() -> None:
    """A mail that is no follow-up says nothing about replies."""
    mail = Example("m", "s", "Re: [desk #1] DNS", "а как с рахунком", "uk", {"topic": "billing", REPLY: "new"})
    first, second = apart([mail])
    assert (first.subject, first.labels) == (mail.subject, {"topic": "billing"})
    assert (second.subject, second.labels) == ("", {REPLY: "new"})


def test_only_follow_ups_have_the_label(tmp_path: Path) -> None:
    """A first mail is a new question anyway."""
    path = tmp_path / "mails.jsonl"
    row = {"id": "a", "body": "x", "topic": "billing", "new_question_in_old_ticket": "no"}
    path.write_text(
        json.dumps({**row, "follow_up": "no"}) + "\n" + json.dumps({**row, "id": "b", "follow_up": "yes"}) + "\n"
    )
    assert [REPLY in one.labels for one in corpus.read([path])] == [False, True]


def test_what_nobody_knows_counts_as_usual() -> None:
    """Without a ticket in the store, by the words alone."""
    evidence = Evidence(np.arange(1.0, EVIDENCE + 2), -1.0, np.full(EVIDENCE, 0.5))
    assert np.isnan(vector(Told())).all()
    half = Overlap(4, 0, 0.5, names_known=False, names_new=False)
    assert evidence.probability(0.3, Told(closed=True)) != evidence.probability(0.3, Told(closed=False))
    assert 0 < evidence.probability(-5000.0, Told(half, True, 1e9)) < 1


def test_a_model_judges_a_reply_by_words_and_ticket(trained: TrainResult) -> None:
    """The same words are likelier to be a new question in an old closed ticket that speaks of nothing alike."""
    model = trained.model
    other = Told(Overlap(4, 0, 0.0, names_known=False, names_new=True), True, 20.0)
    same = Told(Overlap(4, 4, 1.0, names_known=True, names_new=False), False, 0.5)
    asks, answers = "рахунок invoice оплата receipt. ещё вопрос", "сервер сайт dns timeout. все так само"
    assert model.asks_anew(asks, other) > 0.8 > 0.2 > model.asks_anew(answers, same)
    assert model.asks_anew(asks, other) > model.asks_anew(asks, same)
    assert model.asks_anew(asks, Told()) > model.asks_anew(answers, Told())
    loaded = registry.load(trained.folder.parent, "tiny")
    assert loaded.asks_anew(asks, other) == pytest.approx(model.asks_anew(asks, other), abs=1e-12)


def test_inner_classifiers_are_not_given_out(trained: TrainResult) -> None:
    """Nobody sees REPLY or OURS among the scores."""
    assert set(trained.model.scores("", "рахунок")) == {"topic", "abuse", "vague", "urgency"}
    assert set(trained.model.labels) == {"topic", "abuse", "vague", "urgency"}
