"""A model is used only when a trusted key has signed its manifest, where that is asked for."""

import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.classify import registry, signing
from router.classify.corpus import Example
from router.classify.registry import ModelRefused
from router.classify.signing import PublicKey
from router.classify.train import TrainResult
from router.cli import mailrouter
from router.errors import BadInput


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signing.make(tmp_path / "model.key")
    return tmp_path / "model.key"


@pytest.fixture
def folder(trained: TrainResult, tmp_path: Path) -> Path:
    shutil.copytree(trained.folder, tmp_path / "models" / "tiny")
    registry.promote(tmp_path / "models", "tiny")
    return tmp_path / "models"


@pytest.fixture
def public(key: Path) -> PublicKey:
    return signing.read_public(key.with_name("model.key.pub"))


def says(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(mailrouter, [str(one) for one in arguments])
    return done.exit_code, done.output + str(done.exception or "")


def test_a_signed_model_loads_and_an_unsigned_one_only_where_nobody_asks(
    folder: Path, key: Path, public: PublicKey
) -> None:
    registry.load(folder)
    with pytest.raises(ModelRefused, match=r"tiny/manifest\.json: is not signed; `mailrouter models sign tiny"):
        registry.load(folder, None, [public])
    assert registry.sign(folder, "tiny", key) == public
    assert registry.load(folder, None, [public]).id == "tiny"


def edited(home: Path) -> None:
    manifest = json.loads((home / "manifest.json").read_text())
    manifest["thresholds"]["topic"]["accept"] = 0.01
    (home / "manifest.json").write_text(json.dumps(manifest))


def signature(**changes: object) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        found = json.loads((home / signing.FILE).read_text())
        (home / signing.FILE).write_text(json.dumps({**found, **changes}))

    return change


def by_another(home: Path) -> None:
    signing.make(home.parent / "another.key")
    registry.sign(home.parent, "tiny", home.parent / "another.key")


def of_another_manifest(home: Path) -> None:
    """A signature by the right key, of something else that it signed."""
    before = (home / "manifest.json").read_bytes()
    edited(home)
    registry.sign(home.parent, "tiny", home.parent.parent / "model.key")
    (home / "manifest.json").write_bytes(before)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edited, "one of the two was changed"),
        (of_another_manifest, "one of the two was changed"),
        (by_another, "which is not trusted"),
        (signature(signature="AAAA"), "one of the two was changed"),
        (signature(signature="no base64!"), "is no signature"),
        (signature(signature=7), "is no signature"),
        (signature(algorithm="none"), 'algorithm "none", expected ed25519'),
        (lambda home: (home / signing.FILE).write_text(""), "is no signature"),
        (lambda home: (home / signing.FILE).write_text("[" * 4_000), "is no signature"),
        (lambda home: (home / signing.FILE).write_bytes(b" " * 5_000), "more than the 4096"),
        (lambda home: (home / signing.FILE).chmod(0o666), "written by others"),
        (lambda home: (home / signing.FILE).unlink(), "is not signed"),
        (lambda home: (home / "model.joblib").write_bytes(b"swapped"), "bytes, the manifest says"),
    ],
)  # fmt: skip
def test_a_wrong_signature_is_refused_with_its_place(
    folder: Path, key: Path, public: PublicKey, change: Callable[[Path], None], reason: str
) -> None:
    registry.sign(folder, "tiny", key)
    change(folder / "tiny")
    with pytest.raises(ModelRefused) as caught:
        registry.load(folder, None, [public])
    assert reason in caught.value.reason and str(folder / "tiny") in caught.value.reason


def test_the_key_id_in_the_file_is_only_a_hint(folder: Path, key: Path, public: PublicKey) -> None:
    """What counts is the mathematics."""
    registry.sign(folder, "tiny", key)
    signature(key="0" * 16)(folder / "tiny")
    registry.load(folder, None, [public])


def test_one_of_several_keys_is_enough(folder: Path, key: Path, public: PublicKey, tmp_path: Path) -> None:
    """So that keys can be changed: trust both, sign by the new one, trust the new one alone."""
    other = signing.make(tmp_path / "new.key")
    registry.sign(folder, "tiny", tmp_path / "new.key")
    registry.load(folder, None, [public, other])
    with pytest.raises(ModelRefused):
        registry.load(folder, None, [public])


def test_the_private_key_is_for_its_owner_alone_and_nothing_is_written_over(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(BadInput, match="File exists"):
        signing.make(key)
    key.chmod(0o640)
    with pytest.raises(BadInput, match="others can read the private key"):
        signing.signed(b"manifest", key)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_text("nonsense"), "no public Ed25519 key"),
        (lambda path: path.chmod(0o666), "others could change"),
        (lambda path: path.write_bytes(path.with_name("model.key").read_bytes()), "no public Ed25519 key"),
    ],
)
def test_a_public_key_that_proves_nothing_is_refused(key: Path, spoil: Callable[[Path], None], reason: str) -> None:
    path = key.with_name("model.key.pub")
    spoil(path)
    with pytest.raises(BadInput, match=reason):
        signing.read_public(path)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_keys_of_openssl_are_taken(folder: Path, tmp_path: Path) -> None:
    path, public = tmp_path / "o.key", tmp_path / "o.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", public], check=True)
    path.chmod(0o600)
    registry.sign(folder, "tiny", path)
    registry.load(folder, None, [signing.read_public(public)])
    rsa = tmp_path / "rsa.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "rsa", "-out", rsa], check=True, capture_output=True)
    rsa.chmod(0o600)
    with pytest.raises(BadInput, match="no private Ed25519 key"):
        registry.sign(folder, "tiny", rsa)


def test_the_commands_make_a_key_sign_and_verify(folder: Path, tmp_path: Path) -> None:
    """`models` alone still lists."""
    key, public = tmp_path / "k", tmp_path / "k.pub"
    assert says("models", "key", key)[0] == 0
    status, said = says("models", "--models", folder, "verify", "--key", public)
    assert status == 4 and "is not signed" in said
    assert says("models", "--models", folder, "sign", "tiny", "--key", key)[0] == 0
    status, said = says("models", "--models", folder, "verify", "--key", public)
    assert status == 0 and "is what was signed" in said
    status, said = says("models", "--models", folder)
    assert status == 0 and "* tiny" in said


def test_train_signs_what_it_has_trained(
    tmp_path: Path, key: Path, public: PublicKey, make_examples: Callable[[], list[Example]]
) -> None:
    with (tmp_path / "data.jsonl").open("w", encoding="utf-8") as stream:
        for one in make_examples():
            if one.is_mail and "topic" in one.labels:
                row = {"id": one.id, "from": one.sender, "body": one.text, "topic": one.labels["topic"]}
                stream.write(json.dumps(row) + "\n")
    status, said = says("train", tmp_path / "data.jsonl", "--out", tmp_path / "made", "--sign", key)
    assert status == 0 and f"signed by the key {public.id}" in said
    (made,) = registry.models(tmp_path / "made")
    assert registry.load(tmp_path / "made", made.id, [public]).id == made.id


def test_train_refuses_a_key_that_cannot_sign_before_it_trains(tmp_path: Path) -> None:
    status, said = says("train", tmp_path / "no-data", "--sign", tmp_path / "no.key")
    assert status == 1 and "the private key cannot be read" in said  # BadInput; `main` makes 2 of it
