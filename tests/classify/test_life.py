"""The life of a model: what may teach it, who may correct it, and when a new one takes over."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from router.classify import compare, corpus, curation, held_out, personal, registry
from router.classify.corpus import Example
from router.classify.fitting import folds_of, groups
from router.classify.pipeline import Settings
from router.classify.thresholds import WISHES, tune_by_cost
from router.classify.train import TrainResult, train
from router.cli import mailrouter
from router.errors import BadFile, BadInput

Make = Callable[[], list[Example]]


def mail(number: str, text: str, sender: str = "", topic: str = "billing") -> Example:
    return Example(number, sender or f"{number}@firm.example", "", text, "en", {"topic": topic, "ours": "ours"})


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(mailrouter, [str(one) for one in words], standalone_mode=False)


# ------------------------------------------------------------------------------------------------------ personal data
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to anna.kovalenko@ukr.net please", "an e-mail address"),
        ("мій телефон +380 67 123-45-67", "a phone number"),
        ("call (067) 123 45 67", "a phone number"),
        ("звоните 8 912 345-67-89", "a phone number"),
        ("card 4539 1488 0343 6467", "a payment card"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "an IBAN"),
    ],
)
def test_personal_data_is_found_and_masked(text: str, kind: str) -> None:
    """Real-looking addresses, phones, cards and IBANs are found; masked, nothing is left to find."""
    assert [one.kind for one in personal.find(text)] == [kind]
    assert personal.find(personal.redacted(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "olga@firm.example, x@sub.example.com, y@host.test",
        "+380 44 555 01 12 and 07700 900 000",
        "invoice 4500017733 of 2025-07-14, contract 104455, EDRPOU 12345678",
        "198.51.100.7 port 8080, 4242 4242 4242 4242",
        "3000 0100 0000 0000 2600 1",
    ],
)
def test_what_cannot_be_real_is_let_through(text: str) -> None:
    """Documentation domains, numbers of nobody, invoice numbers and dates are no personal data."""
    assert personal.find(text) == []


def test_personal_data_is_refused_at_its_line(tmp_path: Path) -> None:
    """`train` names file and line of every such row and trains nothing; with --redact nothing of it is left."""
    data = tmp_path / "rows.jsonl"
    rows = [{"id": "a", "body": "all fine", "topic": "other"}, {"id": "b", "body": "ask x@gmail.com", "topic": "other"}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run("train", data, "--out", tmp_path / "models")
    assert isinstance(result.exception, BadFile)
    assert f"{data}:2:1: error E126" in str(result.exception)
    assert "gmail" not in str(result.exception)
    curated = curation.curate(corpus.read([data]), redact=True)
    assert [one.text for one in curated.examples] == ["all fine", "ask masked@mail.example"]
    assert curated.masked == 1


# --------------------------------------------------------------------------------------------------------- duplicates
LONG = "please send us the invoice for november and the act of acceptance to our accounting office this week"


def test_the_same_mail_teaches_once() -> None:
    """A copy, and a copy with one word changed, are dropped; a mail that is only alike shares the original's fold."""
    rows = [
        mail("a", LONG),
        mail("b", LONG.upper()),
        mail("c", LONG + " thanks"),
        mail("d", LONG.replace("accounting office this week", "new address")),
        mail("e", "something else entirely"),
    ]
    curated = curation.curate(rows)
    assert [one.id for one in curated.examples] == ["a", "d", "e"]
    assert curated.duplicates == {"b": "a", "c": "a"}
    group = groups(curated.examples)
    assert group[0] == group[1] != group[2]


def test_one_text_with_two_labels_is_refused() -> None:
    """Which label is right is for a person to say."""
    with pytest.raises(BadFile, match="E127"):
        curation.curate([mail("a", LONG), mail("b", LONG, topic="sales")])


def test_a_minimal_pair_is_kept() -> None:
    """Two mails nearly alike with different labels are both worth learning."""
    assert len(curation.curate([mail("a", LONG), mail("b", LONG + " no", topic="sales")]).examples) == 2


def test_nobody_is_too_loud() -> None:
    """All rows of one sender, under any name and detail, weigh no more than five, nor than one in a hundred."""
    words = list("abdefghlmnop")
    loud = [
        mail(f"l{n}", " ".join(f"{one}{word}" for one in words), sender="x@firm.example")
        for n, word in enumerate(words)
    ]
    others = ["".join(letters) for letters in permutations("abdefghlmnop", 3)]
    calm = [mail(f"c{n}", f"letter {word}") for n, word in enumerate(others[:788])]
    curated = curation.curate(loud + calm)
    assert curated.quietened == {"x@firm.example": 12}
    total = sum(one.weight for one in curated.examples if one.sender == "x@firm.example")
    assert total == pytest.approx(5)
    few = curation.curate(loud + calm[:188])
    assert sum(one.weight for one in few.examples if one.sender == "x@firm.example") == pytest.approx(2)
    assert corpus._address("Boss <X+promo@Firm.example>") == corpus._address("x@firm.example")


# -------------------------------------------------------------------------------------------------------- corrections
def corrected(tmp_path: Path, *rows: dict[str, str]) -> list[Example]:
    (tmp_path / "mail.jsonl").write_text('{"id": "a", "body": "send the bill", "topic": "sales", "abusive": "no"}\n')
    (tmp_path / "corrections.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return corpus.read([tmp_path / "corrections.jsonl", tmp_path / "mail.jsonl"])


def test_the_latest_correction_counts(tmp_path: Path) -> None:
    """A correction replaces the labels it names, the later over the earlier in whatever order; who did it is kept."""
    (found,) = corrected(
        tmp_path,
        {"id": "a", "topic": "billing", "corrected_by": "olga", "corrected_at": "2026-11-24T12:00:00+02:00"},
        {"id": "a", "topic": "other", "corrected_by": "ivan", "corrected_at": "2026-11-24T09:00:00+00:00"},
    )
    assert (found.labels["topic"], found.labels["abuse"], found.corrected_by) == ("billing", "clean", "olga")


def test_a_correction_with_a_body_is_a_mail(tmp_path: Path) -> None:
    """A support person's own mail reaches the next training."""
    row = {"id": "n", "body": "x", "topic": "other", "corrected_by": "olga", "corrected_at": "2026-11-24"}
    assert [one.id for one in corrected(tmp_path, row)] == ["a", "n"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"id": "b", "topic": "other", "corrected_by": "o", "corrected_at": "2026-11-24"}, "which no file has"),
        ({"id": "a", "topic": "other", "corrected_by": "", "corrected_at": "2026-11-24"}, "who corrected it"),
        ({"id": "a", "topic": "other", "corrected_by": "o", "corrected_at": "yesterday"}, "no date and time"),
        ({"id": "a", "topic": "othr", "corrected_by": "o", "corrected_at": "2026-11-24"}, 'did you mean "other"'),
        ({"id": "a", "corrected_by": "o", "corrected_at": "2026-11-24"}, "corrects nothing"),
    ],
)
def test_bad_corrections_are_located(tmp_path: Path, row: dict[str, str], says: str) -> None:
    """A correction of nothing, by nobody, of no time or to no label is refused at its line."""
    with pytest.raises(BadFile, match=says) as caught:
        corrected(tmp_path, row)
    assert "corrections.jsonl:1" in str(caught.value)


# --------------------------------------------------------------------------------------------------------------- cost
def test_costs_move_the_threshold() -> None:
    """The dearer a mistake is against abstaining, the later a label is accepted."""
    draw = np.random.default_rng(1)
    p = draw.uniform(0.3, 1, 4000)
    scores = np.stack([p, 1 - p], axis=1)
    targets = (draw.uniform(size=4000) > p).astype(np.int64)
    accepts = [
        tune_by_cost(
            scores, targets, ("a", "b"), {"a": {"b": cost}, "b": {"a": cost, "undecided": 1}}, WISHES["topic"]
        ).accept
        for cost in (2, 5, 50)
    ]
    assert accepts == sorted(accepts)
    # accepting pays where (1 - p) * cost < 1
    assert accepts[1] == pytest.approx(0.8, abs=0.06)


def test_costs_come_from_the_rules_file(tmp_path: Path) -> None:
    """`train --rules` takes training.cost, and a label that is none of ours is refused at its line."""
    text = (Path(__file__).parents[2] / "rules.yaml").read_text()
    rules = tmp_path / "rules.yaml"
    rules.write_text(text + "\ntraining: {cost: {technical: {biling: 5}}}\n")
    result = run("train", tmp_path, "--rules", rules)
    assert isinstance(result.exception, BadFile)
    assert 'label "biling" is unknown; did you mean "billing"?' in str(result.exception)


def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    """Three mails make no model, and no traceback."""
    with pytest.raises(BadInput, match="senders or threads have"):
        train([mail("a", "x"), mail("b", "y", topic="sales"), mail("c", "z")], tmp_path)
    with pytest.raises(BadInput, match="nothing to learn"):
        train([mail("a", "x")], tmp_path)


# ---------------------------------------------------------------------------------------------------------- promotion
@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, trained: TrainResult, small: Settings, make_examples: Make
) -> tuple[Path, list[Example]]:
    """A folder with the model `good`, and `bad`, for which every third mail about money was called a sale."""
    folder = tmp_path_factory.mktemp("two")
    examples = make_examples()
    train(examples, folder, model_id="good", settings=small, created="2026-01-01")
    spoiled = [
        replace(one, labels={**one.labels, "topic": "sales"}) if number % 12 == 1 else one
        for number, one in enumerate(examples)
    ]
    train(spoiled, folder, model_id="bad", settings=small, created="2026-01-02")
    registry.promote(folder, "good")
    return folder, examples


@pytest.fixture
def folder(two: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty mails a label are all there are."""
    monkeypatch.setattr(compare, "FEWEST", 10)
    (two[0] / "current").write_text("good\n")
    for name in ("previous", "history", "gold.txt"):
        (two[0] / name).unlink(missing_ok=True)
    return two[0]


def test_a_worse_model_is_not_promoted(folder: Path) -> None:
    """Status 4, the label that lost and by how much, and the old model stays; a reason overrules it and is kept."""
    result = run("promote", "bad", "--models", folder)
    assert result.return_value == 4 or result.exit_code == 4
    assert "topic, technical: F1 1.000 -> " in result.output and " points worse" in result.output
    assert "bad is not promoted; good stays" in result.output
    assert registry.current(folder) == "good"
    forced = run("promote", "bad", "--models", folder, "--force", "the labels were wrong before")
    assert forced.exit_code == 0, forced.output
    assert registry.current(folder) == "bad"
    entry = json.loads((folder / "history").read_text().splitlines()[-1])
    assert (entry["action"], entry["model"], entry["reason"]) == ("promote", "bad", "the labels were wrong before")
    assert run("rollback", "--models", folder).exit_code == 0
    assert registry.current(folder) == "good"
    assert json.loads((folder / "history").read_text().splitlines()[-1])["action"] == "rollback"


def test_a_reason_is_a_reason(folder: Path) -> None:
    """`--force ""` overrules nothing."""
    assert run("promote", "bad", "--models", folder, "--force", " ").exception is not None
    assert registry.current(folder) == "good"


def test_an_equal_model_is_promoted(folder: Path, small: Settings, make_examples: Make) -> None:
    """Nothing speaks against a model that answers the same."""
    train(make_examples(), folder, model_id="equal", settings=small)
    result = run("promote", "equal", "--models", folder)
    assert result.exit_code == 0, result.output
    assert registry.current(folder) == "equal"


def test_flips_of_gold_mails_stop_a_model(folder: Path) -> None:
    """More than 2 % of the frozen mails decided otherwise is an objection, whichever is right."""
    comparison = compare.stored(folder, "good", "bad")
    assert comparison is not None
    changed = sorted({one.id for one in comparison.changes})
    assert changed
    flipped = replace(comparison, differences=(), changes=tuple(replace(c, flipped=True) for c in comparison.changes))
    assert "gold mails are decided otherwise" in compare.objections(flipped, frozenset(changed))[0]
    assert compare.objections(replace(flipped, changes=()), frozenset(changed)) == []


def test_held_out_scores_are_believed_only_unchanged(folder: Path) -> None:
    """The scores by which models are weighed are held against the manifest."""
    path = folder / "bad" / held_out.FILE
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b'"sales"', b'"other"'))
    with pytest.raises(registry.ModelRefused, match="sha256"):
        held_out.read(folder, "bad")
    path.write_bytes(kept)
    path.chmod(0o666)
    with pytest.raises(registry.ModelRefused, match="written by others"):
        held_out.read(folder, "bad")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_compare_names_the_mails(folder: Path, tmp_path: Path) -> None:
    """`compare` shows each label and language with an interval, and every mail whose answer changes."""
    result = run("compare", "good", "bad", "--models", folder, "--json")
    found = json.loads(result.output)
    groups = {(one["classifier"], one["group"]) for one in found["differences"]}
    assert {("topic", "billing"), ("topic", "uk"), ("abuse", "abusive")} <= groups
    assert all(one["low"] <= one["change"] <= one["high"] for one in found["differences"])
    assert found["changes"]
    data = tmp_path / "new.jsonl"
    data.write_text('{"id": "n1", "body": "счёт invoice акт сверки", "topic": "billing", "lang": "ru"}\n')
    assert "1 mails" in run("compare", "good", "bad", data, "--models", folder).output


def test_a_mail_keeps_its_fold(make_examples: Make) -> None:
    """When mails come and go the others stay in their folds, so that two models can be compared mail by mail."""
    examples = [*make_examples(), *(mail(f"x{n}", f"word{n}") for n in range(200))]
    before = dict(zip([one.id for one in examples], folds_of(examples, 3, 1).tolist(), strict=True))
    fewer = examples[:-100]
    after = dict(zip([one.id for one in fewer], folds_of(fewer, 3, 1).tolist(), strict=True))
    assert all(before[key] == fold for key, fold in after.items())


# ------------------------------------------------------------------------------------------------------------- poison
@pytest.mark.parametrize("share", [0.01, 0.03, 0.05])
@pytest.mark.parametrize("alike", [True, False], ids=["copies", "reworded"])
def test_poison_is_refused_or_weak(
    two: tuple[Path, list[Example]], small: Settings, tmp_path: Path, share: float, alike: bool
) -> None:
    """1, 3 and 5 % of rows by somebody who has money mails called sales: no promotion, or less than a point lost."""
    folder, examples = two
    words = examples[1].text.split(".")[0].split()
    number = max(1, round(share * 80))
    poison = [
        Example(
            f"p{n}",
            "evil@crowd.example",
            "счёт",
            f"счёт оплата invoice payment {'' if alike else words[n % 5] * 2} {'' if alike else n}",
            "ru",
            {"topic": "sales", "ours": "ours"},
        )
        for n in range(number)
    ]
    curated = curation.curate([*examples, *poison])
    train(curated.examples, folder, model_id="poisoned", settings=small)
    comparison = compare.stored(folder, "good", "poisoned")
    assert comparison is not None
    lost = max(-one.change for one in comparison.differences)
    assert lost < 0.01 or compare.objections(comparison)
