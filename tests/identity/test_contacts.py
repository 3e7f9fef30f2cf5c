"""Lists on file: three answers, and never an old one for a new one."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from router.identity.contacts import FileList, ItemList, ListBook, NoList, compared
from router.logic import Unknown

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
CSV = """Email,Contract,Name
olena@customer.example,104455,Olena
PETRO@Customer.EXAMPLE, 104456 ,
olena@customer.example,104999,
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.csv"
    write(path, CSV)
    return path


def write(path: Path, text: str | bytes, at: datetime = NOW - timedelta(hours=1)) -> None:
    """As an export does it: beside, then renamed."""
    beside = path.with_suffix(".new")
    beside.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(beside, (at.timestamp(), at.timestamp()))
    beside.rename(path)


def book(path: Path, **more) -> ListBook:
    return ListBook([FileList("contacts", path, **{"key": "email", "value": "contract", **more})])


def answer(lists: ListBook, key: str = "olena@customer.example", now: datetime = NOW) -> str | None:
    """The answer, or `unknown: <causes>`."""
    found = lists.look_up("contacts", key, now)
    return f"unknown: {'; '.join(found.causes)}" if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("olena@customer.example", "104455"),
        ("Olena@CUSTOMER.example", "104455"),
        (" olena@customer.example ", "104455"),
        ("petro@customer.example", "104456"),
        ("olena+x@customer.example", None),
        ("nobody@customer.example", None),
        ("", None),
    ],
)
def test_a_key_is_on_file_or_it_is_not(file: Path, key: str, value: str | None) -> None:
    """Letter case and white space do not matter, `+detail` does; of several rows the first."""
    assert answer(book(file), key) == value


def test_all_rows_of_a_key(file: Path) -> None:
    """A contact of two contracts has two rows."""
    lists = book(file)
    assert lists.rows("contacts", "olena@customer.example", NOW) == ("104455", "104999")
    assert lists.rows("contacts", "nobody@customer.example", NOW) == ()


@pytest.mark.parametrize(
    "text",
    [
        "email;contract\nolena@customer.example;104455\n",
        "\ufeffemail\tcontract\r\nolena@customer.example\t104455\r\n",
        '"contract","E-mail","EMAIL "\n104455,x,"olena@customer.example"',
        'note;email;contract\n"a;\nb";olena@customer.example;104455\n;;\n\nshort\n',
    ],
)
def test_csv_as_spreadsheets_write_it(file: Path, text: str) -> None:
    """Semicolons, tabs, a byte order mark, quotes, line breaks in a cell, empty and short rows."""
    write(file, text)
    assert answer(book(file)) == "104455"


def test_a_list_without_values_answers_with_an_empty_one(file: Path) -> None:
    """That the key is there is the answer."""
    assert answer(book(file, value=None)) == ""


def test_items_of_rules_yaml() -> None:
    """Addresses and domains, in any spelling of one domain."""
    lists = ListBook([ItemList("own", ("Desk.example", "пошта.укр", "Anna@Desk.example", "anna@ПОШТА.укр"))])
    for key in (
        "desk.example",
        "DESK.EXAMPLE",
        "xn--80a1acn3a.xn--j1amh",
        "anna@desk.example",
        "anna@xn--80a1acn3a.xn--j1amh",
    ):
        assert lists.look_up("own", key, NOW) == "", key
    assert lists.look_up("own", "mail.desk.example", NOW) is None


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", 'has no single column "email" (no header row)'),
        ("mail,contract\n", 'has no single column "email" (mail, contract)'),
        ("email,email,contract\n", 'has no single column "email"'),
        ("email,number\n", 'has no single column "contract"'),
        ("email,contract\n\xe9".encode("latin-1"), "is not UTF-8 (byte 15)"),
        ('email,contract\n"olena', "is no CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_unknown(file: Path, text: str | bytes, cause: str) -> None:
    """With the reason, for `explain`."""
    write(file, text)
    assert cause in (answer(book(file)) or "")


def test_what_is_no_file_is_unknown(tmp_path: Path) -> None:
    """No file, a folder, a FIFO: unknown at once, never a wait."""
    os.mkfifo(tmp_path / "fifo")
    assert answer(book(tmp_path / "gone.csv")) == f"unknown: contacts: {tmp_path}/gone.csv: No such file or directory"
    assert "is not a file" in (answer(book(tmp_path / "fifo")) or "")
    assert "unknown: contacts" in (answer(book(tmp_path)) or "")


def test_a_list_that_cannot_be_asked_and_one_that_is_not_there() -> None:
    """Unknown, with what is the matter."""
    lists = ListBook([NoList("contacts", "SQL look-ups are not built in")])
    assert answer(lists) == "unknown: contacts: SQL look-ups are not built in"
    assert isinstance(lists.look_up("other", "x", NOW), Unknown)


def test_a_file_that_is_too_old_answers_unknown(file: Path) -> None:
    """By the mail's clock; what it says is not used any more, nor is it forgotten."""
    lists = book(file, max_age=timedelta(hours=24))
    assert answer(lists) == "104455"
    assert answer(lists, now=NOW + timedelta(hours=30)) == "unknown: contacts: file is 31 h old, max_age 24h"
    assert answer(lists, now=NOW + timedelta(days=9)) == "unknown: contacts: file is 9 d old, max_age 24h"
    write(file, CSV, NOW + timedelta(hours=29))
    assert answer(lists, now=NOW + timedelta(hours=31)) == "104455"


def test_a_changed_file_is_read_again_once_reload_has_passed(file: Path) -> None:
    """Not before: between two looks the file costs nothing."""
    lists = book(file, reload=timedelta(seconds=60))
    assert answer(lists) == "104455"
    write(file, "email,contract\nolena@customer.example,7\n", NOW)
    assert answer(lists, now=NOW + timedelta(seconds=59)) == "104455"
    assert answer(lists, now=NOW + timedelta(seconds=60)) == "7"


def test_a_file_replaced_by_a_broken_one_is_unknown_until_it_is_mended(file: Path) -> None:
    """The contact that was taken off may be the reason for the new file."""
    lists = book(file, reload=timedelta(0))
    assert answer(lists) == "104455"
    write(file, "oops", NOW)
    assert "no single column" in (answer(lists) or "")
    file.unlink()
    assert "No such file" in (answer(lists) or "")
    write(file, CSV, NOW)
    assert answer(lists) == "104455"


def test_a_file_that_was_away_for_a_moment_is_read_again(file: Path) -> None:
    """Though it is the very same one."""
    lists = book(file, reload=timedelta(0))
    assert answer(lists) == "104455"
    file.rename(file.with_suffix(".away"))
    assert "No such file" in (answer(lists) or "")
    file.with_suffix(".away").rename(file)
    assert answer(lists) == "104455"


def test_a_file_that_changes_while_it_is_read_is_not_taken(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an export is worse than none; the next look takes the whole."""
    look = os.fstat

    def while_it_grows(descriptor: int) -> os.stat_result:
        status = look(descriptor)
        with file.open("a") as export:
            export.write("ivan@customer.example,104457,\n")
        return status

    lists = book(file, reload=timedelta(0))
    with monkeypatch.context() as writing:
        writing.setattr("router.identity.contacts.os.fstat", while_it_grows)
        assert "was being written" in (answer(lists) or "")
    assert answer(lists) == "104455"


def test_keys_are_compared_in_one_form() -> None:
    """Folding is the same on both sides and does not change a second time."""
    for key in (
        "Olena@Customer.example",
        "пошта.укр",
        "a@пошта.укр",
        "Договір 1",
        '"a"@b.example',
        "@",
        "a@",
        "x..укр",
    ):
        assert compared(compared(key)) == compared(key)
