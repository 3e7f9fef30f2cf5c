"""The folder of models: which there are, which one is current, and loading one safely.

    models/current                the id of the promoted model, one line
    models/history                what was promoted and rolled back, a JSON line each: when, which, by whom, why
    models/previous               the ids promoted before, newest last (for `rollback`)
    models/<id>/model.joblib      numpy arrays and plain values
    models/<id>/manifest.json     what must fit before the file is opened: sha256, size, versions, labels, thresholds …
    models/<id>/manifest.json.sig who made it, where that is asked for (signing.py)
    models/<id>/held-out.jsonl    what it says of mails it was not trained on (held_out.py)

joblib files are pickles: reading one runs what is in it. So the file is read once, held against the manifest, and
loaded from the very bytes that were hashed; folder and files must belong to root or to us and be writable by nobody
else.
"""

import contextlib
import ctypes
import hashlib
import io
import json
import os
import re
import stat
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from router.classify import lexicon, signing
from router.classify.features import BLOCKS, FEATURE_VERSION
from router.classify.judging import INNER, Head, Thresholds
from router.classify.memory import Block
from router.classify.model import Model
from router.classify.replies import Evidence
from router.classify.signing import BadSignature, PublicKey
from router.errors import BadInput
from router.frozen import dataclass
from router.ownership import group_is_private

MANIFEST_FORMAT = 1
LARGEST_FILE_BYTES = 64 * 1024 * 1024
LARGEST_UNPACKED_BYTES = 128 * 1024 * 1024
LARGEST_MANIFEST_BYTES = 1024 * 1024
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class ModelRefused(BadInput):
    """A model cannot be used; `reason` says why and what to do. The filter goes on with rules alone."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model's folder says about it; see `manifest.json`."""

    id: str
    sha256: str
    size_bytes: int
    feature_version: int
    versions: Mapping[str, str]
    labels: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, Thresholds]
    metrics: Mapping[str, Any]
    seed: int
    data: Mapping[str, Any]
    created: str
    held_out_sha256: str = ""


def load(folder: Path, model_id: str | None = None, trusted: Sequence[PublicKey] = ()) -> Model:
    """The model `model_id`, or the current one. Raises ModelRefused; never imports scikit-learn.

    trusted: with keys here the manifest must be signed by one of them.
    """
    model = _load(folder, model_id, trusted)
    _give_back()
    return model


def _load(folder: Path, model_id: str | None, trusted: Sequence[PublicKey]) -> Model:
    chosen = model_id or current(folder)
    home = folder / _checked_id(chosen)
    _check_owner(folder)
    _check_owner(home)
    manifest = read_manifest(folder, chosen, trusted)
    packed = read_once(home / "model.joblib", LARGEST_FILE_BYTES)
    if len(packed) != manifest.size_bytes:
        raise ModelRefused(f"{home / 'model.joblib'}: {len(packed)} bytes, the manifest says {manifest.size_bytes}")
    if hashlib.sha256(packed).hexdigest() != manifest.sha256:
        raise ModelRefused(f"{home / 'model.joblib'}: its sha256 is not the manifest's; the file was changed")
    if manifest.feature_version != FEATURE_VERSION:
        raise ModelRefused(
            f"{home}: its feature version is {manifest.feature_version}, this program's {FEATURE_VERSION}; train anew"
        )
    ours = np.__version__.split(".")[0]
    theirs = manifest.versions.get("numpy", "").split(".")[0]
    if theirs != ours:
        raise ModelRefused(f"{home}: made with numpy {manifest.versions.get('numpy', '?')}, here is {np.__version__}")
    import joblib

    try:
        content = joblib.load(io.BytesIO(_unpacked(home / "model.joblib", packed)))
        return _model(manifest, content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, EOFError, ImportError) as error:
        raise ModelRefused(f"{home / 'model.joblib'}: is not a model of this program ({error})") from error


def _give_back() -> None:
    """What reading has freed, 13 MB, goes back to the system at once: else it stays with every process that is forked
    from this one. Only the GNU C library knows how.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _unpacked(path: Path, packed: bytes) -> bytes:
    """The zlib stream that joblib wrote; a small file that unfolds without end is refused before it fills memory."""
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(packed, LARGEST_UNPACKED_BYTES)
    except zlib.error as error:
        raise ModelRefused(f"{path}: is not a model of this program ({error})") from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ModelRefused(f"{path}: is cut, or unfolds to more than {LARGEST_UNPACKED_BYTES} bytes")
    return plain


def _model(manifest: Manifest, content: Mapping[str, Any]) -> Model:
    blocks = {name: Block(content["blocks"][name]["kept"], content["blocks"][name]["table"]) for name in BLOCKS}
    heads = {}
    for name, part in content["heads"].items():
        columns = slice(int(part["columns"][0]), int(part["columns"][1]))
        heads[name] = Head(
            tuple(part["labels"]),
            columns,
            part["bias"],
            part["whole"],
            part["peak"],
            part["shape"],
            part["prior"],
        )
    if {name: head.labels for name, head in heads.items() if name not in INNER} != dict(manifest.labels):
        raise ValueError("its labels are not the manifest's")
    return Model(
        manifest.id,
        dict(manifest.labels),
        dict(manifest.thresholds),
        blocks,
        heads,
        lexicon.parse(content["lexicon"]),
        tuple(content.get("words", ())),
        Evidence(**content["evidence"]) if content.get("evidence") else None,
    )


def read_manifest(folder: Path, model_id: str, trusted: Sequence[PublicKey] = ()) -> Manifest:
    """The manifest of one model. trusted: as for `load`. Raises ModelRefused."""
    path = folder / _checked_id(model_id) / "manifest.json"
    data = read_once(path, LARGEST_MANIFEST_BYTES)
    if trusted:  # before anything is made of these bytes
        signer(path, data, trusted)
    try:
        raw = json.loads(data)
        if raw["format"] != MANIFEST_FORMAT:
            raise ModelRefused(f"{path}: format {raw['format']}, this program reads {MANIFEST_FORMAT}")
        if raw["id"] != model_id:
            raise ModelRefused(f'{path}: is the manifest of "{raw["id"]}"')
        return Manifest(
            id=raw["id"],
            sha256=raw["sha256"],
            size_bytes=int(raw["size_bytes"]),
            feature_version=int(raw["feature_version"]),
            versions=dict(raw["versions"]),
            labels={name: tuple(labels) for name, labels in raw["labels"].items()},
            thresholds={name: Thresholds(**numbers) for name, numbers in raw["thresholds"].items()},
            metrics=raw["metrics"],
            seed=int(raw["seed"]),
            data=raw["data"],
            created=raw["created"],
            held_out_sha256=str(raw.get("held_out_sha256", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelRefused(f"{path}: is not a manifest ({type(error).__name__}: {error})") from error


def signer(path: Path, manifest: bytes, trusted: Sequence[PublicKey]) -> PublicKey:
    """Whose signature stands beside the manifest at `path`, which holds these bytes. Raises ModelRefused."""
    beside = path.with_name(signing.FILE)
    if not beside.exists():
        raise ModelRefused(f"{path}: is not signed; `mailrouter models sign {path.parent.name} --key FILE` signs it")
    try:
        return signing.verify(manifest, read_once(beside, signing.LARGEST_BYTES), trusted)
    except BadSignature as error:
        raise ModelRefused(f"{beside}: {error}") from error


def sign(folder: Path, model_id: str, key_file: Path) -> PublicKey:
    """Sign a model that can be loaded; gives whose key it was. Raises ModelRefused, BadInput."""
    load(folder, model_id)
    path = folder / model_id / "manifest.json"
    signature, public = signing.signed(read_once(path, LARGEST_MANIFEST_BYTES), key_file)
    _write(path.with_name(signing.FILE), signature.decode())
    return public


def current(folder: Path) -> str:
    """The id of the promoted model. Raises ModelRefused when there is none."""
    try:
        return (folder / "current").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelRefused(f"{folder / 'current'}: no promoted model; `mailrouter promote ID` names one") from error


def models(folder: Path) -> list[Manifest]:
    """Every model of the folder whose manifest can be read, by id."""
    found = []
    for path in sorted(folder.glob("*/manifest.json")):
        try:
            found.append(read_manifest(folder, path.parent.name))
        except ModelRefused:
            continue  # `load` says what is wrong with it, when somebody wants it
    return found


def promote(folder: Path, model_id: str) -> None:
    """Make `model_id` the current model, after loading it once. Raises ModelRefused and changes nothing then."""
    load(folder, model_id)
    before = (folder / "current").read_text(encoding="utf-8").strip() if (folder / "current").exists() else ""
    if before and before != model_id:
        history = folder / "previous"
        past = history.read_text(encoding="utf-8") if history.exists() else ""
        _write(history, past + before + "\n")
    _write(folder / "current", model_id + "\n")


def rollback(folder: Path) -> str:
    """Make the model that was promoted before the current one again; gives its id. Raises ModelRefused."""
    history = folder / "previous"
    past = history.read_text(encoding="utf-8").split() if history.exists() else []
    if not past:
        raise ModelRefused(f"{history}: no model was promoted before the current one")
    load(folder, past[-1])
    _write(folder / "current", past[-1] + "\n")
    _write(history, "".join(one + "\n" for one in past[:-1]))
    return past[-1]


def record(folder: Path, at: datetime, action: str, model_id: str, by: str, reason: str = "") -> None:
    """Add a line to `history`."""
    entry = {"at": at.isoformat(timespec="seconds"), "action": action, "model": model_id, "by": by, "reason": reason}
    with (folder / "history").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({key: value for key, value in entry.items() if value}, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _checked_id(model_id: str) -> str:
    if not _ID.fullmatch(model_id):
        raise ModelRefused(f'"{model_id[:80]}" is no model id: small letters, digits, ".", "_", "-"')
    return model_id


def _check_owner(path: Path) -> None:
    try:
        found = path.lstat()
    except OSError as error:
        raise ModelRefused(f"{path}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise ModelRefused(f"{path}: is not a folder")
    _check_stat(path, found)


def _check_stat(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise ModelRefused(
            f"{path}: belongs to user {found.st_uid}; a model must belong to root or to the filter's user"
        )
    others = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not group_is_private(found))
    if others:
        raise ModelRefused(f"{path}: can be written by others; `chmod go-w` it")


def read_once(path: Path, limit_bytes: int) -> bytes:
    """The whole of a plain file that belongs to root or us and is writable by nobody else. Raises ModelRefused."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ModelRefused(f"{path}: {error.strerror}") from error
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ModelRefused(f"{path}: is not a plain file")
        _check_stat(path, found)
        if found.st_size > limit_bytes:
            raise ModelRefused(f"{path}: {found.st_size} bytes, more than the {limit_bytes} a model may have")
        return stream.read(limit_bytes + 1)
