"""One mailbox, by a grammar that is stricter than RFC 5322: what parsers are known to disagree about is refused.

    mailbox    = [phrase] "<" addr-spec ">" / addr-spec          nothing before, after or between but white space
    phrase     = 1*(atom / quoted-string)                          dots allowed, `@` only inside quotes
    addr-spec  = (dot-atom / quoted-string) "@" domain             no white space, no comment, no encoded word
    domain     = letters, digits, hyphens; or what IDNA makes of it (no address literal)

No group, no list, no comment, no source route. Of `bob@desk.example <evil@x.example>` the stdlib says the first,
flanker the second (reliability.md, finding 6; CVE-2023-27043): here it is nobody, and the reason says why.
"""

import re
import unicodedata

from router.message.addresses import Mailbox, ascii_domain

_TOKEN = re.compile(
    r'(?P<space>[ \t]+)|(?P<quoted>"(?:[^"\\]|\\.)*+")|(?P<word>[^ \t<>()\[\],;:"\\@]+)|(?P<special>.)', re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_OF_LISTS = frozenset("<>()[],;:")
_NO_LOCAL_PART = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}  # invisible in an address is a trick

_REASONS = {
    "(": "a comment",
    ")": "a comment",
    ":": "a group or a source route",
    ";": "a group",
    ",": "more than one address",
    "[": "square brackets",
    "]": "square brackets",
    "\\": "a backslash outside of quotes",
    '"': "a quote without an end",
}


class NotOneMailbox(ValueError):
    """The text is not exactly one mailbox; the words say what stands there instead."""


def parse(text: str) -> Mailbox:
    """The one mailbox of an unfolded field body; `name` is the raw display name, encoded words as they stand.

    Raises NotOneMailbox.
    """
    if _CONTROL.search(text):
        raise NotOneMailbox("a control character")
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text.strip(" \t")):
        tokens.append((match.lastgroup or "", match[0]))
        if match["special"] and match[0] in _REASONS:
            raise NotOneMailbox(_REASONS[match[0]])  # at once: a flood of quotes without an end costs nothing
    specials = [value for kind, value in tokens if kind == "special"]
    if not tokens:
        raise NotOneMailbox("nothing in it")
    if "<" not in specials and ">" not in specials:
        return _addr_spec(tokens, "")
    opening = tokens.index(("special", "<")) if "<" in specials else len(tokens)
    phrase, inside = tokens[:opening], tokens[opening + 1 : -1]
    if any(value == "@" for kind, value in phrase if kind == "special"):
        raise NotOneMailbox("an address before the address in angle brackets")
    if specials.count("<") > 1 or specials.count(">") > 1:
        raise NotOneMailbox("two addresses in angle brackets")
    if tokens[-1] != ("special", ">") or opening == len(tokens):
        raise NotOneMailbox("text after the angle bracket" if "<" in specials else "an angle bracket without its other")
    name = "".join(" " if kind == "space" else _unquoted(value) for kind, value in phrase)
    return _addr_spec(inside, " ".join(name.split()))


def _addr_spec(tokens: list[tuple[str, str]], name: str) -> Mailbox:
    ats = sum(token == ("special", "@") for token in tokens)
    if ats != 1:
        raise NotOneMailbox("two @" if ats else "no @")
    if any(kind == "space" for kind, _ in tokens):
        raise NotOneMailbox("white space inside the address")
    if len(tokens) != 3 or tokens[1] != ("special", "@") or tokens[2][0] != "word":
        raise NotOneMailbox("something that is no address")
    kind, local = tokens[0]
    if "=?" in local or "?=" in local:
        raise NotOneMailbox("an encoded word as address")
    if kind == "quoted" and ("@" in local or "\\" in local):
        raise NotOneMailbox("two @" if "@" in local else "a backslash in the local part")
    if kind == "quoted" and not _OF_LISTS.isdisjoint(local):
        # RFC 5322 allows it, nobody has it, and some read the end of an address in it: `RCPT TO:<"a> b"@c.example>`.
        raise NotOneMailbox("brackets or punctuation of lists in the local part")
    if kind == "word" and (local[0] == "." or local[-1] == "." or ".." in local):
        raise NotOneMailbox("dots that no local part has")
    if len(local.encode()) > 64:
        raise NotOneMailbox("a local part of more than 64 octets")
    if any(unicodedata.category(one) in _NO_LOCAL_PART for one in local if not one.isascii()):
        raise NotOneMailbox("an invisible character in the address")
    domain = ascii_domain(tokens[2][1])
    if domain is None or tokens[2][1].endswith("."):
        raise NotOneMailbox("a domain that is no domain name")
    if domain.rpartition(".")[2].isdigit():
        raise NotOneMailbox("a number for a domain")
    return Mailbox(local, domain, name)


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word[0] == '"' else word
