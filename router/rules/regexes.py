"""Regular expressions of rules.yaml: RE2, of the subset that every engine reads alike; E309 says what to write else."""

import re
from typing import Any

import re2

from router.rules.document import Node
from router.rules.shapes import INVALID, Reader, text_of

_NOT_COMMON = (
    (
        r"(?<!\\)\(\?(?:=|!|<=|<!)",
        "look-around",
        "match what stands there too and name the part you want: (?P<name>…)",
    ),
    (r"\(\?P=|\\[1-9]|\\k<", "back-references", "write the expression twice"),
    (
        r"(?<!\\)(?:\(\?>|(?:[*+?]|\{\d+(?:,\d*)?\})\+)",
        "atomic groups and possessive repeats",
        "leave them out, no expression can take long here",
    ),
    (r"(?<!\\)\(\?\(", "conditional groups", "write two expressions"),
    (r"\\[bB]", r"\b, which knows only ASCII letters", r"write (?:^|[^\p{L}\p{N}]) or (?:[^\p{L}\p{N}]|$)"),
    (r"\\[wW]", r"\w, which knows only ASCII letters", r"write [\p{L}\p{N}_]"),
    (r"\\Z", r"\Z", r"write \z"),
)


def regex_problem(source: str) -> str | None:
    """What RE2 cannot do in this expression and how to write it instead, or None."""
    plain = re.sub(r"\\\\|\\Q.*?\\E", "", source)  # an escaped backslash escapes nothing
    outside = re.sub(r"\[(?:\\.|[^\]\\])*\]", "x", plain)  # in a class, `*+` and `(?=` are only characters
    for pattern, what, instead in _NOT_COMMON:
        if re.search(pattern, plain if pattern.startswith("\\\\") else outside):
            return f"this regex uses {what}; {instead}"
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(source, options)
    except re2.error as error:
        said = error.args[0] if error.args else "it cannot be read"
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        hint = "; a repeat may count to 1000" if "repetition size" in said else ""
        return f"this regex cannot be read: {said}{hint}"
    return None


class RegexShape:
    """A regular expression of the subset that RE2 and everybody read alike."""

    said = "a regular expression"

    def read(self, node: Node, reader: Reader) -> Any:
        text = text_of(node, self.said, reader)
        if text is INVALID:
            return INVALID
        if found := regex_problem(text):
            return reader.problem("E309", text.at, found)
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "description": "a regular expression (RE2); it sees text in small letters"}


REGEX = RegexShape()
