"""Two events of one mail: what differs, and because of which rules."""

from router.shadow.compare import KINDS, difference

REAL = {
    "decision": "d", "queue": "accounts", "priority": "normal", "tags": ["a", "b"], "topic": "billing", "hold": None,
    "recipients": {"remove": [], "add": []}, "abuse": None, "verdict": "accept", "fired": ["one"], "shadow": [],
    "unknown": [], "reply": None, "expect": None,
}  # fmt: skip


def changed(**other):
    found = difference(REAL, {**REAL, **other})
    return None if found is None else {kind: tuple(pair) for kind, pair in found["changes"].items()}


def test_what_would_be_treated_alike_is_no_difference():
    """Another id, other rules that fire without doing anything, tags in another order."""
    assert changed(decision="e", fired=["one", "two"], tags=["b", "a"]) is None


def test_each_kind_is_told_in_words():
    moved = {"remove": ["bill@d.example"], "add": ["support@d.example"]}
    reply = {"send": True, "snippets": ["redirected"], "language": "ru", "refused": []}
    expect = {"queue": "support", "open": False, "answer_by": "2026-03-09T10:00:00+02:00"}
    assert changed(queue="support", recipients=moved, priority="high", tags=["a"], topic=None, abuse="abusive") == {
        "queue": ("accounts", "support"), "redirect": ("–", "bill@d.example → support@d.example"),
        "priority": ("normal", "high"), "tags": ("a, b", "a"), "topic": ("billing", "undecided"),
        "abuse": ("–", "abusive"),
    }  # fmt: skip
    assert changed(reply=reply, expect=expect, hold=["spoof"], verdict="hold") == {
        "hold": ("–", "spoof"), "reply": ("–", "redirected (ru)"), "verdict": ("accept", "hold"),
        "expect": ("–", "support, answer by 2026-03-09T10:00"),
    }  # fmt: skip
    assert changed(reply={**reply, "send": False, "refused": ["G7"]}) == {"reply": ("–", "none: G7")}
    assert changed(recipients={"remove": [], "add": ["x@d.example"]}) == {"copies": ("–", "x@d.example")}


def test_the_rules_that_behave_differently_are_named():
    found = difference(REAL, {**REAL, "queue": "x", "fired": ["two"], "shadow": ["three"], "unknown": ["four"]})
    assert found["rules"] == {
        "two": ["silent", "fired"], "three": ["silent", "shadow"], "four": ["silent", "unknown"],
        "one": ["fired", "silent"],
    }  # fmt: skip
    assert difference(REAL, {**REAL, "queue": "x", "fired": ["one", "two"]})["rules"] == {"two": ["silent", "fired"]}


def test_it_is_bounded_whatever_an_event_holds():
    huge = difference(REAL, {**REAL, "tags": ["t" * 9_999], "fired": [f"r{n}" for n in range(5_000)]})
    assert len(str(huge)) < 10_000
    assert difference({"degraded": ["fault"]}, REAL)["changes"].keys() <= set(KINDS)
