"""Labelled mail is read whole or refused with every bad line named."""

import json
from pathlib import Path

import pytest

from router.classify import corpus
from router.errors import BadFile

GOOD = {
    "id": "a-1",
    "from": "Anna <anna@shop.example>",
    "subject": "s",
    "body": "text",
    "lang": "en",
    "topic": "billing",
}


def write(path: Path, *rows: object) -> Path:
    path.write_text(
        "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows), encoding="utf-8"
    )
    return path


def test_mails(tmp_path: Path) -> None:
    """A mail keeps what training needs: sender, thread, labels; quoted lines are cut."""
    row = {
        **GOOD,
        "abusive": "no",
        "references": "<x@y>",
        "body": "new words\n> old words\nend",
        "tags": "pair:b-2 long",
    }
    (found,) = corpus.read([write(tmp_path / "mails.jsonl", row)])
    assert found.sender == "anna@shop.example"
    assert found.text == "new words\nend"
    assert found.labels == {"topic": "billing", "abuse": "clean", "ours": "ours"}
    assert (found.thread, found.tags, found.source, found.is_mail) == ("<x@y>", ("pair:b-2", "long"), "mails", True)


def test_csv(tmp_path: Path) -> None:
    """CSV with line breaks in a field; an empty label is no label."""
    path = write(tmp_path / "t.csv", "id,subject,text,lang,topic,abusive", '1,s,"two\nlines",en,,yes')
    (found,) = corpus.read([path])
    assert (found.text, found.labels) == ("two\nlines", {"abuse": "abusive"})


def test_phrases(tmp_path: Path) -> None:
    """A line of phrases is one example a language, all of one sender, so that folds keep them together."""
    found = corpus.read([write(tmp_path / "p.tsv", "topic\tru\ten", "sales\tпочём\thow much")])
    assert [(one.text, one.language, one.sender, one.is_mail) for one in found] == [
        ("почём", "ru", "p-2", False),
        ("how much", "en", "p-2", False),
    ]


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    """Files of a folder are read in the order of their names; files of other kinds are left alone."""
    write(tmp_path / "b.jsonl", {**GOOD, "id": "b"})
    write(tmp_path / "a.tsv", "topic\tru", "sales\tпочём")
    write(tmp_path / "notes.txt", "not data")
    assert [one.id for one in corpus.read([tmp_path])] == ["a-2-ru", "b"]


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Every bad line is named with its place, what was expected, and the word that was meant."""
    mails = write(
        tmp_path / "bad.jsonl", GOOD, "{oops", {**GOOD, "id": "a-2", "topic": "biling"}, GOOD, {"id": "a-3"}, "[1]",
        {**GOOD, "id": "", "abusive": "maybe"},
    )  # fmt: skip
    phrases = write(tmp_path / "bad.tsv", "colour\tru", "x\ty")
    with pytest.raises(BadFile) as caught:
        corpus.read([mails, phrases, tmp_path / "none.jsonl"])
    places = [(Path(one.location.file).name, one.location.line, one.code) for one in caught.value.problems]
    assert places == [
        ("bad.jsonl", 2, "E122"),
        ("bad.jsonl", 3, "E125"),
        ("bad.jsonl", 4, "E120"),
        ("bad.jsonl", 5, "E124"),
        ("bad.jsonl", 6, "E122"),
        ("bad.jsonl", 7, "E124"),
        ("bad.jsonl", 7, "E125"),
        ("bad.tsv", 1, "E123"),
        ("none.jsonl", 0, "E121"),
    ]
    assert caught.value.problems[1].suggestion == "billing"


def test_our_own_data_reads() -> None:
    """Every labelled file that is shipped is free of problems and has all three languages."""
    data = Path(__file__).parents[2] / "models" / "data"
    found = corpus.read([data])
    assert {one.language for one in found if one.is_mail} == {"ru", "uk", "en"}
