"""Every target holds on the seeds, on what once broke it, and on some thousand mutations; `make fuzz` tries more."""

import itertools
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message import read as reading
from tests.fuzz.mutation import mutations
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")


@pytest.fixture(autouse=True, scope="module")
def warm():
    reading.warm()


class TookTooLong(BaseException):
    """No `except Exception` on the way may take it for an error of the input."""


def hold(name: str, data: bytes) -> None:
    """The check, within two seconds of this process's own CPU; an input that breaks it is named."""

    def over(*_):
        raise TookTooLong

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, 2.0)
    try:
        TARGETS[name].check(data)
    except BaseException as broken:
        broken.add_note(f"target {name}, input {data!r}")
        raise
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_hold(name):
    target = TARGETS[name]
    seeds = [*target.seeds(), *target.kept()]
    assert seeds
    for seed in seeds:
        hold(name, seed)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_hold(name):
    target = TARGETS[name]
    seeds = [*target.seeds(), *target.kept()]
    for data in itertools.islice(mutations(seeds, target.words, seed=1), target.runs):
        hold(name, data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_hold(name, data):
    hold(name, data)
