"""What `mailrouter label` asks, in which order, and what it writes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.classify import labelling
from router.classify.corpus import read
from router.classify.labelling import Candidate, Classifier, Corrections
from router.classify.train import TrainResult
from router.cli import labelling_screen as screen
from router.errors import BadInput

TOPIC = Classifier(
    "topic", "topic", ("technical", "billing", "sales", "other"), ("technical", "billing", "sales", "other"), False
)
ABUSE = Classifier("abuse", "abusive", ("clean", "abusive"), ("no", "yes"), True)
URGENCY = Classifier(
    "urgency", "priority", ("low", "normal", "high", "urgent"), ("low", "normal", "high", "urgent"), False
)
VAGUE = Classifier("vague", "vague", ("clean", "vague"), ("no", "yes"), True)
ALL = (TOPIC, ABUSE, VAGUE, URGENCY)
ACCEPT = {"topic": 0.9, "abuse": 0.6}
AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def mail(name: str, technical: float = 0.97, abusive: float = 0.01, **changes: object) -> Candidate:
    rest = (1 - technical) / 3
    values: dict[str, object] = {
        "id": name,
        "author": "olena@customer.example",
        "subject": "Сайт",
        "text": "Сайт не открывается",
        "language": "ru",
        "source": name,
        "is_row": False,
        "labels": {},
        "scores": {
            "topic": {"technical": technical, "billing": rest, "sales": rest, "other": rest},
            "abuse": {"abusive": abusive},
        },
    }
    return Candidate(**{**values, **changes})  # type: ignore[arg-type]  # a test's shorthand


def ids(found: list[Candidate]) -> list[str]:
    return [one.id for one in found]


def test_each_classifier_takes_its_turn() -> None:
    """First the mail whose topic is least clear, then the one nearest to the threshold of abuse, and so on."""
    mails = [
        mail("clear"),
        mail("close", 0.35),
        mail("closer", 0.30),
        mail("rude?", abusive=0.62),
        mail("rude", abusive=0.99),
    ]
    assert ids(labelling.most_uncertain(mails, (TOPIC, ABUSE), ACCEPT, 10))[:4] == ["closer", "rude?", "close", "rude"]
    assert ids(labelling.most_uncertain(mails, (TOPIC,), ACCEPT, 2)) == ["closer", "close"]


def test_of_many_mails_the_most_uncertain_are_kept() -> None:
    many = (mail(f"m{number}", 0.30 + number / 10_000) for number in reversed(range(5_000)))
    assert ids(labelling.most_uncertain(many, (TOPIC,), ACCEPT, 3)) == ["m0", "m1", "m2"]


def test_a_mail_that_is_there_twice_is_asked_once() -> None:
    assert len(labelling.most_uncertain([mail("a"), mail("a")], (TOPIC, ABUSE), ACCEPT, 10)) == 1


def test_what_a_file_says_is_filled_in_before_what_the_model_says() -> None:
    assert labelling.suggested(mail("a"), TOPIC) == "technical"
    assert labelling.suggested(mail("a", labels={"topic": "sales"}), TOPIC) == "sales"
    assert labelling.suggested(mail("a", abusive=0.7), ABUSE) == "abusive"


def test_the_questions_are_those_of_the_model(trained: TrainResult) -> None:
    assert [one.name for one in labelling.classifiers_of(trained.model)] == list(trained.model.labels)
    assert labelling.classifiers_of(trained.model, ["abuse"]) == (ABUSE,)
    with pytest.raises(BadInput, match='no classifier "mood"; it has topic, abuse'):
        labelling.classifiers_of(trained.model, ["mood"])


def test_a_correction_of_a_row_names_it_and_a_mail_becomes_a_row_of_its_own(tmp_path: Path) -> None:
    """corpus.read takes both; the second may be read by itself."""
    chosen = {"topic": "billing", "abuse": "clean"}
    row = json.loads(labelling.correction(mail("n-1", is_row=True), (TOPIC, ABUSE), chosen, "olga", AT))
    assert row == {
        "id": "n-1",
        "topic": "billing",
        "abusive": "no",
        "corrected_by": "olga",
        "corrected_at": "2026-11-24T10:00:00+00:00",
    }
    path = tmp_path / "corrections.jsonl"
    path.write_text(labelling.correction(mail("m-1"), (TOPIC, ABUSE), chosen, "olga", AT))
    (example,) = read([path])
    assert (example.labels["topic"], example.labels["abuse"], example.corrected_by) == ("billing", "clean", "olga")
    assert (example.sender, example.text, example.language) == ("olena@customer.example", "Сайт не открывается", "ru")


def test_masking_hides_addresses_and_keeps_an_author_together() -> None:
    """24 bits of a hash: one author's mails stay in one fold, and no address can be read out."""
    first = labelling.masked(mail("a", text="Call +380 67 123-45-67 or olena@real-firm.com.ua"))
    second = labelling.masked(mail("b"))
    assert "123-45-67" not in first.text and "real-firm" not in first.text
    assert "olena" not in first.author and first.author == second.author
    assert labelling.personal_kinds(first) == ()
    assert labelling.personal_kinds(mail("a", text="olena@real-firm.com.ua")) == ("an e-mail address",)


def test_a_thread_is_kept_together_without_its_ids() -> None:
    first, reply = labelling.thread_of("<1@a.example>", ""), labelling.thread_of("<2@a.example>", "<1@a.example>")
    assert set(first.split()) & set(reply.split()) and "example" not in reply


def test_every_label_has_a_key_of_its_own_and_none_is_taken_twice() -> None:
    keys = screen.keys_of(ALL)
    assert [keys.of("topic", one) for one in TOPIC.labels] == ["1", "2", "3", "4"]
    assert [keys.of("urgency", one) for one in URGENCY.labels] == ["5", "6", "7", "8"]
    assert (keys.of("abuse"), keys.of("vague")) == ("a", "v")
    assert not {*keys.chosen, *keys.toggles} & {"s", "u", "q", " ", "\r", "\n"}


def test_a_mail_cannot_speak_to_the_terminal() -> None:
    """Escape sequences, carriage returns that overwrite, marks that turn the direction: shown, never obeyed."""
    hostile = mail("a\x1b[2J", subject="\x1b]0;title\x07", text="good\rEVIL\x1b[31m \x9b31m \u202etxt", author="\x1b@x")
    lines, _ = screen.drawn(
        screen.Page(hostile, {"topic": "technical"}, "1 of 1"), (TOPIC,), screen.keys_of((TOPIC,)), 80, 24
    )
    shown = "\n".join(lines).replace("\x1b[7m", "").replace("\x1b[0m", "")
    assert not [one for one in shown if ord(one) < 32 and one != "\n"] and "\x9b" not in shown and "\u202e" not in shown


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (200, 60)])
def test_a_long_mail_is_turned_page_by_page_and_nothing_is_lost(size: tuple[int, int]) -> None:
    long = mail("a", text="\n".join(f"line {number} {'word ' * 30}" for number in range(200)))
    keys, seen, page, pages = screen.keys_of(ALL[:2]), "", 0, 1
    while page < pages:
        lines, pages = screen.drawn(
            screen.Page(long, {"topic": "sales", "abuse": "clean"}, "1 of 1", page=page), ALL[:2], keys, *size
        )
        assert len(lines) <= max(size[1], 16)
        seen += " ".join(lines)
        page += 1
    assert all(f"line {number} " in seen for number in range(200))


def test_a_line_that_was_not_written_to_its_end_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "a", "topic": "sales"}\n{"id": "b", "top')
    corrections = Corrections(path)
    assert corrections.done == {"a"} and corrections.mended == '{"id": "b", "top'
    corrections.add("c", '{"id": "c"}\n')
    corrections.close()
    assert path.read_text() == '{"id": "a", "topic": "sales"}\n{"id": "c"}\n'


def test_undo_takes_back_only_what_this_session_wrote_last(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "a"}')  # a line without its end, written to its end all the same
    corrections = Corrections(path)
    corrections.add("b", '{"id": "b"}\n')
    corrections.add("c", '{"id": "c"}\n')
    assert (corrections.undo(), corrections.undo(), corrections.undo()) == ("c", "b", None)
    assert path.read_text() == '{"id": "a"}\n' and corrections.done == {"a"}
    corrections.add("d", '{"id": "d"}\n')
    with path.open("a") as other:
        other.write('{"id": "e"}\n')
    assert corrections.undo() is None
    corrections.close()


def test_one_session_at_a_time_and_only_a_file_of_corrections(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    first = Corrections(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadInput, match="another session"):
        Corrections(path)
    first.close()
    path.write_text('{"id": "a"}\nnonsense\n')
    with pytest.raises(BadInput, match=r"c\.jsonl:2: is no correction"):
        Corrections(path)
    with pytest.raises(BadInput, match="cannot be written"):
        Corrections(tmp_path / "nowhere" / "c.jsonl")


def test_keys_work_while_the_keyboard_is_cyrillic() -> None:
    places: Mapping[str, str] = screen._BY_PLACE
    assert [places[one] for one in "ыігйфмї"] == ["s", "s", "u", "q", "a", "v", "]"]
