"""Conditions on time, language and shape, and on what other rules did. The docstrings are the manual's."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from router.logic import Truth, unknown
from router.rules import schema_conditions as c
from router.rules import views
from router.rules.evaluation import Evaluation
from router.rules.making import Making
from router.rules.ruleset import Check
from router.rules.schema_conditions import CalendarState
from router.rules.text import normalise
from router.vocabulary import UNDETERMINED

OTHER = "other"
MAX_SHOWN = 3


def queue_hours(test: c.QueueHours, making: Making) -> Check:
    """`queue_hours: {queue: accounts, is: closed}`: whether that queue works right now.

    `queue: chosen` is the queue that the stage route chose, else the one addressed. Never unknown.
    """
    name, is_open = None if test.queue is None else str(test.queue), test.open

    def queue(e: Evaluation) -> str:
        return name or views.chosen_queue(e)

    def judge(e: Evaluation) -> Truth:
        return e.rules.calendar_of(queue(e)).is_open(e.now) is is_open

    def evidence(e: Evaluation) -> str:
        calendar = e.rules.queues[queue(e)].calendar
        day = e.rules.calendars[calendar].day(e.now.astimezone(e.rules.zone).date())
        hours = ", ".join(map(str, day.spans)) or "no hours"
        return f"{queue(e)}: {calendar}, {hours}, {day.reason}"

    said = f"queue {name or 'chosen'} is {'open' if is_open else 'closed'}"
    return Check(judge, said, evidence, cost=4, staged=name is None)


def calendar(test: c.CalendarIs, making: Making) -> Check:
    """`calendar: {name: accounts_office, is: open | closed | holiday | before_open | after_close}`.

    `closed` is everything but open; `holiday` a day that a holiday closes; `before_open` and `after_close` are parts of
    a day with hours. Never unknown.
    """
    name, state = str(test.calendar), test.state

    def judge(e: Evaluation) -> Truth:
        now = e.rules.calendars[name].state(e.now)
        return now != CalendarState.OPEN if state is CalendarState.CLOSED else now == state

    return Check(judge, f"calendar {name} is {state}", lambda e: e.rules.calendars[name].state(e.now), cost=4)


def time_between(test: c.TimeBetween, making: Making) -> Check:
    """`time: {between: "22:00-06:00", days: mon-fri}`: the time of receipt, in `settings.timezone`.

    A span may go over midnight; `days` are the days on which it begins. The end does not belong to it. Never unknown.
    """
    start, end, days = test.start, test.end, frozenset(test.days)

    def judge(e: Evaluation) -> Truth:
        now = e.local_now
        minute, weekday = now.hour * 60 + now.minute, now.weekday()
        if start < end:
            return start <= minute < end and weekday in days
        if minute >= start:
            return weekday in days
        return minute < end and (weekday - 1) % 7 in days

    said = f"time between {_clock(start)} and {_clock(end)}"
    return Check(judge, said, lambda e: f"{e.local_now:%a %H:%M}", cost=1)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def date_between(test: c.DateBetween, making: Making) -> Check:
    """`date: {from: 2026-12-24, to: 2027-01-07}`: the date of receipt, in `settings.timezone`; both ends belong to it.

    Never unknown.
    """
    first, last = test.first, test.last

    def judge(e: Evaluation) -> Truth:
        today = e.local_now.date()
        return (first is None or first <= today) and (last is None or today <= last)

    return Check(judge, f"date {first or ''}..{last or ''}", lambda e: f"{e.local_now:%Y-%m-%d}", cost=1)


def language(test: c.LanguageIs, making: Making) -> Check:
    """`language: uk`: the language of the text; `other`: known, but none of `languages`; `undetermined`: not known.

    Never unknown.
    """
    wanted = frozenset(str(one) for one in test.languages)
    own = frozenset(str(one) for one in making.file.languages)

    def judge(e: Evaluation) -> Truth:
        spoken = e.facts.message.language
        return spoken in wanted or (OTHER in wanted and spoken not in own and spoken != UNDETERMINED)

    return Check(judge, f"language {' or '.join(test.languages)}", lambda e: e.facts.message.language, cost=1)


def size(test: c.SizeOver, making: Making) -> Check:
    """`size: {over: 10MB}`: the whole message. Unknown when it was cut and the sender did not announce its size."""
    limit = test.size_bytes

    def judge(e: Evaluation) -> Truth:
        raw = e.facts.message.raw
        if raw.body_cut or raw.fields_cut:
            announced = raw.envelope.size_bytes
            if _kept(e) > limit or announced is None:
                return True if _kept(e) > limit else unknown("the size is not known: the message was cut")
            return announced > limit
        return _kept(e) > limit

    return Check(judge, f"size over {limit} bytes", lambda e: f"{_kept(e)} bytes kept", cost=1)


def _kept(e: Evaluation) -> int:
    raw = e.facts.message.raw
    return len(raw.body) + sum(len(name) + len(body) + 4 for name, body in raw.fields)  # colon, space, CR LF


def attachment(test: c.Attachment, making: Making) -> Check:
    """`attachment: {type: image/*}`, `{name: "*.exe"}` or `{count: {over: 3}}`: parts that are not the text.

    Unknown when none fits and the body was cut, so that one may lie behind the cut.
    """
    fits, said = _attachment_test(test)

    def judge(e: Evaluation) -> Truth:
        if fits(e):
            return True
        return (
            unknown("attachments behind the cut of the body are not known") if e.facts.message.raw.body_cut else False
        )

    def evidence(e: Evaluation) -> str:
        parts = e.facts.message.parts
        return ", ".join(f"{one.name or one.media_type}" for one in parts[:MAX_SHOWN]) or "no attachment"

    return Check(judge, f"attachment {said}", evidence, cost=2)


def _attachment_test(test: c.Attachment) -> tuple[Callable[[Evaluation], bool], str]:
    if test.count_over is not None:
        over = test.count_over
        return (lambda e: len(e.facts.message.parts) > over), f"count over {over}"
    if test.types:
        types = [one.casefold() for one in test.types]
        return (
            lambda e: any(fnmatchcase(part.media_type, one) for part in e.facts.message.parts for one in types)
        ), " or ".join(test.types)
    names = [normalise(one) for one in test.names]
    return (
        lambda e: any(fnmatchcase(normalise(part.name), one) for part in e.facts.message.parts for one in names)
    ), " or ".join(test.names)


def encrypted(test: c.Encrypted, making: Making) -> Check:
    """`encrypted: true`: S/MIME or PGP; there is no text that anything could be told from. Never unknown."""
    return Check(lambda e: e.facts.message.encrypted, "encrypted", cost=1)


def tagged(test: c.Tagged, making: Making) -> Check:
    """`tagged: redirected`: a rule of an earlier stage wrote this tag. Never unknown."""
    tags = frozenset(str(tag) for tag in test.tags)
    said = f"tagged {' or '.join(test.tags)}"
    return Check(
        lambda e: not tags.isdisjoint(e.earlier.tags),
        said,
        lambda e: ", ".join(sorted(e.earlier.tags & tags)),
        1,
        staged=True,
    )


def fired(test: c.Fired, making: Making) -> Check:
    """`fired: RULE`: this rule, of an earlier stage, fired. Never unknown."""
    rules = frozenset(str(rule) for rule in test.rules)
    said = f"fired {' or '.join(test.rules)}"
    return Check(
        lambda e: not rules.isdisjoint(e.earlier.fired),
        said,
        lambda e: ", ".join(sorted(e.earlier.fired & rules)),
        1,
        staged=True,
    )
