"""What the test `bounce:` of rules.yaml looks like."""

from dataclasses import replace
from typing import Any

from router.errors import Location
from router.rules import scalars
from router.rules import schema_conditions as c
from router.rules.blocks import ByForm, Entry, OneKey
from router.rules.schema_conditions import Text
from router.rules.shapes import Choice, Many, Plain, Typed
from router.vocabulary import BounceForm

_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")  # RFC 3464 section 2.3.3
_BOUNCE_FORM = Choice("form of a bounce", {"any": None, **{str(one): one for one in BounceForm}})
BOUNCE = ByForm(
    "any, itself, attached, pasted or {status: 5.1.*}",
    _BOUNCE_FORM,
    Many(_BOUNCE_FORM),
    OneKey(
        "a bounce test",
        "a bounce test has one key",
        lambda: {
            "status": Entry(
                Many(Typed("a status such as 5.1.1 or 5.7.*", scalars.delivery_status, keep=True), one=True),
                lambda statuses, at: c.BounceIs(statuses=statuses),
                "a recipient's status of RFC 3463; * stands for anything",
            ),
            "recipient": Entry(
                Many(Plain("an address, as *@partner.example"), one=True),
                lambda recipients, at: c.BounceIs(recipients=recipients),
                "whom the mail did not reach; * stands for anything",
            ),
            "action": Entry(
                Many(Choice("action", {word: Text(word) for word in _ACTIONS}), one=True),
                lambda actions, at: c.BounceIs(actions=actions),
                "what the server did, as RFC 3464 says it",
            ),
            "diagnostic": Entry(
                Many(Plain("a text"), one=True),
                lambda texts, at: c.BounceIs(diagnostics=texts),
                "the server's own words hold this text",
            ),
        },
        "put each in a test of its own",
        ("E211", "bounce test"),
        "{status: 5.1.1}",
    ),
)


def bounce_of(value: Any, at: Location) -> c.BounceIs:
    """The condition: of a form, of several, or of a block that is the condition already but for its place."""
    if isinstance(value, c.BounceIs):
        return replace(value, at=at)
    forms = value if isinstance(value, tuple) else (value,)
    return c.BounceIs(() if None in forms else forms, at=at)
