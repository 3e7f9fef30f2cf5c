"""Header fields: raw bytes beside the decoded text, looked up by name in any letter case."""

from collections.abc import Iterator
from functools import cached_property


class HeaderFields:
    """The fields of one message, in order. Decoding happens when asked and never raises."""

    def __init__(self, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        self._fields = fields

    @cached_property
    def _by_name(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for name, body in self._fields:
            found.setdefault(name.decode("latin-1").strip().lower(), []).append(body)
        return found

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self._fields)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def raw(self, name: str) -> tuple[bytes, ...]:
        """Every body of the fields called `name`, as received."""
        return tuple(self._by_name.get(name.lower(), ()))

    def all(self, name: str) -> tuple[str, ...]:
        """Every body of the fields called `name`, unfolded and decoded (RFC 2047, broken encoded words, raw 8-bit)."""
        return tuple(decoded(body) for body in self.raw(name))

    def first(self, name: str) -> str:
        """The first of them, or ""."""
        bodies = self.raw(name)
        return decoded(bodies[0]) if bodies else ""


def decoded(body: bytes) -> str:
    """A field body as text for people."""
    return body.decode("utf-8", "replace").replace("\r", "").replace("\n", "").strip()
