"""Any bytes give rules or located problems, nothing else.

`python tests/rules/fuzz.py N` runs the same on N mutated files; what once failed is kept in tests/rules/seeds/.
"""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.fuzz import holds, mutations, replanted

HERE = Path(__file__).parent
SEEDS = sorted((HERE / "seeds").glob("*"))
WHOLE = (HERE / "whole-language.yaml").read_bytes()


def test_kept_seeds_hold():
    """What once went wrong does not any more."""
    assert SEEDS
    for seed in SEEDS:
        holds(seed.read_bytes())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_hold(data):
    """Bytes of any kind."""
    holds(data)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abc: -[]{}\"'#&*!|>%@,?\n\t ёі\u2028\x85\xa0", max_size=200))
def test_any_text_holds(text):
    """Texts that look like YAML."""
    holds(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_mutated_file_holds(seed):
    """A whole file with lines and pieces exchanged, deleted and doubled; and one with its nodes exchanged."""
    holds(next(mutations(WHOLE, seed)))
    holds(next(replanted(WHOLE, seed)))


def test_file_with_a_mistake_in_every_line_ends_soon():
    """Very many mistakes are told, not guessed at for minutes."""
    lines = [b"version: 1", b"languages: [en]", b"rules:"]
    lines += [b"  - {id: r%d, stage: gard, whn: {thred: new}, then: [{tagg: x}]}" % number for number in range(3000)]
    holds(b"\n".join(lines))
