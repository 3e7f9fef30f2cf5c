"""Which word was probably meant, and never a bad one: a word that is alike to the eye and opposite in meaning."""

import difflib
from collections.abc import Iterable

from router.errors import closest

# What people write who know another program, and the word for it here. Only a word that is known where it was written
# is suggested.
SAME_MEANING: dict[str, str] = {
    "and": "all",
    "or": "any",
    "nor": "none",
    "neither": "none",
    "xor": "at_least",
    "body": "new_text",
    "message": "text",
    "content": "text",
    "quote": "quoted_text",
    "author": "from",
    "author_in": "sender_in",
    "rcpt": "recipient",
    "rcpt_to": "recipient",
    "mail_from": "envelope_from",
    "return_path": "envelope_from",
    "lang": "language",
    "score_of": "score",
    "label": "classified",
    "topic": "classified",
    "followup": "follow_up",
    "reply": "say",
    "answer": "say",
    "respond": "say",
    "silent": "no_reply",
    "noreply": "no_reply",
    "quarantine": "hold",
    "moderate": "hold",
    "move": "redirect",
    "forward": "redirect",
    "transfer": "redirect",
    "cc": "copy_to",
    "copy": "copy_to",
    "label_as": "tag",
    "tags": "tag",
    "comment": "note",
    "add_header": "header",
    "set_queue": "queue",
    "route": "queue",
    "if": "when",
    "condition": "when",
    "match": "when",
    "do": "then",
    "actions": "then",
    "action": "then",
    "description": "why",
    "reason": "why",
    "name": "id",
    "tz": "timezone",
    "zone": "timezone",
    "yes": "true",
    "on": "true",
    "1": "true",
    "no": "false",
    "off": "false",
    "0": "false",
    "critical": "urgent",
    "medium": "normal",
    "important": "high",
    "enabled": "enforce",
    "disabled": "off",
    "dry_run": "shadow",
    "dry-run": "shadow",
    "warn": "shadow",
    "audit": "shadow",
    "phrases": "words",
    "phrase": "words",
    "matches": "regex",
    "regexp": "regex",
    "equals": "is",
    "eq": "is",
    "more_than": "longer_than",
    "less_than": "shorter_than",
    "greeting": "open",
    "signature": "close",
    "variables": "extract",
    "extracts": "extract",
    "reply_texts": "replies",
    "templates": "replies",
}

# Never suggest the second for the first, nor the other way round.
OPPOSITES: tuple[tuple[str, str], ...] = (
    ("reject", "redirect"),
    ("reject", "direct"),
    ("delete", "date"),
    ("allow", "all"),
    ("accept", "except"),
    ("exempt", "accept"),
    ("open", "opened"),
    ("open", "closed"),
    ("enable", "disable"),
    ("include", "exclude"),
    ("before_open", "after_close"),
    ("longer_than", "shorter_than"),
    ("starts_with", "ends_with"),
    ("match", "no_match"),
    ("tags", "not_tags"),
    ("fired", "fired_not"),
    ("sender", "send"),
    ("forward", "forwarded"),
    ("auto", "auth"),
    ("new", "none"),
    ("expect", "except"),
    ("drop", "stop"),
    ("halt", "hold"),
    ("deny", "any"),
    ("internal", "external"),
    ("inbound", "outbound"),
    ("incoming", "outgoing"),
)
_DECISIVE = 0.1  # by so much (of 1) a word must be nearer than its opposite
_NEGATIONS = ("not_", "not-", "no_", "no-", "non", "un", "in", "dis", "never_", "не_", "не", "nicht_", "nie_")


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` was probably meant to be, or None when every guess might be wrong."""
    if len(word) > 80:
        return None
    known = list(known)
    folded = word.strip().casefold()
    for one in known:
        if one.casefold().replace("-", "_") == folded.replace("-", "_").replace(" ", "_"):
            return one
    same = SAME_MEANING.get(folded)
    if same in known:
        return same
    never = {one for one in known if opposite(folded, one.casefold())}
    found = closest(folded, known, never)
    if found is None:
        return None
    # "ulikely" is as near to "likely" as to "unlikely": then a guess is a coin that is tossed
    rivals = [_likeness(folded, one) for one in known if opposite(found.casefold(), one.casefold())]
    return None if rivals and max(rivals) > _likeness(folded, found) - _DECISIVE else found


def _likeness(word: str, other: str) -> float:
    return difflib.SequenceMatcher(None, word, other).ratio()


def opposite(word: str, other: str) -> bool:
    """Whether the two are alike only to the eye."""
    if (word, other) in OPPOSITES or (other, word) in OPPOSITES:
        return True
    for negation in _NEGATIONS:
        for plain, negated in ((word, other), (other, word)):
            # "unlikly" is a slip for "unlikely", so the rest only has to be nearly the same
            if negated.startswith(negation) and not plain.startswith(negation):
                rest = negated.removeprefix(negation)
                if rest == plain or (closest(plain, [rest]) and abs(len(rest) - len(plain)) <= 1 and len(rest) > 2):
                    return True
    return False
