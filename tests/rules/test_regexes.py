"""Which regular expressions a rules file may hold: what RE2 cannot do is named, what it can is not refused."""

import pytest

from router.rules.regexes import regex_problem


@pytest.mark.parametrize(
    "regex",
    [
        r"\p{L}+",
        r"(\p{L}+[,.]?\s*)+!",
        r"[*+]+",
        r"\++",
        r"\(?=x",
        r"[(?=]",
        r"a{3}b",
        r"\p{L}{2,}",
        r"[\[*+]+",
        r"\\b",
    ],
)
def test_taken(regex):
    assert regex_problem(regex) is None


@pytest.mark.parametrize(
    ("regex", "what"),
    [
        (r"a++", "possessive"),
        (r"a*+", "possessive"),
        (r"a?+", "possessive"),
        (r"a{3}+", "possessive"),
        (r"\p{L}{1,}+", "possessive"),
        (r"(?>a)", "atomic"),
        (r"(?=x)", "look-around"),
        (r"(?<!x)y", "look-around"),
        (r"(a)\1", "back-references"),
        (r"(?P<n>a)(?P=n)", "back-references"),
        (r"\bсайт", "only ASCII"),
        (r"[\w.]", "only ASCII"),
        (r"a{1,2000}", "up to|to 1000"),
    ],
)
def test_refused_by_name(regex, what):
    problem = regex_problem(regex)
    assert problem is not None
    assert any(one in problem for one in what.split("|")), problem
