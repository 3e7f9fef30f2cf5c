"""A model file is believed only when everything about it fits; otherwise the reason is said and nothing runs."""

import hashlib
import json
import os
import pickle
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest

from router.classify import registry
from router.classify.registry import ModelRefused
from router.classify.train import TrainResult

Change = Callable[[Path], None]


@pytest.fixture
def folder(trained: TrainResult, tmp_path: Path) -> Path:
    shutil.copytree(trained.folder, tmp_path / "models" / "tiny")
    registry.promote(tmp_path / "models", "tiny")
    return tmp_path / "models"


def manifest(**changes: object) -> Change:
    def change(home: Path) -> None:
        found = json.loads((home / "manifest.json").read_text())
        (home / "manifest.json").write_text(json.dumps({**found, **changes}))

    return change


def packed(content: bytes) -> Change:
    """Another model file, with a manifest that fits it."""

    def change(home: Path) -> None:
        (home / "model.joblib").write_bytes(content)
        manifest(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))(home)

    return change


def joblib_of(value: object, path: Path) -> bytes:
    joblib.dump(value, path)
    return path.read_bytes()


def flip(home: Path) -> None:
    whole = bytearray((home / "model.joblib").read_bytes())
    whole[len(whole) // 2] ^= 1
    (home / "model.joblib").write_bytes(whole)


def cut(home: Path) -> None:
    whole = (home / "model.joblib").read_bytes()
    (home / "model.joblib").write_bytes(whole[: len(whole) // 2])


def link(home: Path) -> None:
    (home / "model.joblib").rename(home / "elsewhere")
    (home / "model.joblib").symlink_to(home / "elsewhere")


def group_writable(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o020)


def moved(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (flip, "sha256"),
        (cut, "bytes, the manifest says"),
        (link, "model.joblib"),
        (lambda home: (home / "model.joblib").unlink(), "No such file"),
        (lambda home: (home / "model.joblib").chmod(0o666), "written by others"),
        (lambda home: (home / "manifest.json").write_text("{"), "not a manifest"),
        (lambda home: (home / "manifest.json").unlink(), "No such file"),
        (lambda home: home.chmod(0o777), "written by others"),
        (lambda home: home.parent.chmod(0o777), "written by others"),
        (lambda home: group_writable(home / "model.joblib"), "written by others"),
        (lambda home: group_writable(home / "manifest.json"), "written by others"),
        (lambda home: group_writable(home), "written by others"),
        (lambda home: moved(home, home.parent / "elsewhere"), "not a folder"),
        (lambda home: moved(home / "manifest.json", home / "other.json"), "manifest.json"),
        (lambda home: pipe(home / "model.joblib"), "not a plain file"),
        (lambda home: (home / "manifest.json").write_bytes(b" " * (registry.LARGEST_MANIFEST_BYTES + 1)), "more than"),
        (lambda home: (home / "manifest.json").write_text("[" * 100_000), "not a manifest"),
        (manifest(thresholds={"topic": {"accept": "high"}}), "manifest"),
        (packed(zlib.compress(b"cut in two" * 500)[:-9]), "is cut"),
        (packed(zlib.compress(b"not a pickle")), "not a model"),
        (manifest(format=99), "format 99"),
        (manifest(id="other"), "manifest of"),
        (manifest(feature_version=1), "train anew"),
        (manifest(versions={"numpy": "1.26.4"}), "numpy"),
        (manifest(labels={"topic": ["a"]}), "labels"),
        (packed(b"not a pickle at all"), "not a model"),
        (packed(pickle.dumps({"blocks": {}})), "not a model"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    folder: Path, change: Change, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Swapped, cut, foreign, linked, writable or unfitting files: refused, with the file's name and the reason."""
    monkeypatch.setattr(registry, "group_is_private", lambda found: False)
    serving = registry.load(folder)
    before = serving.scores("счёт", "пришлите счёт")
    change(folder / "tiny")
    with pytest.raises(ModelRefused) as caught:
        registry.load(folder)
    assert reason in caught.value.reason
    assert str(folder) in caught.value.reason
    assert serving.scores("счёт", "пришлите счёт") == before  # what was loaded before goes on


def test_too_large_a_file_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is checked before a byte is read."""
    monkeypatch.setattr(registry, "LARGEST_FILE_BYTES", 100)
    with pytest.raises(ModelRefused, match="more than the 100"):
        registry.load(folder)


def test_a_file_that_unfolds_without_end_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that would fill the memory is refused before it does (row 53)."""
    monkeypatch.setattr(registry, "LARGEST_UNPACKED_BYTES", 1_000_000)
    packed(zlib.compress(bytes(50_000_000)))(folder / "tiny")
    with pytest.raises(ModelRefused, match="unfolds to more"):
        registry.load(folder)


def test_a_swapped_model_is_not_promoted(folder: Path) -> None:
    """A candidate whose file was swapped for another model's is refused, and the current one stays."""
    shutil.copytree(folder / "tiny", folder / "next")
    manifest(id="next")(folder / "next")
    content = joblib.load(folder / "tiny" / "model.joblib")
    content["heads"]["abuse"]["bias"] = content["heads"]["abuse"]["bias"] - 50
    joblib.dump(content, folder / "next" / "model.joblib", compress=("zlib", 6))
    with pytest.raises(ModelRefused, match="manifest"):
        registry.promote(folder, "next")
    assert registry.current(folder) == "tiny"
    registry.load(folder)


def test_refused_file_runs_no_code(folder: Path, tmp_path: Path) -> None:
    """A pickle that would run a program is never opened when its hash is not the manifest's."""

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    (folder / "tiny" / "model.joblib").write_bytes(joblib_of(Evil(), tmp_path / "evil"))
    with pytest.raises(ModelRefused):
        registry.load(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../tiny", "", "Tiny", "a/b", ".hidden", "x" * 80])
def test_ids_are_plain_names(folder: Path, name: str) -> None:
    """An id cannot lead out of the folder."""
    (folder / "current").write_text(name)
    with pytest.raises(ModelRefused):
        registry.load(folder)


def test_promote_and_roll_back(folder: Path) -> None:
    """The current model changes only to one that loads, and back."""
    shutil.copytree(folder / "tiny", folder / "next")
    manifest(id="next")(folder / "next")
    registry.promote(folder, "next")
    assert registry.current(folder) == "next"
    with pytest.raises(ModelRefused):
        registry.promote(folder, "missing")
    assert registry.current(folder) == "next"
    assert [one.id for one in registry.models(folder)] == ["next", "tiny"]
    assert registry.rollback(folder) == "tiny"
    with pytest.raises(ModelRefused, match="no model was promoted before"):
        registry.rollback(folder)


def test_no_model(tmp_path: Path) -> None:
    """Without a promoted model the reason says how to name one."""
    with pytest.raises(ModelRefused, match="mailrouter promote"):
        registry.load(tmp_path)


def test_shipped_model_loads_and_knows_its_trade() -> None:
    """The model in the repository is whole, and plain mails of each kind get their topic."""
    model = registry.load(Path(__file__).parents[2] / "models")
    plain = {
        "technical": ("Сайт не работает", "С утра сайт отдаёт ошибку 502, почта тоже не открывается."),
        "billing": ("Рахунок", "Надішліть, будь ласка, рахунок за листопад та акт звірки."),
        "sales": (
            "New VPS",
            "How much is a VPS with 8 GB, which plan would you recommend? We are new.",
        ),
        "other": ("Thanks", "Thank you all, everything works, you can close the ticket."),
    }
    for topic, (subject, text) in plain.items():
        scores = model.scores(subject, text)["topic"]
        assert max(scores, key=lambda label: scores[label]) == topic
    assert model.scores("", "вы тупые идиоты и воры")["abuse"]["abusive"] > 0.5
    assert model.scores("", "чёртов сервер опять упал")["abuse"]["abusive"] < 0.5
