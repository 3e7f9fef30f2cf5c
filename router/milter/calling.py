"""The MTA's end of a connection to a filter: packets out in one write, packets in, and what went wrong."""

import asyncio
from collections import deque

from router.milter.applied import FilterFailed
from router.milter.commands import Command
from router.milter.listen import Place
from router.milter.packets import MAX_PACKET_BYTES, PacketReader


class Call:
    """One connection. Commands are kept until an answer is waited for, as MTAs do. failed: why nothing can be said any
    more, or ""; every method raises FilterFailed then."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        timeout_s: float,
        write_bytes: int | None = None,
    ) -> None:
        self.failed = ""
        self._reader, self._writer = reader, writer
        self._timeout_s = timeout_s
        self._write_bytes = write_bytes
        self._out: list[bytes] = []
        self._packets: deque[tuple[int, bytes]] = deque()
        self._framing = PacketReader(MAX_PACKET_BYTES)

    @classmethod
    async def to(cls, where: Place, *, timeout_s: float, write_bytes: int | None = None) -> "Call":
        """Connect. Raises FilterFailed."""
        try:
            async with asyncio.timeout(timeout_s):
                if where.kind == "unix":
                    reader, writer = await asyncio.open_unix_connection(where.path)
                else:
                    reader, writer = await asyncio.open_connection(where.host, where.port)
        except TimeoutError:
            raise FilterFailed(f"no connection in {timeout_s:g} s") from None
        except OSError as error:
            raise FilterFailed(f"cannot connect: {error.strerror or error}") from None
        return cls(reader, writer, timeout_s=timeout_s, write_bytes=write_bytes)

    @property
    def unread(self) -> bool:
        """The filter has said more than was asked."""
        return bool(self._packets or self._framing.held_bytes)

    def fail(self, why: str) -> FilterFailed:
        """From now on nothing can be said. Returns what to raise."""
        self.failed = why
        return FilterFailed(why)

    def put(self, command: Command, data: bytes = b"") -> None:
        self._out.append((len(data) + 1).to_bytes(4, "big") + bytes((command,)) + data)

    async def flush(self) -> None:
        """Write what was put, in pieces if so wished."""
        if self.failed:
            raise FilterFailed(self.failed)
        data = b"".join(self._out)
        self._out.clear()
        size = self._write_bytes or len(data) or 1
        try:
            for at in range(0, len(data), size):
                self._writer.write(data[at : at + size])
                if size < len(data):
                    await asyncio.sleep(0)
            await self._writer.drain()
        except OSError as error:
            raise self.fail(f"the filter closed the connection: {error}") from None

    async def read(self) -> tuple[int, bytes]:
        """The next answer."""
        await self.flush()
        while not self._packets:
            try:
                async with asyncio.timeout(self._timeout_s):
                    data = await self._reader.read(65_536)
            except TimeoutError:
                raise self.fail(f"no answer in {self._timeout_s:g} s") from None
            except OSError as error:
                raise self.fail(f"the filter closed the connection: {error}") from None
            if not data:
                raise self.fail("the filter closed the connection")
            self._packets.extend(self._framing.receive(data))
            if self._framing.broken and not self._packets:
                raise self.fail(str(self._framing.broken))
        return self._packets.popleft()

    def abandon(self) -> None:
        """Drop the connection at once."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Never raises."""
        try:
            await self.flush()
        except FilterFailed:
            pass  # it is gone, which is what was wanted
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # the same
