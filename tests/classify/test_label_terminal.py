"""`mailrouter label` by a person at a real pseudo-terminal: label, train, and the correction is in the manifest."""

import getpass
import json
import shutil
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from router.classify import registry
from router.classify.corpus import Example
from router.classify.train import TrainResult
from router.cli import mailrouter
from tests.classify.terminal import Terminal

MAILS = {
    "site.eml": ("Сайт", "сервер сайт не працює помилка 502", "<1@customer.example>"),
    "bill.eml": ("Рахунок", "рахунок счёт invoice оплата реквизиты", "<2@customer.example>"),
    "both.eml": ("Сайт", "сайт тариф invoice дякую", "<3@customer.example>"),
}


def eml(subject: str, text: str, message_id: str) -> str:
    return (
        f"From: Olena <olena@customer.example>\nTo: support@desk.example\nSubject: {subject}\n"
        f"Message-ID: {message_id}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: 8bit\n\n{text}\n\n> quoted words that nobody should see\n"
    )


@pytest.fixture
def desk(trained: TrainResult, tmp_path: Path) -> Path:
    """A folder with models/ and mail/."""
    shutil.copytree(trained.folder, tmp_path / "models" / "tiny")
    registry.promote(tmp_path / "models", "tiny")
    (tmp_path / "mail").mkdir()
    for name, parts in MAILS.items():
        (tmp_path / "mail" / name).write_text(eml(*parts), encoding="utf-8")
    return tmp_path


@pytest.fixture
def label(desk: Path) -> Iterator[Callable[..., Terminal]]:
    opened = []

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal(["label", *arguments], desk))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def rows(desk: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (desk / "corrections.jsonl").read_text().splitlines()]


def test_enter_accepts_keys_change_s_skips_u_undoes_q_quits(desk: Path, label: Callable[..., Terminal]) -> None:
    terminal = label("mail", "--by", "olga")
    first = terminal.wait_for("q quits")
    assert "1 of 3" in first and "quoted words" not in first
    terminal.press("2", "[2 billing")
    terminal.press("ф", "[abusive")  # the key `a` of a keyboard that is Ukrainian at the moment
    terminal.press("\r", "2 of 3 · 1 labelled")
    assert [(row["topic"], row["abusive"], row["corrected_by"]) for row in rows(desk)] == [("billing", "yes", "olga")]
    terminal.press("s", "3 of 3 · 1 labelled")
    terminal.press("u", "2 of 3 · 1 labelled")
    terminal.press("u", "1 of 3 · 0 labelled")
    assert rows(desk) == []
    terminal.press("u", "nothing to undo")
    terminal.press("\x1b[A\x1bOP3", "[3 sales")  # arrows and function keys are no keys of ours
    terminal.press("\r", "2 of 3 · 1 labelled")
    assert "1 labelled, 0 skipped, 2 left" in terminal.press("q", "next: mailrouter train")
    assert terminal.ended() == 0
    assert [row["topic"] for row in rows(desk)] == ["sales"]


def test_what_was_labelled_is_not_asked_again_and_kill_9_loses_only_what_is_on_the_screen(
    desk: Path, label: Callable[..., Terminal]
) -> None:
    terminal = label("mail", "--by", "olga")
    terminal.wait_for("1 of 3")
    terminal.press("\r", "2 of 3")
    terminal.press("\r", "3 of 3")
    terminal.kill()
    assert len(rows(desk)) == 2
    again = label("mail", "--by", "olga")
    again.wait_for("1 of 1")
    again.press("\r", "1 labelled, 0 skipped, 0 left")
    assert again.ended() == 0 and len({row["id"] for row in rows(desk)}) == 3
    last = label("mail")
    last.wait_for("nothing to ask: 3 are in corrections.jsonl")
    assert last.ended() == 0


def test_the_terminal_is_as_before_when_it_ends(desk: Path, label: Callable[..., Terminal]) -> None:
    terminal = label("mail")
    before = termios.tcgetattr(terminal.ours)
    terminal.wait_for("q quits")
    assert termios.tcgetattr(terminal.ours)[3] != before[3]
    terminal.press("q", "0 labelled")
    assert terminal.ended() == 0
    assert termios.tcgetattr(terminal.ours)[3] == before[3]


def test_ctrl_c_leaves_the_terminal_and_the_file_in_order(desk: Path, label: Callable[..., Terminal]) -> None:
    terminal = label("mail")
    before = termios.tcgetattr(terminal.ours)[3]
    terminal.wait_for("q quits")
    terminal.press("\r", "2 of 3")
    terminal.press("\x03", "interrupted")
    assert terminal.ended() == 130 and termios.tcgetattr(terminal.ours)[3] == before
    assert len(rows(desk)) == 1


def test_the_name_is_that_of_the_user_unless_told(desk: Path, label: Callable[..., Terminal]) -> None:
    terminal = label("mail", "--limit", "1")
    terminal.wait_for("1 of 1")
    terminal.press("\r", "1 labelled")
    assert terminal.ended() == 0 and rows(desk)[0]["corrected_by"] == getpass.getuser()


def test_personal_data_is_told_of_and_masked_when_asked(desk: Path, label: Callable[..., Terminal]) -> None:
    text = "Подзвоніть +380 67 123-45-67, сайт не працює"
    (desk / "mail" / "phone.eml").write_text(eml("Сайт", text, "<4@customer.example>"), encoding="utf-8")
    plain = label("mail/phone.eml", "--out", "plain.jsonl")
    assert "123-45-67" in plain.wait_for("training refuses it unless --redact")
    assert "1 of them hold personal data" in plain.press("\r", "next:")
    masked = label("mail/phone.eml", "--redact")
    shown = masked.wait_for("q quits")
    assert "123-45-67" not in shown and "olena@" not in shown and "training refuses" not in shown
    masked.press("\r", "next:")
    written = (desk / "corrections.jsonl").read_text()
    assert "123-45-67" not in written and "olena" not in written


def test_label_then_train_then_the_correction_is_in_the_manifest(
    desk: Path, label: Callable[..., Terminal], make_examples: Callable[[], list[Example]]
) -> None:
    """The whole way round: of a row and of a mail."""
    data = desk / "data.jsonl"
    with data.open("w", encoding="utf-8") as stream:
        for one in make_examples():
            row = {"id": one.id, "from": one.sender, "subject": one.subject, "body": one.text, "lang": one.language}
            if "topic" in one.labels:
                row |= {"topic": one.labels["topic"], "abusive": "yes" if one.labels["abuse"] == "abusive" else "no"}
                stream.write(json.dumps(row) + "\n")
    terminal = label("data.jsonl", "mail/site.eml", "--by", "olga", "--limit", "81", "--classifier", "topic")
    terminal.wait_for("1 of 81")
    for number in range(2, 82):
        terminal.press("\r" if number < 7 or "mail-" in terminal.screen else "s", f"{number} of 81")
    assert "next: mailrouter train data.jsonl corrections.jsonl" in terminal.press("\r", "next:")
    written = rows(desk)
    assert sum("body" in row for row in written) == 1
    done = subprocess.run(
        [sys.executable, "-m", "router.cli", "train", "data.jsonl", "corrections.jsonl", "--out", "models"],
        cwd=desk,
        env={"PYTHONPATH": str(Path.cwd()), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (manifest,) = [one for one in registry.models(desk / "models") if one.id != "tiny"]
    assert manifest.data["corrections"] == {"olga": len(written)}


def test_suspects_are_asked_first_and_only_they(
    desk: Path, label: Callable[..., Terminal], make_examples: Callable[[], list[Example]]
) -> None:
    """A label that contradicts the cross-validation is pre-filled, and the model's word stands beside it."""
    with (desk / "data.jsonl").open("w", encoding="utf-8") as stream:
        for one in make_examples()[:20]:
            topic = "sales" if one.id in ("t-4", "t-8", "t-12") else one.labels["topic"]
            row = {"id": one.id, "from": one.sender, "subject": one.subject, "body": one.text, "topic": topic}
            stream.write(json.dumps(row) + "\n")
    terminal = label("data.jsonl", "--suspects", "--classifier", "topic", "--by", "olga")
    shown = terminal.wait_for("q quits")
    assert "[3 sales" in shown and "file: sales, model: technical" in shown
    terminal.press("1", "[1 technical")
    terminal.press("\r", "2 of 2 · 1 labelled")
    assert "file: sales, model: technical" in terminal.wait_for("q quits"), "of the other 17 none is asked"
    terminal.press("q", "1 labelled")
    assert terminal.ended() == 0
    assert rows(desk)[0]["id"] in ("t-4", "t-8", "t-12") and rows(desk)[0]["topic"] == "technical"
    again = label("data.jsonl")
    assert "1 of 19" in again.wait_for("q quits"), "a row that was labelled is not asked again either"
    again.press("q", "0 labelled")
    assert again.ended() == 0
    refused = label("mail", "--suspects")
    refused.wait_for("--suspects is about labelled mail")
    assert refused.ended() == 2


def test_without_a_terminal_it_says_so(desk: Path) -> None:
    done = CliRunner().invoke(mailrouter, ["label", str(desk / "mail"), "--models", str(desk / "models")])
    assert isinstance(done.exception, Exception) and "run it in a terminal" in str(done.exception)
