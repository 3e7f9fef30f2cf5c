"""What words add up to is the same in numpy and in C, whatever has been met before and whatever somebody writes."""

import ctypes
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.classify import memory, native_memory
from router.classify.corpus import Example
from router.classify.features import SHAPE
from router.classify.fitting import LABELS, Fitted, counted, predict_proba
from router.classify.judging import OURS, Head, all_heads, judge_one
from router.classify.lexicon import own_text, parse
from router.classify.memory import Memory
from router.classify.native_memory import NativeHeads, NativeMemory
from router.classify.pipeline import Settings
from router.classify.replies import REPLY
from router.classify.tokens import plain_word, tokens_of_other
from router.classify.train import TrainResult
from router.native import LETTER_BYTES, letters
from tests.native.library import needed, said_by
from tests.native.sanitizers import run_checked

DATA = Path(__file__).parents[2] / "models" / "data"
ODD = [
    *("", " ", "\n\n", "<>", "ь", "а" * 5000, "\x00\ufffd\ud800", "счёт " * 3000, "!!! ??? ...", "https://a.example/x"),
    *("с ч ё т", "п р и ш л и т е  с ч ё т", "a. b. c. d. e.", "unknown words qwzx ¥ 漢字", "=url =1", "«счёт»\r\nакт"),
    *(
        "www.",
        "WWW!",
        "shchshhkhckyjw",
        "сссч шч ссш sch c sc ch схема кхмер",
        "x" * 201 + " " + "щ" * 200,
        "а\x85б\u3000в\x1fг",
    ),
    *("п р и в е т " * 9000, "слово. " * 9000, "и\nт. д! п\n", "\0\0 \0а", "И і ї є ґ Ґ Ё"),
]
PIECES = [
    *(
        "сайт",
        "Сервер,",
        "не",
        "і",
        "ї.",
        "website!",
        "down?",
        "www.",
        "c",
        "ck",
        "щч",
        "и",
        "т",
        "д",
        "ь",
        "502",
        "!!",
        "…",
    ),
    *(
        "п р и в е т",
        "a.example",
        "x@a.example",
        "«акт»",
        "\n",
        "\x85",
        "\0",
        "=url",
        "д.е.б.и.л",
        "12.03.2026",
        "$5",
        "сайт;",
    ),
]
texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))


KINDS = pytest.mark.parametrize("kind", ["numpy", "native"])


def made(kind: str, trained: TrainResult) -> Memory | NativeMemory:
    model = trained.model
    if kind == "numpy":
        return Memory(model.blocks, model.lexicon, model.words)
    return NativeMemory(needed(), model.blocks, model.lexicon, model.words)


@KINDS
def test_serving_equals_training(
    kind: str,
    trained: TrainResult,
    small: Settings,
    make_examples: Callable[[], list[Example]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every probability equals the sparse-matrix pipeline's to 1e-6, for known, unknown and odd texts."""
    monkeypatch.setattr(trained.model, "memory", made(kind, trained))
    mails = make_examples()
    odd = [Example(f"o{n}", "s", text, text, "", {}) for n, text in enumerate(ODD)]
    data = counted(mails + odd, parse(own_text()))
    fitted = Fitted(small, LABELS, data, np.arange(len(mails)))
    expected = predict_proba(fitted, trained.model.heads, data)
    for row, mail in enumerate(mails + odd):
        found = trained.model.scores(mail.subject, mail.text)
        assert set(found) == {"topic", "abuse", "vague", "urgency"}
        for name, scores in found.items():
            wanted = dict(zip(LABELS[name], expected[name][row].tolist(), strict=True))
            assert scores == pytest.approx(wanted, abs=1e-6), mail


@pytest.fixture(scope="module")
def both(trained: TrainResult) -> tuple[Memory, NativeMemory]:
    blocks, lexicon = trained.model.blocks, trained.model.lexicon
    return Memory(blocks, lexicon), NativeMemory(needed(), blocks, lexicon)


@settings(max_examples=400, deadline=None)
@given(subject=texts, text=texts)
def test_c_adds_up_what_numpy_does(both: tuple[Memory, NativeMemory], subject: str, text: str) -> None:
    """Any text, in any order of texts: the same numbers to the last digits."""
    numpy_one, native_one = both
    assert native_one.vector(subject, text) == pytest.approx(numpy_one.vector(subject, text), abs=1e-12)


CHUNK_PIECES = [
    *("a", "B", "c", "ch", "kk", "xx", "ый", "щ", "сайт", "Сервер", "Ё", "Ї", "ґ", "ў", "é", "\0", "\ud800", "漢"),
    *("www.", "http://", "https://", "ftp://", "email", "<email>", "<", ">", "@", ".", "/", "-", "_", ":", ",", ";"),
    *("example", "com", "ua", "io", "рф", "укр", "0", "1", "4", "7", "12", "502", "2026", "!", "!!", "?", "??", "..."),
    *("…", "№", "«", "»", "“", "”", "„", '"', "$", "€", "£", "₴", "₽", "*", "'", "’", "ʼ", "`", "–", "—", "(", ")"),
    *("#", "=", "+", "%"),
]
chunks = st.one_of(
    st.lists(st.sampled_from(CHUNK_PIECES), min_size=1, max_size=40).map("".join),
    st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=20),
)


def read_in_c(chunk: str) -> tuple[str, ...] | None:
    """The tokens of a chunk that is no plain word; None where C leaves it to Python."""
    library, data, found = needed(), letters(chunk), (ctypes.c_uint32 * 1_600)()
    size = library.prediction_other(data, len(data) // LETTER_BYTES, found)
    text = bytes(found)[: max(size, 0) * LETTER_BYTES].decode("utf-32", "surrogatepass")
    return None if size < 0 else tuple(text.split("\n")[1:])


@settings(max_examples=2_000, deadline=None)
@given(chunk=chunks)
def test_c_is_certain_of_no_other_tokens(chunk: str) -> None:
    """Whatever stands in a chunk: C gives the very tokens that Python does, or none."""
    assert read_in_c(chunk) in (None, tokens_of_other(chunk))


def test_c_reads_what_mails_are_made_of() -> None:
    """Of all that people wrote in the training data, hardly a chunk in a hundred is left to Python; each of the others
    gives the same tokens."""
    files = [file.read_text(encoding="utf-8") for file in sorted(DATA.glob("*.jsonl"))]
    rows = [json.loads(row) for text in files for row in text.split("\n") if row]
    met = {chunk for row in rows for value in row.values() if isinstance(value, str) for chunk in value.split()}
    others = [chunk for chunk in met if not plain_word(chunk)[0]]
    read = {chunk: found for chunk in others if (found := read_in_c(chunk)) is not None}
    assert len(read) > 0.98 * len(others) > 10_000
    assert read == {chunk: tokens_of_other(chunk) for chunk in read}


def check_judging(trained: TrainResult, heads: dict[str, Head], subject: str, text: str) -> None:
    """The same probabilities of the same classifiers, their labels in the same order, from the same sums."""
    blocks, lexicon = trained.model.blocks, trained.model.lexicon
    one = NativeMemory(needed(), blocks, lexicon)
    matrix, bias = all_heads(heads, blocks["chars"].table.shape[1] - 1)
    wanted = judge_one((one.vector(subject, text) @ matrix + bias).tolist(), heads)
    found = one.scores(subject, text, NativeHeads(heads, len(bias)))
    assert [(name, list(scores)) for name, scores in found.items()] == [
        (name, list(scores)) for name, scores in wanted.items()
    ]
    for name, scores in found.items():
        assert scores == pytest.approx(wanted[name], abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(subject=texts, text=texts)
def test_c_judges_as_python_does(trained: TrainResult, subject: str, text: str) -> None:
    heads = {name: head for name, head in trained.model.heads.items() if name != REPLY}
    check_judging(trained, heads, subject, text)


@pytest.mark.parametrize("names", [("topic", "abuse"), ("vague", OURS, "topic"), (OURS,), ("abuse",)], ids="+".join)
@pytest.mark.parametrize("size", [1.0, 1e5], ids=["ordinary", "beyond what an exponential can hold"])
def test_c_judges_by_any_heads(trained: TrainResult, names: tuple[str, ...], size: float) -> None:
    """With and without one that knows the trade, first or last, of one label or three."""
    numbers, heads, start = np.random.default_rng(3), {}, 0
    for name in names:
        labels = ("a", "b", "c") if name == "topic" else (name,)
        shapes = ((len(labels),), *((rows, len(labels)) for rows in (len(labels), len(labels), SHAPE)), (len(labels),))
        bias, whole, peak, shape, prior = (numbers.normal(scale=size, size=one) for one in shapes)
        columns = slice(start, start + len(labels))
        heads[name] = Head(labels, columns, bias, whole, peak, shape, abs(prior) / abs(prior).sum())
        start += len(labels)
    check_judging(trained, heads, "Сайт", "не відкривається з 12.03.2026, помилка 502!")


@KINDS
def test_what_was_met_before_changes_nothing(kind: str, trained: TrainResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory that has forgotten, or has met a thousand other words, answers the same."""
    monkeypatch.setattr(memory, "REMEMBERED", 50)
    monkeypatch.setattr(memory, "TOKENS", 80)
    one = made(kind, trained)
    before = one.vector("сайт", "сайт не працює, помилка 502, д.е.б.и.л").copy()
    for number in range(40):
        one.vector("", " ".join(f"word{number}x{place} sl{number}" + "abcdefghij"[place % 10] for place in range(30)))
    assert one.vector("сайт", "сайт не працює, помилка 502, д.е.б.и.л") == pytest.approx(before, abs=1e-15)


@KINDS
def test_memory_has_an_end(kind: str, trained: TrainResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many words come by, what is remembered stays bounded: new ones take the place of old ones."""
    monkeypatch.setattr(memory, "REMEMBERED", 500)
    monkeypatch.setattr(memory, "TOKENS", 500)
    monkeypatch.setattr(native_memory, "MOST_LETTERS", 20_000)
    one = made(kind, trained)
    sizes = []
    for number in range(60):
        words = [f"neu{number}o{place} " + "abcdefghij"[place % 10] * (place % 7) for place in range(90)]
        one.vector("", " ".join(words))
        sizes.append(one.remembered())
    assert max(sizes) < 2_000
    assert len(set(sizes)) > 3, "it grows and shrinks"


@KINDS
def test_a_megabyte_costs_no_more_than_its_ends(kind: str, trained: TrainResult) -> None:
    """Of an endless text only the beginning and the end are looked at: what stands between changes nothing."""
    one = made(kind, trained)
    ends = ["начало " * 2_286, "конец. " * 1_143]
    short = one.vector("", "рецепт ".join(ends)).copy()
    assert one.vector("", ("рецепт борща " * 80_000).join(ends)) == pytest.approx(short)


def test_under_the_sanitizers(tmp_path: Path) -> None:
    """No text reads or writes where it should not: the C, built with address and undefined-behaviour checks, adds up
    what numpy does for ten thousand texts, forgetting often."""
    run_checked(Path(__file__).with_name("under_sanitizers.py"), tmp_path, 10_000)


def test_without_the_library_all_goes_on(trained: TrainResult) -> None:
    """MAILROUTER_NATIVE=0 predicts in numpy: the same label scores to nine digits."""
    code = (
        "import sys; from pathlib import Path; from router.classify import registry\n"
        f"model = registry.load(Path({str(trained.folder.parent)!r}), 'tiny')\n"
        "print(type(model.memory).__name__, model.scores('сайт', 'сайт не працює')['topic']['technical'])"
    )
    found = {}
    for switch in ("0", "1"):
        name, score = said_by(code, switch)
        found[name] = float(score)
    assert "Memory" in found
    assert max(found.values()) == pytest.approx(min(found.values()), abs=1e-9)
