"""Bytes become the text that was meant, whatever charset they claim."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message import charset
from router.message.charset import CODECS, CYRILLIC, codec_of, decode
from tests.message.making import message

ROWS = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "charsets.jsonl").read_text("utf-8").splitlines()
]
MATRIX = Path(__file__).parents[3] / "shared" / "data" / "charsets" / "ruuk_matrix.jsonl"


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_matrix(row):
    """Every encoding of Russian and Ukrainian under right, missing, wrong and misspelt declarations."""
    found = message(base64.b64decode(row["raw"]))
    assert (found.full_text.strip(), found.subject) == (row["text"], row["subject"])


@pytest.mark.corpus
def test_whole_matrix():
    """At least 98 % of 972 cases; all of them at the time of writing."""
    if not MATRIX.exists():
        pytest.skip(f"{MATRIX} is not here")
    rows = [json.loads(line) for line in MATRIX.read_text("utf-8").splitlines()]
    wrong = []
    for row in rows:
        found = message(base64.b64decode(row["raw"]))
        if (found.full_text.strip(), found.subject) != (row["text"], row["subject"]):
            wrong.append(row["name"])
    assert len(wrong) <= len(rows) * 0.02, wrong


@pytest.mark.parametrize(
    "text, encoding, declared",
    [
        ("Добрий день", "utf-8", "windows-1251"),  # valid UTF-8 beats a single-byte claim
        ("Добрий день", "utf-8", "iso-8859-1"),
        ("Добрий день", "utf-8", "gb2312"),
        ("你好世界", "gb18030", "gb2312"),
        ("模", "gb18030", "gb2312"),  # UTF-8 by chance
        ("Сайт не открывается", "koi8-r", "windows-1251"),  # the wrong Cyrillic
        ("Сайт не открывается", "cp1251", "koi8-r"),
        ("СРОЧНО! НЕ РАБОТАЕТ ПОЧТА", "cp1251", "iso-8859-5"),
        ("Сайт не открывается", "cp1251", "iso-8859-15"),
        ("Strona nie działa, błąd", "iso-8859-2", "iso-8859-2"),
        ("Größe, Übergröße, Straße", "cp1252", None),
        ("L’été dernier, créée à Genève", "cp1252", "us-ascii"),
        ("naïve café", "latin-1", "utf-8"),
        ("Příliš žluťoučký kůň", "cp1250", "windows-1250"),
        ("Γειά σου", "iso-8859-7", "greek"),
        ("日本語", "iso2022_jp", None),
        ("日本語", "iso2022_jp", "iso-2022-jp"),
        ("日本語", "utf-16", "utf-16"),
        ("Привет", "utf-7", "utf-7"),
        ("Привет", "utf-8-sig", "windows-1252"),
    ],
)
def test_decode(text, encoding, declared):
    assert decode(text.encode(encoding), declared) == text


def test_a_cut_character_is_no_other_charset():
    """A body cut in the middle of a character is still UTF-8."""
    assert decode("Привіт, світе".encode()[:-1], "utf-8") == "Привіт, світ\ufffd"


def test_one_line_in_another_charset():
    """A mailing list's footer in windows-1251 below a text in UTF-8."""
    data = "Привет всем\n".encode() + "Отписаться от рассылки можно здесь".encode("cp1251")
    assert decode(data, "utf-8") == "Привет всем\nОтписаться от рассылки можно здесь"


def test_single_lost_bytes_cost_single_characters():
    data = bytearray("Добрий день, сайт не працює від ранку".encode())
    del data[5]
    assert decode(bytes(data), "utf-8").endswith("день, сайт не працює від ранку")


NOT_TEXT = """
idna punycode zlib hex rot13 uu undefined unicode_escape raw_unicode_escape mbcs bz2_codec charmap ../../etc
"""


@pytest.mark.parametrize("name", [*NOT_TEXT.split(), "", "x" * 5_000, "\0"])
def test_only_text_codecs_are_ever_used(name):
    """Python's codec registry is not reachable from a mail."""
    assert codec_of(name) is None
    assert decode(b"abc", name) == "abc"


def test_every_codec_of_the_table_exists():
    for codec in set(CODECS.values()):
        assert "a".encode(codec).decode(codec) == "a"


@pytest.mark.parametrize(
    "declared, codec",
    [
        ("WIN-1251", "cp1251"),
        ("x-cp1251", "cp1251"),
        ("KOI8-RU", "koi8-u"),
        ("koi8", "koi8-r"),
        ("UTF8", "utf-8"),
        ("unicode-1-1-utf-8", "utf-8"),
        ("utf-8*ru", "utf-8"),
        ("cyrillic", "iso8859-5"),
        ("x-mac-cyrillic", "mac-cyrillic"),
        ("GB_2312-80", "gb18030"),
        ("iso-8859-8-i", "iso8859-8"),
        ("us-ascii", None),
        ("iso-8859-1", None),
        ("windows-1252", None),
        ("unknown-8bit", None),
    ],
)
def test_names(declared, codec):
    assert codec_of(declared) == codec


SENTENCES = [
    "С утра не открывается панель управления, браузер пишет ошибку",
    "Надішліть, будь ласка, рахунок за минулий місяць",
    "Перенесите сайт на другой тариф и верните разницу",
    "ТЕРМІНОВО! Не приходять листи на жодну скриньку",
]


def encodable(sentence, encoding):
    try:
        return sentence.encode(encoding) is not None
    except UnicodeEncodeError:
        return False  # koi8-r and cp866 lack the letters of Ukrainian


@pytest.mark.parametrize(
    "sentence, encoding", [(one, name) for one in SENTENCES for name in CYRILLIC if encodable(one, name)]
)
def test_cyrillic_without_a_declaration(sentence, encoding):
    """Each of the six Cyrillic encodings is recognised by its letter pairs."""
    assert decode(sentence.encode(encoding)) == sentence


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([None, "utf-8", "koi8-r", "iso-2022-jp", "utf-16", "gb2312", "hz", "?"])
)
def test_any_bytes_give_a_text(data, declared):
    """Never an exception, whatever is declared."""
    assert isinstance(decode(data, declared), str)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_utf8_survives(text):
    """Text that is declared as UTF-8 and is UTF-8 comes back as it was."""
    assert decode(text.removeprefix("\ufeff").encode(), "utf-8") == text.removeprefix("\ufeff")


def test_the_letter_table_is_square():
    assert {len(row) for row in charset._FOLLOWS.values()} == {len(charset._LETTERS)}
