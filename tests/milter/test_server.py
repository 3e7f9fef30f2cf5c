"""The front on real sockets: no fault of ours closes a connection, and no peer can use it up."""

import asyncio
import contextlib
import os
import resource
import socket
import stat
import time
from dataclasses import replace

import pytest

from router.errors import BadInput
from router.milter import responses
from router.milter.commands import Command
from router.milter.edits import stripped
from router.milter.listen import BadListen, place
from router.milter.server import Front, Limits
from router.milter.simulator import POSTFIX, SENDMAIL, FilterFailed, Mta, Transaction

from .making import command, optneg

MAIL = Transaction(
    b"<olena@customer.example>",
    (b"<bill@desk.example>",),
    b"Subject: invoice\r\nX-Desk-Queue: forged\r\nx-desk-queue: forged\r\n\r\nHello\r\n",
)
LOOPBACK = "inet:0@127.0.0.1"


async def accept(raw, offer):
    return stripped(raw, offer)


@contextlib.asynccontextmanager
async def front(decide=accept, spec=LOOPBACK, prefix="X-Desk-", begin=None, **limits):
    log = []
    made = Front(
        decide,
        begin=begin,
        prefix=lambda: prefix,
        log=lambda event, **values: log.append(event),
        limits=Limits(**limits),
    )
    made.logged = log
    await made.listen(spec)
    try:
        yield made
    finally:
        await made.close()


def run(work):
    asyncio.run(asyncio.wait_for(work(), 20))


@contextlib.asynccontextmanager
async def peer(made):
    """A bare connection to a front."""
    where = place(made.addresses[0])
    reader, writer = await asyncio.open_connection(where.host, where.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def until(condition):
    for _ in range(12_000):  # a minute: how long it takes is the machine's affair
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")


# ---------------------------------------------------------------------- mail


@pytest.mark.parametrize("manner", [POSTFIX, SENDMAIL], ids=lambda one: one.name)
@pytest.mark.parametrize("write_bytes", [None, 1, 7])
@pytest.mark.parametrize("kind", ["inet", "unix"])
def test_mail_after_mail_on_one_connection(manner, write_bytes, kind, tmp_path):
    """Both MTAs, over TCP and a unix socket, whole and in small pieces, with mails given up in between."""

    async def work():
        seen = []

        async def decide(raw, offer):
            seen.append(raw)
            return stripped(raw, offer)

        async with front(decide, LOOPBACK if kind == "inet" else f"unix:{tmp_path}/s") as made:
            how = replace(manner, write_bytes=write_bytes)
            async with await Mta.connect(made.addresses[0], manner=how) as mta:
                for number in range(3):
                    mail = replace(MAIL, sender=b"<%d@customer.example>" % number, queue_id=b"Q%d" % number)
                    await mta.abandon(replace(mail, sender=b"<gone@customer.example>"), Command.HEADER)
                    outcome = await mta.exchange(mail)
                    assert outcome.delivered
                    assert outcome.message == b"Subject: invoice\r\n\r\nHello\r\n"
                    assert (seen[-1].envelope.sender, seen[-1].envelope.queue_id) == (mail.sender, f"Q{number}")
            assert len(seen) == 3
            await until(lambda: made.connections == 0)

    run(work)


def test_a_body_of_ten_megabytes_is_sent_only_in_part():
    async def work():
        async with front() as made, await Mta.connect(made.addresses[0]) as mta:
            outcome = await mta.exchange(replace(MAIL, message=b"Subject: x\n\n" + (b"x" * 900 + b"\n") * 11_000))
            assert outcome.sent_body_bytes == 4 * 65_535
            assert made.counters["bytes"] < 300_000

    run(work)


def test_an_exception_of_ours_becomes_a_degraded_answer_and_the_next_mail_is_decided():
    async def work():
        wrong = [True]

        async def decide(raw, offer):
            if wrong.pop() if wrong else False:
                raise KeyError("secret text of the mail")
            return stripped(raw, offer)

        async with front(decide) as made, await Mta.connect(made.addresses[0]) as mta:
            first, second = [await mta.exchange(MAIL) for _ in range(2)]
            assert first.added_fields == ((b"X-Desk-Degraded", b"exception; KeyError"),)
            assert b"forged" not in first.message
            assert second.added_fields == ()
            assert made.counters["degraded-exception"] == 1
            assert "decide-failed" in made.logged

    run(work)


@pytest.mark.parametrize(
    "packets",
    [b"", b"nonsense", responses.ACCEPT * 2, responses.SKIP, responses.add_header("A", "v", leading_space=True)],
)
def test_an_answer_that_is_none_becomes_a_degraded_one(packets):
    """A worker that writes half an answer must not cost the connection."""

    async def work():
        async def decide(raw, offer):
            return packets

        async with front(decide) as made, await Mta.connect(made.addresses[0]) as mta:
            for _ in range(2):
                outcome = await mta.exchange(MAIL)
                assert outcome.added_fields == ((b"X-Desk-Degraded", b"exception; BadAnswer"),)

    run(work)


class Begun:
    """What `begin` was asked, to be answered by hand."""

    def __init__(self):
        self.asked = []
        self.cancelled = 0

    def __call__(self, raw, offer, answered, failed):
        self.asked.append((answered, failed))
        return self

    def cancel(self):
        self.cancelled += 1


@pytest.mark.parametrize("packets", [responses.TEMPFAIL, b"nonsense", KeyError("secret text of the mail")])
def test_without_a_task_a_mail_is_answered_alike(packets):
    """Answered, answered with nonsense, or failed."""

    async def work():
        begun = Begun()
        async with front(begin=begun) as made, await Mta.connect(made.addresses[0]) as mta:
            for _ in range(2):
                asking = asyncio.create_task(mta.exchange(MAIL))
                await until(lambda: begun.asked)
                answered, failed = begun.asked.pop()
                (failed if isinstance(packets, Exception) else answered)(packets)
                outcome = await asking
                if packets == responses.TEMPFAIL:
                    assert outcome.reply == "tempfail"
                else:
                    why = b"KeyError" if isinstance(packets, Exception) else b"BadAnswer"
                    assert outcome.added_fields == ((b"X-Desk-Degraded", b"exception; " + why),)
            assert begun.cancelled == 0

    run(work)


def test_a_decision_that_cannot_begin_costs_neither_its_mail_nor_the_many_behind_it():
    """Thousands in one read are answered one after the other, not each inside the one before it."""

    async def work():
        def begin(raw, offer, answered, failed):
            raise KeyError("secret text of the mail")

        async with front(begin=begin) as made, peer(made) as (reader, writer):
            mail = command(Command.MAIL, b"<a@b>\0") + command(Command.BODYEOB)
            writer.write(optneg() + mail * 3_000)
            reading = asyncio.create_task(reader.read(-1))
            await until(lambda: made.counters["degraded-exception"] == 3_000)
            assert made.connections == 1
            writer.write(command(Command.QUIT))
            answers = await reading
            assert answers.count(b"exception; KeyError") == 3_000

    run(work)


@pytest.mark.parametrize("goes", ["hangs up", "ABORT", "QUIT"])
def test_without_a_task_too_a_decision_that_nobody_waits_for_is_cancelled(goes):
    async def work():
        begun = Begun()
        async with front(begin=begun) as made, peer(made) as (_, writer):
            writer.write(optneg() + command(Command.MAIL, b"<a@b>\0") + command(Command.BODYEOB))
            await until(lambda: begun.asked)
            if goes == "hangs up":
                writer.transport.abort()
            else:
                writer.write(command(Command[goes]))
            await until(lambda: begun.cancelled == 1)

    run(work)


def test_every_mail_of_a_connection_has_its_whole_time():
    """The timer that was set for the first rings while the second has begun but is not late."""

    async def work():
        begun = Begun()
        async with front(begin=begun, answer_s=0.4) as made, await Mta.connect(made.addresses[0]) as mta:
            asking = asyncio.create_task(mta.exchange(MAIL))
            await until(lambda: begun.asked)
            await asyncio.sleep(0.3)
            begun.asked.pop()[0](responses.ACCEPT)
            assert (await asking).added_fields == ()
            for _ in range(2):
                before = time.monotonic()
                outcome = await mta.exchange(MAIL)
                assert outcome.added_fields == ((b"X-Desk-Degraded", b"deadline; not decided within 0.4 s"),)
                assert time.monotonic() - before > 0.39
            for answered, _ in begun.asked:
                answered(responses.TEMPFAIL)
            assert (made.counters["degraded-deadline"], made.counters["late"], begun.cancelled) == (2, 2, 0)

    run(work)


def test_a_decision_that_comes_too_late_is_replaced_and_then_dropped():
    async def work():
        slow = asyncio.Event()

        async def decide(raw, offer):
            if raw.envelope.queue_id == "SLOW":
                await slow.wait()
                raise RuntimeError("too late to matter")
            return responses.TEMPFAIL

        async with front(decide, answer_s=0.05) as made, await Mta.connect(made.addresses[0]) as mta:
            outcome = await mta.exchange(replace(MAIL, queue_id=b"SLOW"))
            assert outcome.added_fields == ((b"X-Desk-Degraded", b"deadline; not decided within 0.05 s"),)
            slow.set()
            await until(lambda: "decide-failed" in made.logged)
            assert (made.counters["degraded-deadline"], made.counters["degraded-exception"]) == (1, 0)
            assert (await mta.exchange(replace(MAIL, queue_id=b"QUICK"))).reply == "tempfail"

    run(work)


def test_an_answer_after_the_deadline_is_dropped():
    async def work():
        async def decide(raw, offer):
            await asyncio.sleep(0.1)
            return responses.TEMPFAIL

        async with front(decide, answer_s=0.02) as made, await Mta.connect(made.addresses[0]) as mta:
            assert (await mta.exchange(MAIL)).reply == "accept"
            await until(lambda: made.counters["late"] == 1)
            assert (await mta.exchange(MAIL)).reply == "accept"

    run(work)


def test_deciding_is_not_silence():
    async def work():
        async def decide(raw, offer):
            await asyncio.sleep(0.4)
            return responses.ACCEPT

        async with front(decide, idle_s=0.1) as made, await Mta.connect(made.addresses[0]) as mta:
            assert (await mta.exchange(MAIL)).delivered

    run(work)


def test_while_a_mail_is_decided_little_is_read_ahead():
    """What an MTA sends ahead waits in the kernel, not in our memory, and is served afterwards."""

    async def work():
        gate = asyncio.Event()

        async def decide(raw, offer):
            await gate.wait()
            return responses.ACCEPT

        async with front(decide) as made, peer(made) as (reader, writer):
            mail = command(Command.MAIL, b"<a@b>\0") + command(Command.BODYEOB)
            writer.write(optneg() + mail)
            await until(lambda: made.counters["messages"] == 1)
            before = made.counters["bytes"]
            writer.write(mail * 200_000)
            await asyncio.sleep(0.2)
            assert made.counters["bytes"] - before < 400_000
            gate.set()
            reading = asyncio.create_task(reader.read(-1))
            await until(lambda: made.counters["messages"] > 50_000)
            writer.transport.abort()
            await asyncio.gather(reading, return_exceptions=True)

    run(work)


@pytest.mark.parametrize("goes", ["hangs up", "ABORT", "QUIT"])
def test_a_decision_that_nobody_waits_for_is_cancelled(goes):
    """A client that vanishes while its mail waits for a worker shall not hold up the mail of others."""

    async def work():
        cancelled = asyncio.Event()

        async def decide(raw, offer):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async with front(decide) as made, peer(made) as (_, writer):
            writer.write(optneg() + command(Command.MAIL, b"<a@b>\0") + command(Command.BODYEOB))
            await until(lambda: made.counters["messages"] == 1)
            if goes == "hangs up":
                writer.transport.abort()
            else:
                writer.write(command(Command[goes]))
            await asyncio.wait_for(cancelled.wait(), 5)

    run(work)


def test_a_peer_that_never_reads_is_not_read_either(tmp_path):
    """Answers that nobody takes must not pile up in our memory."""

    async def work():
        async with front(spec=f"unix:{tmp_path}/s") as made:
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(f"{tmp_path}/s")
                one.sendall(optneg(protocol=0))
                one.setblocking(False)
                flood = command(Command.UNKNOWN, b"x\0") * 1_000
                sent = 0
                for _ in range(300):
                    with contextlib.suppress(BlockingIOError):
                        sent += one.send(flood[sent % len(flood) :])
                    await asyncio.sleep(0.001)
                assert 0 < made.counters["bytes"] <= sent < 1_500_000
            await until(lambda: made.connections == 0)

    run(work)


def test_more_forged_fields_than_an_mta_can_delete_in_time():
    """Two thousand go; what would keep Postfix busy for minutes is told to wait, and the next mail is served."""

    async def work():
        async with front() as made, await Mta.connect(made.addresses[0]) as mta:
            for number, reply in ((2_000, "accept"), (8_000, "tempfail"), (1, "accept")):
                forged = b"".join(b"X-Desk-Queue: %d\r\n" % one for one in range(number))
                outcome = await mta.exchange(replace(MAIL, message=forged + b"Subject: x\r\n\r\nHello\r\n"))
                assert outcome.reply == reply
                assert reply == "tempfail" or outcome.message == b"Subject: x\r\n\r\nHello\r\n"
            assert made.counters["overburdened"] == 1

    run(work)


# ---------------------------------------------------------------------- peers that are no MTA


GARBAGE = {
    "4 GB": b"\x7f\xff\xff\xff",
    "zero": b"\0\0\0\0",
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "SMTP": b"EHLO mx\r\n",
    "unknown": command(ord("z")),
    "early": command(ord("M")),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_ends_its_own_connection_only(garbage):
    async def work():
        async with front() as made, await Mta.connect(made.addresses[0]) as mta:
            async with peer(made) as (reader, writer):
                writer.write(garbage)
                assert await reader.read() == b""
            assert (await mta.exchange(MAIL)).delivered
            assert made.counters["framing-errors"] == 1
            assert made.logged.count("connection-ended") == 1

    run(work)


def test_a_health_check_by_http_is_answered_and_makes_no_noise():
    async def work():
        async with front() as made:
            for request in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n"):
                async with peer(made) as (reader, writer):
                    writer.write(request)
                    answer = await reader.read()
                assert answer.startswith(b"HTTP/1.1 400 ")
                head, _, body = answer.partition(b"\r\n\r\n")
                assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
            assert (made.counters["http"], made.logged) == (2, [])

    run(work)


def test_a_connection_that_opens_and_closes_makes_no_noise():
    async def work():
        async with front() as made:
            async with peer(made):
                await until(lambda: made.connections == 1)
            await until(lambda: made.connections == 0)
            assert made.logged == []

    run(work)


def test_silent_peers_are_let_go():
    """Those that never begin soon, those that have begun only after their long time."""

    async def work():
        async with front(greeting_s=0.1, idle_s=0.4) as made, peer(made) as (silent, _):
            async with await Mta.connect(made.addresses[0]) as mta:
                await silent.read()
                assert made.connections == 1
                await until(lambda: made.connections == 0)
                with pytest.raises(FilterFailed):
                    await mta.exchange(MAIL)
            assert made.counters["idle"] == 2

    run(work)


def test_one_connection_too_many_is_refused_at_once():
    async def work():
        async with front(connections=2) as made:
            held = [await Mta.connect(made.addresses[0]) for _ in range(2)]
            with pytest.raises(FilterFailed, match="closed the connection"):
                await Mta.connect(made.addresses[0])
            assert made.counters["refused"] == 1
            await held.pop().quit()
            await until(lambda: made.connections == 1)
            held.append(await Mta.connect(made.addresses[0]))
            for one in held:
                assert (await one.exchange(MAIL)).delivered
                await one.quit()

    run(work)


def test_without_descriptors_it_waits_instead_of_spinning():
    """What could not be accepted is served as soon as there is room again."""

    async def work():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with front() as made:
            where = place(made.addresses[0])
            clients = [socket.socket() for _ in range(5)]
            highest = max(one.fileno() for one in clients)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
                for one in clients:
                    one.setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        one.connect((where.host, where.port))
                spent = time.process_time()
                await asyncio.sleep(0.35)
                spent = time.process_time() - spent
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert 1 <= made.counters["accept-errors"] <= 5
            assert spent < 0.2
            await until(lambda: made.connections == 5)
            for one in clients:
                one.close()

    run(work)


def test_a_log_that_cannot_be_written_costs_no_mail():
    async def work():
        def log(event, **values):
            raise OSError("No space left on device")

        made = Front(accept, prefix=lambda: "X-Desk-", log=log)
        await made.listen(LOOPBACK)
        async with await Mta.connect(made.addresses[0]) as mta:
            assert (await mta.exchange(MAIL)).delivered
        assert made.counters["unlogged"] == 1
        await made.close()

    run(work)


# ---------------------------------------------------------------------- stopping


def test_draining_serves_what_is_open_and_refuses_what_comes():
    async def work():
        gate = asyncio.Event()

        async def decide(raw, offer):
            await gate.wait()
            return stripped(raw, offer)

        async with front(decide, drain_idle_s=0.2) as made:
            spec = made.addresses[0]
            deciding, idle, busy = [await Mta.connect(spec) for _ in range(3)]
            first = asyncio.create_task(deciding.exchange(MAIL))
            await until(lambda: made.counters["messages"] == 1)
            draining = asyncio.create_task(made.drain(10))
            await asyncio.sleep(0.05)
            with pytest.raises(FilterFailed, match="cannot connect"):
                await Mta.connect(spec)
            second = asyncio.create_task(busy.exchange(MAIL))  # the next mail of an SMTP session that is open
            await until(lambda: made.counters["messages"] == 2)
            await until(lambda: made.connections == 2)  # the idle one is let go
            gate.set()
            assert (await first).delivered and (await second).delivered
            await draining
            assert made.connections == 0
            for one in (deciding, idle, busy):
                await one.quit()

    run(work)


def test_draining_ends_at_its_deadline():
    async def work():
        async def decide(raw, offer):
            await asyncio.sleep(60)

        async with front(decide) as made:
            mta = await Mta.connect(made.addresses[0])
            sending = asyncio.create_task(mta.exchange(MAIL))
            await until(lambda: made.counters["messages"] == 1)
            await made.drain(0.05)
            with pytest.raises(FilterFailed):
                await sending
            await until(lambda: made.connections == 0)
            await mta.quit()

    run(work)


def test_who_has_connected_before_the_drain_is_served(tmp_path):
    """Connections in the backlog of our own socket are not reset."""

    async def work():
        async with front(spec=f"unix:{tmp_path}/s") as made:
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(f"{tmp_path}/s")  # blocking: the loop has had no turn to accept it
                draining = asyncio.create_task(made.drain(5))
                await until(lambda: made.connections == 1)
                one.sendall(optneg() + command(Command.MAIL, b"<a@b>\0") + command(Command.BODYEOB))
                one.setblocking(False)
                data = await asyncio.get_running_loop().sock_recv(one, 1000)
                while not data.endswith(responses.ACCEPT):
                    data += await asyncio.get_running_loop().sock_recv(one, 1000)
            await draining

    run(work)


# ---------------------------------------------------------------------- where it listens


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_inet6():
    if not has_ipv6():
        pytest.skip("no IPv6 loopback on this machine")

    async def work():
        async with front(spec="inet6:0@[::1]") as made, await Mta.connect(made.addresses[0]) as mta:
            assert made.addresses[0].startswith("inet6:")
            assert (await mta.exchange(MAIL)).delivered

    run(work)


def test_a_unix_socket_has_its_mode_and_goes_with_us(tmp_path):
    async def work():
        path = tmp_path / "milter.sock"
        async with front(spec=f"unix:{path}") as made, await Mta.connect(made.addresses[0]) as mta:
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            assert (await mta.exchange(MAIL)).delivered
            assert os.listdir(tmp_path) == ["milter.sock"]
        assert os.listdir(tmp_path) == []

    run(work)


def test_a_stale_socket_is_replaced_a_living_one_is_not(tmp_path):
    async def work():
        path = tmp_path / "milter.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        async with front(spec=f"unix:{path}"):
            other = Front(accept, prefix=lambda: "")
            with pytest.raises(OSError, match="another process is listening"):
                await other.listen(f"unix:{path}")
            async with await Mta.connect(f"unix:{path}") as mta:
                assert (await mta.exchange(MAIL)).delivered

    run(work)


def test_the_socket_of_a_successor_is_left_alone(tmp_path):
    async def work():
        path = tmp_path / "milter.sock"
        async with front(spec=f"unix:{path}") as old:
            os.unlink(path)
            async with front(spec=f"unix:{path}"):
                await old.close()
                async with await Mta.connect(f"unix:{path}") as mta:
                    assert (await mta.exchange(MAIL)).delivered

    run(work)


def test_a_file_is_never_replaced(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("precious")

    async def work():
        with pytest.raises(BadInput, match="is no socket"):
            await Front(accept, prefix=lambda: "").listen(f"unix:{path}")

    run(work)
    assert path.read_text() == "precious"


def test_a_socket_that_is_open_already(tmp_path):
    """systemd's: its path is not ours to remove, and what waits in its backlog is for our successor."""

    async def work():
        path = tmp_path / "held.sock"
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(str(path))
            held.listen()
            made = Front(accept, prefix=lambda: "")
            await made.listen_on(held.dup())
            async with await Mta.connect(f"unix:{path}") as mta:
                assert (await mta.exchange(MAIL)).delivered
            await made.close()
            successor = Front(accept, prefix=lambda: "")
            waiting = asyncio.create_task(Mta.connect(f"unix:{path}"))
            await asyncio.sleep(0.02)
            await successor.listen_on(held.dup())
            mta = await waiting
            assert (await mta.exchange(MAIL)).delivered
            await mta.quit()
            await successor.close()
            assert path.exists()

    run(work)


def test_what_does_not_listen_cannot_be_taken_over():
    async def work():
        with socket.socket() as one, pytest.raises(BadListen, match="no listening stream socket"):
            await Front(accept, prefix=lambda: "").listen_on(one)

    run(work)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("8891", "expected inet:PORT@HOST"),
        ("inet:127.0.0.1:8891", "write inet:8891@127.0.0.1"),
        ("inet6:[::1]:8891", "write inet6:8891@[::1]"),
        ("inet:@host", "port@host must follow"),
        ("inet:99999@127.0.0.1", "a port is at most 65535"),
        ("inte:8891@127.0.0.1", 'did you mean "inet:8891@127.0.0.1"?'),
        ("unix:", "a path must follow"),
        ("unix:/" + "x" * 200, "at most 107 bytes"),
        ("", "expected inet:PORT@HOST"),
    ],
)
def test_a_bad_specification_says_what_is_expected(spec, says):
    with pytest.raises(BadListen) as error:
        place(spec)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("spec", "same"),
    [("inet:8891", "inet:8891@127.0.0.1"), ("inet6:8891@::1", "inet6:8891@[::1]"), ("local:/run/s", "unix:/run/s")],
)
def test_specifications_have_one_form(spec, same):
    assert str(place(spec)) == str(place(same)) == same


def test_an_unknown_group_is_told(tmp_path):
    async def work():
        with pytest.raises(BadListen, match='group "no-such-group" is not known'):
            await Front(accept, prefix=lambda: "").listen(f"unix:{tmp_path}/s", group="no-such-group")

    run(work)
    assert os.listdir(tmp_path) == []
