"""Every row of the protocol's table, and every gap between them."""

import pytest

from router.milter import responses
from router.milter.commands import Command
from router.milter.session import Aborted, Closed, EndOfMessage
from router.milter.table import FITTING, ROWS, State

from .making import command, optneg, session, written

INTO = {
    # the shortest way into each state, after the negotiation
    State.READY: b"",
    State.ENVELOPE: command(Command.MAIL, b"<a@b>\0"),
    State.FIELDS: command(Command.HEADER, b"Subject\0 x\0"),
    State.BODY: command(Command.EOH),
    State.AWAITING: command(Command.BODYEOB),
}
WAITS = [one for one in Command if one not in (Command.ABORT, Command.QUIT, Command.QUIT_NC)]


def packet_of(one):
    return optneg() if one is Command.OPTNEG else command(one, b"x\0")


def in_state(state, **offered):
    made = session(**offered)
    made.receive(INTO[state])
    assert state is made.state
    return made


@pytest.mark.parametrize("state", [state for state in INTO if state is not State.AWAITING])
@pytest.mark.parametrize("one", list(Command))
def test_every_command_in_every_state(state, one):
    """A command that fits leads where its row says; one that does not ends the connection and says why."""
    made = in_state(state)
    events = made.receive(packet_of(one))
    row = FITTING[state].get(one)
    if one is Command.MACRO:
        assert (events, made.state) == ([], state)
    elif row is None:
        assert events == [Closed(f"{one.name} in state {state.name}")]
        assert made.state is State.CLOSED
    else:
        assert made.state is (row.becomes or state)
        assert not [event for event in events if isinstance(event, Closed) and event.error]


@pytest.mark.parametrize("one", WAITS)
def test_while_a_message_waits_everything_else_waits_behind_it(one):
    """An MTA that runs ahead gets its answers in order; what is wrong is found wrong then."""
    made = in_state(State.AWAITING)
    assert made.receive(packet_of(one)) == []
    assert made.state is State.AWAITING
    events = made.answer(responses.ACCEPT, 1)
    assert written(events).startswith(responses.ACCEPT)
    fits = one is Command.MACRO or one in FITTING[State.READY]
    assert fits != (made.state is State.CLOSED)


@pytest.mark.parametrize("one", [Command.ABORT, Command.QUIT, Command.QUIT_NC])
def test_only_an_end_is_heard_while_a_message_waits(one):
    """The message is gone; its answer, coming late, is dropped."""
    made = in_state(State.AWAITING)
    assert made.receive(command(one))[0] == Aborted(1)
    assert made.answer(responses.ACCEPT, 1) == []


def test_before_the_negotiation_nothing_but_it_and_quit():
    assert set(FITTING[State.START]) == {Command.OPTNEG, Command.QUIT}
    assert FITTING[State.CLOSED] == {}


@pytest.mark.parametrize("row", [row for row in ROWS if row.answered >= 0], ids=lambda row: row.command.name)
def test_a_command_is_answered_unless_both_agreed_not_to(row):
    """With every NR bit offered only DATA and BODY are answered; with none offered everything is, by CONTINUE."""
    state = next(one for one in row.fits if one is not State.START)
    assert written(in_state(state, protocol=0).receive(packet_of(row.command))) == responses.CONTINUE
    silent = written(in_state(state).receive(packet_of(row.command))) == b""
    assert silent == (row.command not in (Command.DATA, Command.BODY))


@pytest.mark.parametrize("row", [row for row in ROWS if row.answered < 0], ids=lambda row: row.command.name)
def test_these_are_never_answered_by_the_session_itself(row):
    made = session(protocol=0) if row.command is not Command.OPTNEG else None
    if made is None:
        return
    events = made.receive(command(row.command))
    assert written(events) == b""
    assert any(isinstance(event, EndOfMessage) for event in events) == (row.command is Command.BODYEOB)
