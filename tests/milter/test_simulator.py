"""The MTA we ship: it insists on what was agreed, carries edits out, and finds a filter that is not well."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from router.milter import edits, responses
from router.milter.commands import Command
from router.milter.negotiation import Action, Protocol
from router.milter.packets import packet
from router.milter.server import Front
from router.milter.simulator import (
    POSTFIX,
    SENDMAIL,
    Caller,
    FilterFailed,
    Mta,
    ProbeFailed,
    Transaction,
    exchange,
    probe,
)

from .making import PREFIX, decision

MAIL = Transaction(
    b"<olena@customer.example>",
    (b"<Bill@desk.example>", b"<anna@other.example>"),
    b"Received: from home\nSubject: invoice\nX-Desk-Queue: forged\nTo: Bill\n\nHello\n",
    own_fields=((b"Received", b"from mx.customer.example by mail.example"),),
)
FIELDS = (("X-Desk-Queue", "support"), ("X-Desk-Note", "рахунок"))
REDIRECT = decision(["Bill@desk.example"], ["support@desk.example"], headers_add=FIELDS)


def run(work):
    return asyncio.run(asyncio.wait_for(work(), 20))


@contextlib.asynccontextmanager
async def deciding(decide):
    made = Front(decide, prefix=lambda: PREFIX)
    await made.listen("inet:0@127.0.0.1")
    try:
        yield made.addresses[0]
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def saying(*answers):
    """A filter that says these bytes, one lot whenever something comes."""

    async def serve(reader, writer):
        for answer in answers:
            if not await reader.read(65_536):
                break
            writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"inet:{server.sockets[0].getsockname()[1]}@127.0.0.1"
    finally:
        server.close()
        await server.wait_closed()


def agreement(version=6, actions=Action.ALL, protocol=0x7F000 | Protocol.NR_HDR | Protocol.NR_BODY, more=b""):
    return packet(b"O", b"".join(one.to_bytes(4, "big") for one in (version, actions, protocol)) + more)


@pytest.mark.parametrize("version", [6, 2])
@pytest.mark.parametrize("manner", [POSTFIX, SENDMAIL], ids=lambda one: one.name)
def test_edits_give_the_expected_message(manner, version):
    async def decide(raw, offer):
        return edits.plan(REDIRECT, raw, offer, PREFIX).packets

    async def work():
        how = replace(manner, version=version)
        if version == 2:
            how = replace(how, actions=0x3F, protocol=0x7F)
        async with deciding(decide) as spec:
            return await exchange(spec, MAIL, manner=how)

    outcome = run(work)
    assert outcome.recipients == (b"<anna@other.example>", b"<support@desk.example>")
    queue, to = b"X-Desk-Queue: support\r\n", b"To: Bill\r\n"
    assert outcome.message == (
        b"Received: from mx.customer.example by mail.example\r\nReceived: from home\r\nSubject: invoice\r\n"
        + (to + queue if manner is POSTFIX else queue + to)  # Sendmail puts it where the forged one was
        + b"X-Desk-Note: =?utf-8?b?0YDQsNGF0YPQvdC+0Lo=?=\r\n\r\nHello\r\n"
    )
    assert outcome.added_fields == (
        (b"X-Desk-Queue", b"support"),
        (b"X-Desk-Note", b"=?utf-8?b?0YDQsNGF0YPQvdC+0Lo=?="),
    )


def test_the_filter_sees_what_an_mta_shows():
    """Own fields hidden, the user who logged in, an IPv6 address in Sendmail's spelling, the queue id."""
    seen = []

    async def decide(raw, offer):
        seen.append(raw)
        return responses.ACCEPT

    async def work():
        async with deciding(decide) as spec:
            for manner in (POSTFIX, SENDMAIL):
                caller = Caller(address="2001:db8::25", user=b"olena", helo="привет".encode())
                async with await Mta.connect(spec, manner=manner, caller=caller) as mta:
                    await mta.exchange(replace(MAIL, queue_id=b"4Z0A1"))
                    await mta.helo(b"again")
                    await mta.exchange(replace(MAIL, arguments=(b"SIZE=99",)))
                    await mta.reconnect(Caller(name=b"", address=None))
                    await mta.exchange(MAIL)

    run(work)
    for first, second, third in (seen[:3], seen[3:]):
        envelope = first.envelope
        assert (envelope.client_address, envelope.authenticated_user) == ("2001:db8::25", "olena")
        assert (envelope.helo, envelope.queue_id) == ("привет".encode(), "4Z0A1")
        assert [name for name, _ in first.fields] == [b"Received", b"Subject", b"X-Desk-Queue", b"To"]
        assert (second.envelope.helo, second.envelope.size_bytes) == (b"again", 99)
        assert (third.envelope.client_address, third.envelope.client_name) == (None, b"[unknown]")


@pytest.mark.parametrize("after", [Command.MAIL, Command.RCPT, Command.DATA, Command.HEADER, Command.BODY])
def test_a_mail_can_be_given_up_anywhere(after):
    async def decide(raw, offer):
        return edits.stripped(raw, offer)

    async def work():
        async with deciding(decide) as spec, await Mta.connect(spec) as mta:
            await mta.abandon(MAIL, after)
            return await mta.exchange(MAIL)

    assert run(work).delivered


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([packet(b"c")], "in answer to the negotiation"),
        ([agreement(version=7)], "version 7"),
        ([agreement(actions=0x200)], "actions 0x200 were not offered"),
        ([agreement(protocol=0x800000)], "protocol bits 0x800000 were not offered"),
        ([agreement(actions=1, more=b"\0\0\0\0i\0")], "macro lists without SETSYMLIST"),
        ([agreement(more=b"\0\0\0\x09i\0")], "cannot be read"),
        ([agreement(), packet(b"4") + b"\0"], "more after the final answer"),
        ([agreement(), packet(b"z")], "'z' is no edit"),
        ([agreement(), packet(b"f")], "'f' is no edit"),
        ([agreement(), packet(b"h", b"X-A\0a\r\nb\0")], "with a CR"),
        ([agreement(actions=0), responses.add_recipient("a@b")], "addrcpt was not agreed on"),
        ([agreement(), b"\0\0\0\0"], "a packet of 0 bytes"),
        ([agreement(), b""], "no answer in 0.3 s"),
    ],
)
def test_a_filter_that_breaks_the_protocol_is_found_out(answers, why):
    """And later mails of the session fail as well, as they do with Postfix."""

    async def work():
        async with saying(*answers) as spec:
            with pytest.raises(FilterFailed, match=why):
                mta = await Mta.connect(spec, timeout_s=0.3)
                try:
                    await mta.exchange(MAIL)
                except FilterFailed:
                    with pytest.raises(FilterFailed, match=why):
                        await mta.exchange(MAIL)
                    raise
                finally:
                    await mta.quit()

    run(work)


@pytest.mark.parametrize(
    ("answer", "reply", "text"),
    [
        (packet(b"c"), "continue", b""),
        (packet(b"p") + packet(b"a"), "accept", b""),
        (packet(b"r"), "reject", b""),
        (packet(b"t"), "tempfail", b""),
        (packet(b"d"), "discard", b""),
        (responses.reply(550, "5.7.1", "no"), "replycode", b"550 5.7.1 no"),
    ],
)
def test_every_final_answer_is_understood(answer, reply, text):
    async def work():
        async with saying(agreement(), answer) as spec:
            return await exchange(spec, MAIL)

    outcome = run(work)
    assert (outcome.reply, outcome.stage, outcome.text) == (reply, "BODYEOB", text)
    assert outcome.delivered == (reply in ("accept", "continue"))


def test_a_mail_can_be_refused_early():
    """At MAIL for good; at RCPT for that recipient."""

    async def work():
        every = agreement(protocol=0)
        go_on = packet(b"c")
        async with saying(every, go_on, go_on, packet(b"t")) as spec:
            early = await exchange(spec, MAIL)
        async with saying(every, *[go_on] * 3, packet(b"r"), *[go_on] * 7, packet(b"a")) as spec:
            one_left = await exchange(spec, MAIL)
        return early, one_left

    early, one_left = run(work)
    assert (early.reply, early.stage) == ("tempfail", "MAIL")
    assert (one_left.reply, one_left.recipients) == ("accept", (b"<anna@other.example>",))


# ---------------------------------------------------------------------- probe


def probed(decide, recipient="support@desk.example"):
    async def work():
        async with deciding(decide) as spec:
            return await probe(spec, recipient, timeout_s=2)

    return run(work)


def test_a_filter_that_decides_is_well():
    async def decide(raw, offer):
        assert raw.envelope.sender == b"<>"
        made = decision(headers_add=(("X-Desk-Queue", "support"), ("X-Desk-Degraded", "model; none")))
        return edits.plan(made, raw, offer, PREFIX).packets

    outcome = probed(decide)
    assert (outcome.reply, dict(outcome.added_fields)[b"X-Desk-Queue"]) == ("accept", b"support")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda raw, offer: responses.TEMPFAIL, "answered tempfail to BODYEOB"),
        (edits.stripped, "is that the address of a queue?"),
        (
            lambda raw, offer: edits.degraded(raw, offer, PREFIX, "overload", "no worker"),
            "cannot decide: overload",
        ),
        (lambda raw, offer: 1 / 0, "cannot decide: exception"),
    ],
)
def test_a_filter_that_is_not_well_is_told_why(answer, why):
    async def decide(raw, offer):
        return answer(raw, offer)

    with pytest.raises(ProbeFailed, match=why):
        probed(decide)


def test_a_filter_that_is_not_there():
    with pytest.raises(ProbeFailed, match="cannot connect"):
        run(lambda: probe("unix:/nonexistent/milter.sock", "a@desk.example"))


def test_a_filter_that_says_nothing():
    async def work():
        async with saying() as spec:
            await probe(spec, "a@desk.example", timeout_s=0.2)

    with pytest.raises(ProbeFailed, match=r"no answer in 0.2 s"):
        run(work)


@pytest.mark.parametrize("recipient", ["", "a@b\r\nBcc: c@d", "<a@b>", "рахунки@desk.example"])
def test_a_probe_needs_an_address(recipient):
    with pytest.raises(ProbeFailed, match="is no address"):
        run(lambda: probe("unix:/nonexistent", recipient))
