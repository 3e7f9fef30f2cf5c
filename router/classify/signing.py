"""Who made a model: an Ed25519 signature (RFC 8032) over its manifest, which names the sha256 of what is loaded.

    models/<id>/manifest.json.sig    {"algorithm": "ed25519", "key": KEY ID, "signature": base64}
    a private key                    PEM, PKCS #8, mode 0600
    a public key                     PEM, SubjectPublicKeyInfo

What is signed is a line of our own and then the bytes of manifest.json, so that no signature made for something else
fits. Keys are those of `openssl genpkey -algorithm ed25519` too. A key id is the first 16 digits of the sha256 of the
raw public key.
"""

import base64
import binascii
import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from router.errors import BadInput
from router.frozen import dataclass

if TYPE_CHECKING:  # the library is loaded by those who sign or verify, and by nobody else
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = "manifest.json.sig"
ALGORITHM = "ed25519"
LARGEST_BYTES = 4_096
_PURPOSE = b"mailrouter model manifest, version 1\n"


class BadSignature(Exception):
    """A manifest is not signed by whom it must be; the text says why, without the file."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """raw: the 32 bytes."""

    raw: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()[:16]


def make(path: Path) -> PublicKey:
    """A new private key in `path`, 0600, its public one in `path`.pub. Raises BadInput; nothing is written over."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public_path = path.with_name(path.name + ".pub")
    for one, data, mode in ((path, private, 0o600), (public_path, public, 0o644)):
        try:
            descriptor = os.open(one, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        except OSError as error:
            if one is public_path:
                path.unlink()
            raise BadInput(f"{one}: the key cannot be written: {error.strerror}") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    return PublicKey(key.public_key().public_bytes_raw())


def read_public(path: Path) -> PublicKey:
    """Raises BadInput: it cannot be read, is no such key, or could be changed by others."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    data, mode, owner = _read(path, "public key")
    if owner not in (0, os.geteuid()):
        raise BadInput(f"{path}: belongs to user {owner}; a public key must belong to root or to the filter's user")
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadInput(f"{path}: others could change the public key; `chmod go-w` it")
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput(f"{path}: is no public Ed25519 key in PEM; `mailrouter models key FILE` makes a pair")
    return PublicKey(key.public_bytes_raw())


def _read_private(path: Path) -> "Ed25519PrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data, mode, _ = _read(path, "private key")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadInput(f"{path}: others can read the private key; mend it with: chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(
            f"{path}: is no private Ed25519 key in PEM without a password; `mailrouter models key FILE` makes a pair"
        )
    return key


def _read(path: Path, what: str) -> tuple[bytes, int, int]:
    """The bytes, the mode and the owner."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadInput(f"{path}: the {what} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise BadInput(f"{path}: the {what} is no plain file")
        return file.read(LARGEST_BYTES), found.st_mode, found.st_uid


def signed(manifest: bytes, key_file: Path) -> tuple[bytes, PublicKey]:
    """What goes into `manifest.json.sig`, and whose key it was. Raises BadInput."""
    key = _read_private(key_file)
    public = PublicKey(key.public_key().public_bytes_raw())
    value = base64.b64encode(key.sign(_PURPOSE + manifest)).decode()
    told = {"algorithm": ALGORITHM, "key": public.id, "signature": value}
    return json.dumps(told, indent=2).encode() + b"\n", public


def verify(manifest: bytes, signature: bytes, trusted: Sequence[PublicKey]) -> PublicKey:
    """The one of `trusted` that signed these bytes. signature: the content of `manifest.json.sig`. Raises
    BadSignature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        told = json.loads(signature)
        algorithm, key_id = told["algorithm"], str(told["key"])
        value = base64.b64decode(told["signature"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
        raise BadSignature("is no signature of a manifest") from None
    if algorithm != ALGORITHM:
        raise BadSignature(f'algorithm "{str(algorithm)[:40]}", expected {ALGORITHM}')
    for one in trusted:
        # the id in the file is a hint for people; what counts is the mathematics
        try:
            Ed25519PublicKey.from_public_bytes(one.raw).verify(value, _PURPOSE + manifest)
        except InvalidSignature:
            continue
        return one
    if key_id in {one.id for one in trusted}:
        raise BadSignature("is not the signature of this manifest; one of the two was changed")
    raise BadSignature(f"is by the key {key_id[:16]}, which is not trusted ({', '.join(one.id for one in trusted)})")
