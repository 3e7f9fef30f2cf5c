"""A running filter and its model: one that is refused does not take the place of the one in use."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.classify import registry, signing
from router.classify.train import train
from router.generation import load_generation
from tests.classify.conftest import SMALL as SETTINGS
from tests.classify.conftest import tiny_examples
from tests.integration.filter import RunningFilter
from tests.life.test_commands import SMALL
from tests.life.test_running import Desk


class Modelled(Desk):
    """A desk with the models `old` (in use, signed) and `new`."""

    def __init__(self, folder: Path, made: Path) -> None:
        super().__init__(folder)
        self.models = folder / "models"
        for name in ("old", "new"):
            shutil.copytree(made, self.models / name)
            manifest = json.loads((made / "manifest.json").read_text())
            (self.models / name / "manifest.json").write_text(json.dumps({**manifest, "id": name}))
        self.key = folder / "model.key"
        signing.make(self.key)
        registry.sign(self.models, "old", self.key)
        (self.models / "current").write_text("old\n")

    def start(self, *options: str) -> RunningFilter:
        fixed = ("--models", str(self.models), "--workers", "1", "--state", str(self.state))
        self.running.append(RunningFilter(*fixed, *options, rules=self.rules, at=None))
        return self.running[-1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tiny_examples(), tmp_path_factory.mktemp("made"), model_id="made", settings=SETTINGS).folder


@pytest.fixture
def desk(tmp_path: Path, made: Path) -> Iterator[Modelled]:
    found = Modelled(tmp_path, made)
    yield found
    found.stop()


def test_an_unsigned_model_is_refused_and_the_old_one_goes_on_with_new_rules(desk: Modelled) -> None:
    desk.start("--model-key", f"{desk.key}.pub")
    assert desk.told("status")["model"] == {"id": "old", "refused": None}
    (desk.models / "current").write_text("new\n")
    desk.write(SMALL.replace("Small", "Larger"))
    result = desk.says("reload")
    assert result.exit_code == 0 and "new/manifest.json: is not signed" in result.stderr
    status = desk.told("status")
    assert status["model"]["id"] == "old" and status["rules"]["name"] == "Larger desk"
    assert "THE ONE BEFORE" in desk.says("status").output
    registry.sign(desk.models, "new", desk.key)
    assert desk.says("reload").exit_code == 0
    assert desk.told("status")["model"] == {"id": "new", "refused": None}


def test_a_model_that_was_changed_where_it_lies_stops_the_reload_and_the_loaded_one_stays(desk: Modelled) -> None:
    """Nothing is left on the disk to go on with: so everything stays as it is, and it is said where."""
    desk.start("--model-key", f"{desk.key}.pub")
    manifest = desk.models / "old" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 2'))
    result = desk.says("reload")
    assert result.exit_code == 2 and "old/manifest.json.sig: is not the signature of this manifest" in result.output
    assert desk.told("status")["model"]["id"] == "old" and desk.told("status")["generation"] == 1


def test_without_a_promoted_model_rules_alone_are_what_is_wanted(desk: Modelled) -> None:
    desk.start()
    (desk.models / "current").unlink()
    assert desk.says("reload").exit_code == 0
    assert desk.told("status")["model"]["id"] is None


def test_rules_may_ask_for_the_signature_and_a_start_without_one_is_by_rules_alone(desk: Modelled) -> None:
    """`settings.model_key` of the rules; a path from the folder of the rules."""
    desk.write(SMALL.replace("calendars:", "settings: {model_key: model.key.pub}\ncalendars:"))
    (desk.models / "current").write_text("new\n")
    desk.start()
    assert "is not signed" in desk.told("status")["model"]["refused"]
    (desk.models / "current").write_text("old\n")
    assert desk.says("reload").exit_code == 0 and desk.told("status")["model"]["id"] == "old"
    (desk.folder / "model.key.pub").unlink()
    result = desk.says("reload")
    assert result.exit_code == 2 and "model.key.pub: the public key cannot be read" in result.output


def test_no_path_of_the_machine_gets_into_the_reason(desk: Modelled) -> None:
    """It stands in a header field of every mail."""
    for key in (f"{desk.key}.pub", f"{desk.folder}/none.pub"):
        (desk.models / "current").write_text("new\n")
        loaded = load_generation(desk.rules, desk.models, model_keys=[Path(key)])
        assert loaded.model is None and loaded.model_refused and str(desk.folder) not in loaded.model_refused
