"""Pseudonyms: keyed hashes by which the stores of the filter know addresses, Message-IDs and words, and nothing else.

The key lies beside the stores (`pseudonyms.key`, made at the first start, 0600). Whoever has a store without the key
learns nothing from it; whoever has both can look for one address that he knows, which is what `history --sender` does.
A new key makes all that was stored before nameless.
"""

import hashlib
import os
import secrets
import stat
from pathlib import Path

from router.errors import BadInput
from router.frozen import dataclass
from router.message.envelope import folded

NAME = "pseudonyms.key"
KEY_BYTES = 32
ADDRESS_BYTES = 12  # 96 bits: two addresses of one desk do not meet by chance
WORD_BYTES = 4  # a ticket has some hundred words: one in ten million is taken for another


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """One key, a purpose for each kind of thing, so that an address and a Message-ID never look alike."""

    key: bytes

    def address(self, address: str) -> bytes:
        """Of an address as it is compared: case folded, without `+detail`."""
        return self._of(b"address", folded(address), ADDRESS_BYTES)

    def participant(self, address: str) -> bytes:
        """Of an address with its `+detail`: who takes part in a ticket is told apart more strictly."""
        return self._of(b"participant", folded(address, keep_detail=True), ADDRESS_BYTES)

    def message_id(self, message_id: str) -> bytes:
        """Of a Message-ID with its brackets."""
        return self._of(b"message-id", message_id.strip(), ADDRESS_BYTES)

    def word(self, word: str) -> bytes:
        return self._of(b"word", word, WORD_BYTES)

    def _of(self, purpose: bytes, text: str, size: int) -> bytes:
        return hashlib.blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=size, key=self.key, person=purpose
        ).digest()


def open_key(folder: Path) -> Pseudonyms:
    """The key of a state directory, made when there is none. Raises `BadInput`."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read_key(folder)
    except OSError as error:
        raise BadInput(f"{path}: the key of the stores cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid)
    return read_key(folder)


def read_key(folder: Path) -> Pseudonyms:
    """The key of a state directory. Raises `BadInput` when it is not there or can be read by others."""
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise BadInput(f"{path}: the key of the stores cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(file.fileno()).st_mode & (stat.S_IRWXO | stat.S_IRWXG):
            raise BadInput(f"{path}: others can read the key of the stores; mend it with: chmod 600 {path}")
        written = file.read(1_024).strip()
    try:
        key = bytes.fromhex(written.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadInput(f"{path}: is no key; remove it, and what was stored before is nameless from then on")
    return Pseudonyms(key)
