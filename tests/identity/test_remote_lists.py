"""Lists by SQL, https and Python: three answers, in time, and never an old one for longer than it may be."""

import asyncio
import http.server
import sqlite3
import sys
import threading
import time
import types

import pytest

from router.identity.remote_lists import MAX_THREADS, RemoteList, RemoteLists
from router.logic import Unknown

OLENA = "olena@customer.example"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def asking():
    """`asking(list, clock)` gives a function that asks for a key, the lists, and the runner of their event loop."""
    runners = []

    def make(one: RemoteList, clock: Clock | None = None):
        runner = asyncio.Runner()
        runners.append(runner)
        lists = runner.run(_made(one, clock or Clock()))

        def ask(key: str = OLENA, within_s: float = 5.0) -> str | None:
            answer = runner.run(lists.look_up(one.name, key, within_s))
            return f"unknown: {'; '.join(answer.causes)}" if isinstance(answer, Unknown) else answer

        return ask, lists, runner

    yield make
    for runner in runners:
        runner.close()


async def _made(one: RemoteList, clock: Clock) -> RemoteLists:
    return RemoteLists([one], clock)


# ---------------------------------------------------------------------------------------------------- a database


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "a desk.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE contacts (address TEXT, contract TEXT)")
        rows = [(OLENA, "104455"), (OLENA, "104999"), ("petro@customer.example", None)]
        connection.executemany("INSERT INTO contacts VALUES (?, ?)", rows)
    connection.close()
    (tmp_path / "dsn").write_text(f"sqlite://{path}\n")
    return path


def sql(database, select: str = "SELECT contract FROM contacts WHERE address = :key", **more) -> RemoteList:
    return RemoteList("contacts", "sql", select, more.pop("timeout_s", 1.0), str(database.parent / "dsn"), **more)


def test_sql_gives_the_first_column_of_its_rows(asking, database):
    ask, _, _ = asking(sql(database))
    assert [ask(), ask("petro@customer.example"), ask("x@y.example"), ask("' OR 1=1 --")] == [
        "104455, 104999",
        "",
        None,
        None,
    ]


def test_sql_cannot_write(asking, database):
    ask, _, _ = asking(sql(database, "SELECT 1 WHERE :key IN (SELECT 1)"))
    assert ask() is None
    ask, _, _ = asking(sql(database, "DELETE FROM contacts WHERE address = :key"))
    assert "readonly" in ask()


def test_an_answer_of_a_minute_is_not_asked_for_again(asking, database):
    clock = Clock()
    ask, lists, _ = asking(sql(database), clock)
    assert [ask(), ask()] == ["104455, 104999", "104455, 104999"] and lists.counters["asked"] == 1
    clock.now += 61
    assert ask() == "104455, 104999" and lists.counters["asked"] == 2


@pytest.mark.parametrize(
    ("max_age_s", "after_s", "expected"), [(None, 61, None), (600, 61, "104455, 104999"), (600, 601, None)]
)
def test_when_the_database_is_gone_an_answer_counts_until_max_age(asking, database, max_age_s, after_s, expected):
    clock = Clock()
    ask, _, _ = asking(sql(database, max_age_s=max_age_s), clock)
    assert ask() == "104455, 104999"
    database.unlink()
    clock.now += after_s
    answer = ask()
    assert answer == expected or (expected is None and answer.startswith("unknown: contacts:"))


def test_a_query_without_end_is_ended(asking, database):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n WHERE :key = :key"
    ask, _, _ = asking(sql(database, endless, timeout_s=0.2))
    assert ask().startswith("unknown: contacts:")


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        (None, "No such file"),
        ("mysql://a", "sqlite:///PATH or postgresql://"),
        ("", "sqlite:///PATH or postgresql://"),
        ("sqlite:///nowhere/desk.db", "unable to open"),
        ("postgresql://a:b@c/d", "psycopg is not installed"),
    ],
)
def test_a_dsn_file_that_cannot_be_used_is_said(asking, database, dsn, said):
    path = database.parent / "dsn"
    path.unlink() if dsn is None else path.write_text(dsn)
    if dsn is not None:
        path.chmod(0o640)
    ask, _, _ = asking(sql(database))
    assert said in ask()


def test_a_password_that_everybody_can_read_is_refused(asking, database):
    path = database.parent / "dsn"
    path.write_text("postgresql://a:b@c/d")
    path.chmod(0o644)
    ask, _, _ = asking(sql(database))
    assert "chmod 640" in ask()


def test_postgresql_is_asked_read_only_and_in_time(asking, database, monkeypatch):
    """psycopg is not among our dependencies: a stand-in shows what it would be told."""
    told = []

    class Connection:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def execute(self, *query):
            told.append(query)
            return self

        def fetchmany(self, _):
            return [(104455,)]

    def connect(*arguments, **options):
        told.append((arguments, options))
        return Connection()

    monkeypatch.setitem(sys.modules, "psycopg", types.SimpleNamespace(connect=connect, Error=OSError))
    path = database.parent / "dsn"
    path.write_text("postgresql://desk@db.example/desk")
    path.chmod(0o600)
    ask, _, _ = asking(sql(database, "SELECT a::text FROM c WHERE b = :key AND d LIKE '%x'"))
    assert ask() == "104455"
    assert "statement_timeout=1000" in told[0][1]["options"] and "read_only=on" in told[0][1]["options"]
    assert told[1] == ("SELECT a::text FROM c WHERE b = %(key)s AND d LIKE '%%x'", {"key": OLENA})


# ---------------------------------------------------------------------------------------------------- the web


class Web:
    """An HTTP server on loopback. status, body: what it says. delay_s: how long it takes."""

    def __init__(self) -> None:
        self.status, self.body, self.delay_s, self.asked = (
            200,
            b"Email,Contract\nolena@customer.example,104455\n",
            0.0,
            0,
        )
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked += 1
                time.sleep(web.delay_s)
                self.send_response(web.status)
                self.send_header("Location", "http://elsewhere.example/")
                self.end_headers()
                self.wfile.write(web.body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def list(self, **more) -> RemoteList:
        url = more.pop("url", f"http://127.0.0.1:{self.server.server_port}/contacts.csv?x=1")
        timeout_s = more.pop("timeout_s", 2.0)
        return RemoteList("contacts", "url", url, timeout_s, key="email", value="contract", **more)


@pytest.fixture
def web():
    one = Web()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_a_csv_on_the_web_is_fetched_once_for_many_keys(asking, web):
    ask, _, _ = asking(web.list())
    assert [ask(), ask("OLENA@Customer.Example"), ask("x@y.example")] == ["104455", "104455", None] and web.asked == 1


def test_it_is_fetched_again_after_five_minutes_while_the_old_rows_answer(asking, web):
    clock = Clock()
    ask, lists, runner = asking(web.list(), clock)
    assert ask() == "104455"
    web.body = b"email,contract\n" + OLENA.encode() + b",7\n"
    clock.now += 301
    assert ask() == "104455"

    async def fetched():
        while lists.counters["fetched"] < 2:
            await asyncio.sleep(0.01)

    runner.run(fetched())
    assert ask() == "7"


def test_rows_older_than_max_age_answer_nothing(asking, web):
    clock = Clock()
    ask, _, _ = asking(web.list(max_age_s=600), clock)
    assert ask() == "104455"
    web.status = 500
    clock.now += 400
    assert ask() == "104455"
    clock.now += 250
    assert ask() == "unknown: contacts: 127.0.0.1 answered 500 Internal Server Error"
    ask()
    before = web.asked
    assert ask().startswith("unknown") and web.asked == before  # not at every mail
    web.status = 200
    clock.now += 11
    assert ask() == "104455"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 302}, "answered 302"),
        ({"status": 404}, "answered 404"),
        ({"body": b"name,x\n"}, 'no single column "email"'),
        ({"body": b"\xff\xfe"}, "not UTF-8"),
        ({"delay_s": 1.0}, "timed out"),
    ],
)
def test_what_is_no_list_is_said(asking, web, change, said):
    for name, value in change.items():
        setattr(web, name, value)
    ask, _, _ = asking(web.list(timeout_s=0.3 if "delay_s" in change else 2.0))
    assert said in ask()


def test_only_https_leaves_the_host(asking, web):
    ask, _, _ = asking(web.list(url="http://contacts.example/list.csv"))
    assert ask() == "unknown: contacts: http://contacts.example/list.csv: only https"


def test_the_first_mail_need_not_wait_when_the_list_was_fetched_before(asking, web):
    ask, lists, runner = asking(web.list())

    async def begun():
        lists.begin()
        while not lists.counters["fetched"]:
            await asyncio.sleep(0.01)

    runner.run(begun())
    assert ask(within_s=0.001) == "104455" and web.asked == 1


# ---------------------------------------------------------------------------------------------------- a function


@pytest.fixture
def site(monkeypatch):
    """A module of the site's own."""
    module = types.ModuleType("site_lists")

    async def later(key: str) -> str:
        return key.upper()

    def hangs(key: str) -> str:
        time.sleep(1.0)
        return key

    def fails(key: str) -> str:
        raise KeyError(key)

    answers = {"text": "104455", "nothing": None, "yes": True, "no": False, "number": 7}
    for name, value in answers.items():
        setattr(module, name, lambda key, value=value: value)
    module.later, module.hangs, module.fails, module.value = later, hangs, fails, 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "site_lists", module)


def function(name: str, timeout_s: float = 2.0) -> RemoteList:
    return RemoteList("contacts", "lookup", name if ":" in name else f"site_lists:{name}", timeout_s)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("text", "104455"),
        ("nothing", None),
        ("yes", ""),
        ("no", None),
        ("later", OLENA.upper()),
        ("number", "unknown: contacts: site_lists:number gave int; a text, None or a bool is expected"),
        ("fails", f"unknown: contacts: site_lists:fails failed: KeyError: '{OLENA}'"),
        ("value", "unknown: contacts: site_lists:value is no function"),
        ("none", None),
        ("no_such_module:f", None),
    ],
)
def test_functions(asking, site, name, expected):
    ask, _, _ = asking(function(name))
    answer = ask()
    if name in ("none", "no_such_module:f"):
        assert "cannot be had" in answer
    else:
        assert answer == expected


def test_a_function_that_hangs_costs_unknowns_and_no_more_than_its_threads(asking, site):
    ask, _, _ = asking(function("hangs", 0.05))
    before = threading.active_count()
    for number in range(MAX_THREADS + 4):
        assert ask(f"{number}") == "unknown: contacts: timed out"
    assert threading.active_count() - before <= MAX_THREADS
