"""One secret of the site, and the keys derived from it: one a purpose, so that no mac can be used for another."""

import hashlib
import hmac
import os
import stat
from pathlib import Path

from router.errors import BadInput
from router.frozen import dataclass

MIN_SECRET_BYTES = 16
MAX_SECRET_BYTES = 4_096


class BadKey(BadInput):
    """The key file cannot be used."""


@dataclass(frozen=True, slots=True)
class Keys:
    """token: of intents. once: of idempotency keys. address: of what the store keeps of an address. ids: of our
    Message-IDs. loop: the instance id in the loop field, which is no secret."""

    token: bytes
    once: bytes
    address: bytes
    ids: bytes
    loop: str

    @classmethod
    def of(cls, secret: bytes) -> "Keys":
        def derived(purpose: bytes) -> bytes:
            return hmac.new(secret, b"mailrouter acknowledge " + purpose, hashlib.sha256).digest()

        return cls(
            derived(b"token"), derived(b"once"), derived(b"address"), derived(b"ids"), derived(b"loop").hex()[:16]
        )


def read_keys(path: Path) -> Keys:
    """The keys of the secret in a file. Raises BadKey."""
    return Keys.of(read_secret(path))


def read_secret(path: Path) -> bytes:
    """The secret in a file: at least MIN_SECRET_BYTES of it, white space round it does not count. Others must not be
    able to read it. Raises BadKey."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise BadKey(
            f"{path}: the key cannot be read ({error.strerror});"
            f" make one with: (umask 077; openssl rand -hex 32 > {path})"
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BadKey(f"{path}: the key is no regular file")
        if status.st_mode & 0o007:
            raise BadKey(f"{path}: others can read the key; say chmod o-rwx {path}")
        secret = file.read(MAX_SECRET_BYTES).strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise BadKey(
            f"{path}: the key has {len(secret)} bytes and needs {MIN_SECRET_BYTES}; openssl rand -hex 32 > {path}"
        )
    return secret


def mac(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA-256 over the parts, each with its length in front, so that no two lists of parts give the same."""
    return hmac.new(key, b"".join(len(part).to_bytes(8, "big") + part for part in parts), hashlib.sha256).digest()
