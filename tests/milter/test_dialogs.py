"""Whole conversations, from dialogs/*.dialog. The first fourteen are the scenarios that every library we tried failed
some of; each is played packet by packet, in one piece, and byte by byte, and must go the same way."""

from pathlib import Path

import pytest

from .dialog import Player, read

DIALOGS = sorted((Path(__file__).parent / "dialogs").glob("*.dialog"))


@pytest.fixture(params=DIALOGS, ids=lambda path: path.stem)
def turns(request):
    return read(request.param.read_text(encoding="utf-8"))


def test_each_answer_comes_at_its_place(turns):
    """Packet by packet: what the dialog says comes back after each, and nothing else."""
    player = Player(turns)
    for turn in turns:
        player.feed(turn.packet)
        assert turn.answers == player.answers, f"line {turn.line}"
        player.answers = []
    assert not player.ends


def test_all_at_once(turns):
    """As much in one read as an MTA can write: up to an end of message, whose answer it has to wait for."""
    player = Player(turns)
    written = b""
    for turn in turns:
        written += turn.packet
        if turn.is_end or turn is turns[-1]:
            player.feed(written)
            written = b""
    assert [answer for turn in turns for answer in turn.answers] == player.answers


def test_byte_by_byte(turns):
    """However the stream is cut, the answers are the same (long chunks of a body are cut a little coarser)."""
    player = Player(turns)
    for turn in turns:
        step = 1 if len(turn.packet) < 10_000 else 997
        for at in range(0, len(turn.packet), step):
            player.feed(turn.packet[at : at + step])
    assert [answer for turn in turns for answer in turn.answers] == player.answers


def test_the_fourteen_scenarios_are_there():
    """Section 4.2 of the protocol's notes, and the redirect of one of two recipients."""
    assert {f"{number:02}" for number in range(1, 15)} <= {path.name[:2] for path in DIALOGS}
