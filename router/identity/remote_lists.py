"""Lists that have to be waited for: a database, a CSV on the web, a Python function. Asked by the look-up process only.

Each answers as a list on file does: the value, None (the key is not in it), or `Unknown` with the reason.

- `sql` with `dsn_file`: `sqlite:///var/lib/desk.db` by the standard library, read-only; `postgresql://…` by psycopg
  (`pip install "mailrouter[postgres]"`). The first column; of several rows joined by ", ", as a contact of several
  contracts has them. An answer is used for a minute, then asked for
  again; when that fails, an answer that is not older than `max_age` still counts.
- `url`: a CSV over https, fetched whole when the rules are loaded and every five minutes (with a shorter `max_age`,
  twice in that time). No redirects. While it is fetched anew the old rows answer, until they are older than `max_age`.
- `lookup: package.module:function`: called with the key; gives a text, None, or a bool. May be `async`. In a thread
  otherwise, at most four at a time: a function that hangs costs unknowns, never the process.
"""

import asyncio
import collections
import http.client
import importlib
import inspect
import ipaddress
import re
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TypeAlias

from router.frozen import dataclass
from router.identity.contacts import MAX_FILE_BYTES, Unusable, compared, parsed
from router.logic import Unknown, unknown

FRESH_S = 60.0
REFRESH_S = 300.0
RETRY_S = 10.0
MAX_KEPT = 10_000
MAX_THREADS = 4
MAX_ROWS = 50
_KEY = re.compile(r"(?<!:):key\b")

Value: TypeAlias = "str | Unknown | None"


@dataclass(frozen=True, slots=True)
class RemoteList:
    """kind: sql, url or lookup. of: the SELECT, the address, the entry point. path: of the DSN file. key, value:
    columns of the CSV. max_age_s: None: an old answer is as good."""

    name: str
    kind: str
    of: str
    timeout_s: float
    path: str = ""
    key: str = ""
    value: str | None = None
    max_age_s: float | None = None


@dataclass(slots=True)
class _Kept:
    value: str | None
    at: float


@dataclass(slots=True)
class _Table:
    """What was last fetched. at: when, None: never. why: the last attempt failed."""

    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at: float | None = None
    tried_at: float = float("-inf")
    why: str = ""
    fetching: "asyncio.Task[None] | None" = None


class RemoteLists:
    """The lists of one rules file. Belongs to one event loop. counters: asked, cached, failed, fetched."""

    def __init__(self, lists: Iterable[RemoteList], clock: Callable[[], float] = time.monotonic) -> None:
        self.lists = {one.name: one for one in lists}
        self.counters: collections.Counter[str] = collections.Counter()
        self._clock = clock
        self._kept: collections.OrderedDict[tuple[str, str], _Kept] = collections.OrderedDict()
        self._tables = {name: _Table() for name, one in self.lists.items() if one.kind == "url"}
        self._threads = {name: asyncio.Semaphore(MAX_THREADS) for name in self.lists}

    def begin(self) -> None:
        """Fetch what is fetched whole, so that the first mail need not wait for it."""
        for name in self._tables:
            self._fetching(self.lists[name])

    async def look_up(self, name: str, key: str, within_s: float) -> Value:
        """within_s: what is left of the mail's time; the list's own `timeout` may be shorter. Never raises."""
        one = self.lists[name]
        wait_s = min(within_s, one.timeout_s)
        if one.kind == "url":
            return await self._from_table(one, compared(key), wait_s)
        place = (name, key)
        kept = self._kept.get(place)
        now = self._clock()
        fresh_s = FRESH_S if one.max_age_s is None else min(FRESH_S, one.max_age_s)
        if kept is not None and now - kept.at < fresh_s:
            self.counters["cached"] += 1
            return kept.value
        self.counters["asked"] += 1
        try:
            value = await asyncio.wait_for(self._asked(one, key, wait_s), wait_s)
        except TimeoutError:
            why = "timed out"
        except Unusable as error:
            why = str(error)
        else:
            self._kept[place] = _Kept(value, self._clock())
            self._kept.move_to_end(place)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return value
        self.counters["failed"] += 1
        if kept is not None and one.max_age_s is not None and now - kept.at <= one.max_age_s:
            return kept.value
        return unknown(f"{name}: {why}")

    def _asked(self, one: RemoteList, key: str, wait_s: float) -> Awaitable[str | None]:
        if one.kind == "sql":
            return self._in_thread(one, lambda: _by_sql(one, key, wait_s))
        return self._by_function(one, key)

    # ------------------------------------------------------------------------------------------------------- a table

    async def _from_table(self, one: RemoteList, key: str, wait_s: float) -> Value:
        table = self._tables[one.name]
        refresh_s = REFRESH_S if one.max_age_s is None else min(REFRESH_S, one.max_age_s / 2)
        if table.at is None or self._clock() - table.at >= refresh_s:
            fetching = self._fetching(one)
            if fetching is not None and not self._usable(one, table):
                try:
                    await asyncio.wait_for(asyncio.shield(fetching), wait_s)
                except TimeoutError:
                    return unknown(f"{one.name}: timed out")
        if self._usable(one, table):
            values = table.rows.get(key)
            return _joined(values) if values else None
        return unknown(f"{one.name}: {table.why or 'too old'}")

    def _usable(self, one: RemoteList, table: _Table) -> bool:
        return table.at is not None and (one.max_age_s is None or self._clock() - table.at <= one.max_age_s)

    def _fetching(self, one: RemoteList) -> "asyncio.Task[None] | None":
        table = self._tables[one.name]
        if table.fetching is None and self._clock() - table.tried_at >= RETRY_S:
            table.tried_at = self._clock()
            table.fetching = asyncio.get_running_loop().create_task(self._fetch(one, table))
        return table.fetching

    async def _fetch(self, one: RemoteList, table: _Table) -> None:
        began = self._clock()
        try:
            table.rows = await self._in_thread(
                one, lambda: parsed(fetched(one.of, one.timeout_s, "text/csv, */*"), one.key, one.value)
            )
            table.at, table.why = began, ""
            self.counters["fetched"] += 1
        except Unusable as error:
            table.why = str(error)
            self.counters["failed"] += 1
        finally:
            table.fetching = None

    # --------------------------------------------------------------------------------------------------- a function

    async def _by_function(self, one: RemoteList, key: str) -> str | None:
        function = _function(one.of)
        try:
            if inspect.iscoroutinefunction(function):
                answer = await function(key)
            else:
                answer = await self._in_thread(one, lambda: function(key))
        except (Unusable, TimeoutError, asyncio.CancelledError):
            raise
        except Exception as error:  # the site's own code, which may raise anything
            raise Unusable(f"{one.of} failed: {type(error).__name__}: {error}"[:300]) from None
        if answer is None or answer is False:
            return None
        if answer is True:
            return ""
        if isinstance(answer, str):
            return answer
        raise Unusable(f"{one.of} gave {type(answer).__name__}; a text, None or a bool is expected")

    async def _in_thread(self, one: RemoteList, work: Callable[[], Any]) -> Any:
        """In a daemon thread, which may outlive the wait for it: its place is taken until it returns."""
        places = self._threads[one.name]
        await places.acquire()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: Exception | None) -> None:
            places.release()
            if not done.done():
                if error is None:
                    done.set_result(result)
                else:
                    done.set_exception(error)

        def run() -> None:
            result, error = None, None
            try:
                result = work()
            except Exception as raised:  # handed over to whoever waits
                error = raised
            try:
                loop.call_soon_threadsafe(settle, result, error)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
                pass

        threading.Thread(target=run, daemon=True, name=f"list {one.name}").start()
        return await done


def _function(entry_point: str) -> Callable[[str], Any]:
    module, _, name = entry_point.partition(":")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # importing the site's own code may raise anything
        raise Unusable(f"{entry_point} cannot be had: {type(error).__name__}: {error}"[:300]) from None
    if not callable(found):
        raise Unusable(f"{entry_point} is no function")
    return found


# --------------------------------------------------------------------------------------------------------- databases


def _by_sql(one: RemoteList, key: str, wait_s: float) -> str | None:
    dsn = _dsn(Path(one.path))
    if dsn.startswith("sqlite:"):
        rows = _from_sqlite(dsn.removeprefix("sqlite:").removeprefix("//"), one.of, key, wait_s)
    else:
        rows = _from_postgres(dsn, one.of, key, wait_s)
    return _joined("" if row[0] is None else str(row[0]) for row in rows) if rows else None


def _joined(values: Iterable[str]) -> str:
    return ", ".join(value for value in dict.fromkeys(values) if value)


def _dsn(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
        open_to_all = path.stat().st_mode & 0o007
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from None
    if text.startswith(("postgresql://", "postgres://")):
        if open_to_all:
            raise Unusable(f"{path} can be read by everybody: chmod 640, it holds a password")
        return text
    if text.startswith("sqlite:"):
        return text
    raise Unusable(f"{path}: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE is expected")


def _from_sqlite(path: str, sql: str, key: str, wait_s: float) -> Any:
    ends_at = time.monotonic() + wait_s
    try:
        connection = sqlite3.connect(f"file:{urllib.parse.quote(path)}?mode=ro", uri=True, timeout=wait_s)
        try:
            connection.set_progress_handler(lambda: time.monotonic() > ends_at, 10_000)
            return connection.execute(sql, {"key": key}).fetchmany(MAX_ROWS)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise Unusable(f"{path}: {error}") from None


def _from_postgres(dsn: str, sql: str, key: str, wait_s: float) -> Any:
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError:
        raise Unusable('psycopg is not installed: pip install "mailrouter[postgres]"') from None
    options = f"-c statement_timeout={max(1, int(wait_s * 1000))} -c default_transaction_read_only=on"
    try:
        with psycopg.connect(dsn, connect_timeout=max(1, int(wait_s)), options=options, autocommit=True) as connection:
            return connection.execute(_KEY.sub("%(key)s", sql.replace("%", "%%")), {"key": key}).fetchmany(MAX_ROWS)
    except psycopg.Error as error:
        raise Unusable(" ".join(str(error).split())[:200]) from None


# --------------------------------------------------------------------------------------------------------------- https


def fetched(address: str, timeout_s: float, accept: str) -> bytes:
    """What an https address gives, at most MAX_FILE_BYTES; http to loopback only. timeout_s: for each answer of the
    server, ten times as much for all. accept: what is asked for. Raises Unusable."""
    try:
        parts = urllib.parse.urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise Unusable(f"{address}: {error}") from None
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise Unusable(f"{address}: only https")
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(host, port, timeout=timeout_s)
    ends_at = time.monotonic() + 10 * timeout_s
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"User-Agent": "mailrouter", "Accept": accept})
        with connection.getresponse() as response:
            if response.status != 200:
                raise Unusable(f"{host} answered {response.status} {response.reason}")
            data = bytearray()
            while chunk := response.read(65_536):
                data += chunk
                if len(data) > MAX_FILE_BYTES:
                    raise Unusable(f"{host} sends more than {MAX_FILE_BYTES >> 20} MiB")
                if time.monotonic() > ends_at:
                    raise Unusable(f"{host} sends too slowly")
            return bytes(data)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unusable(f"{host}: {getattr(error, 'strerror', None) or error or type(error).__name__}") from None
    finally:
        connection.close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
