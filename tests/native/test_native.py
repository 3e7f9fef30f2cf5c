"""The library in C is built where it can be, and only that of these very sources is loaded."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from router import native
from tests.native.library import needed, said_by


def test_an_old_library_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's name tells its sources: after a change of one, what was built before is not loaded."""
    here = tmp_path / "native"
    here.mkdir()
    for source in native.sources():
        (here / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(native, "HERE", here)
    before = native.built()
    (here / "prediction.c").write_text("/* another */")
    assert native.built() != before


def test_building_says_what_is_missing(tmp_path: Path) -> None:
    """No compiler: one line that says so, and the set-up goes on."""
    copy = tmp_path / "router"
    (copy / "native").mkdir(parents=True)
    (copy / "__init__.py").touch()
    for path in Path(native.__file__).parent.glob("*.[cp]*"):
        if path.is_file():
            (copy / "native" / path.name).write_bytes(path.read_bytes())
    for required, status in (((), 0), (("--required",), 1)):
        done = subprocess.run(
            [sys.executable, "-m", "router.native", *required],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
            check=False,
        )
        assert (done.returncode, done.stdout) == (status, "")
        assert "no C compiler was found" in done.stderr
        assert "Traceback" not in done.stderr


def test_each_thread_has_its_own_reader_and_makes_it_once():
    needed()
    made = []

    def make(library):
        made.append(library)
        return object()

    readers = native.ForEachThread(make)
    here = readers.reader()
    with ThreadPoolExecutor(1) as other:
        there = other.submit(readers.reader).result()
        assert other.submit(readers.reader).result() is there
    assert readers.reader() is here and here is not there
    assert made == [native.library()] * 2


def test_without_the_library_there_is_no_reader():
    code = "from router import native; print(native.ForEachThread(lambda library: 1).reader())"
    assert said_by(code, "0") == ["None"]
    assert said_by(code, "1") == ["1" if native.library() else "None"]
