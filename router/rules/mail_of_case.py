"""The mail of a test in rules.yaml, and its surroundings: nothing from outside, no DNS, no model, no clock."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from router.facts import Facts, Scores, Services, Site
from router.identity.authentication import Authentication
from router.identity.author import Author
from router.identity.contacts import compared
from router.logic import Unknown, unknown
from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.message.message import Message
from router.message.read import read
from router.message.stems import Overlap
from router.rules import schema
from router.rules.ruleset import Ruleset
from router.signals.automatic import Automatism
from router.threads import new_question
from router.threads.followup import find as find_thread
from router.threads.thread import Thread
from router.vocabulary import AuthState, NewQuestion, ThreadState

WHEN = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
"""The time of receipt of a test that says none: a Wednesday morning."""
SENDER = "somebody@customer.example"
THRESHOLDS = (0.80, 0.20, 0.10)
"""accept, reject, margin where neither rules.yaml nor a model says any: in a test there is no model."""
_BOUNDARY = "=_part_of_a_test"


class CaseError(Exception):
    """The mail of a test cannot be made; the text says why."""


def facts_of(given: schema.Given, ruleset: Ruleset) -> Facts:
    """Raises CaseError when a file that the test names cannot be read."""
    envelope = Envelope(
        sender=f"<{SENDER if given.sender is None else given.sender}>".encode(),
        recipients=tuple(f"<{one}>".encode() for one in _recipients(given, ruleset)),
        client_address=None if given.client is None else str(given.client),
        authenticated_user="test" if given.submitted else None,
    )
    now = given.at_time or WHEN
    data = _file_of(given, ruleset) if given.eml is not None else _bytes_of(given, ruleset, now)
    raw = raw_message(data, envelope, now, source="test", strip_prefix=ruleset.site.stripped)
    message = read(raw)
    thresholds = dict.fromkeys(ruleset.file.classifiers, THRESHOLDS)
    services = Services(
        now=now,
        authenticate=lambda _message, author, _site: _authentication(given, author),
        look_up=lambda name, key: _look_up(given, ruleset, name, key),
        scores=lambda _message: _scores(given),
        thread=lambda message, author, auth, automatism, site: _thread(given, message, author, auth, automatism, site),
        thresholds=thresholds,
    )
    facts = Facts(message, services, ruleset.site)
    if given.panel is not None:
        # A cached fact, told beforehand: the signed field of a form cannot be written into a test.
        facts.__dict__["panel"] = given.panel
    return facts


def _recipients(given: schema.Given, ruleset: Ruleset) -> tuple[str, ...]:
    if given.recipients:
        return tuple(str(one) for one in given.recipients)
    return (str(next(iter(ruleset.queues.values())).address),)


# ------------------------------------------------------------------------------------------------------------- message
def _file_of(given: schema.Given, ruleset: Ruleset) -> bytes:
    path = (ruleset.file.base or Path()) / str(given.eml)
    try:
        return path.read_bytes()
    except OSError as error:
        raise CaseError(f"{given.eml} cannot be read: {error.strerror or error}") from None


def _bytes_of(given: schema.Given, ruleset: Ruleset, now: datetime) -> bytes:
    """The message as bytes. From and To default to the envelope's (amendment 13)."""
    sender = SENDER if given.sender is None else str(given.sender)
    fields = {
        "From": sender or f"MAILER-DAEMON@{SENDER.rpartition('@')[2]}",
        "To": ", ".join(_recipients(given, ruleset)),
        "Subject": str(given.subject or ""),
        "Date": now.strftime("%a, %d %b %Y %H:%M:%S %z"),
        "Message-ID": "<test@customer.example>",
        "MIME-Version": "1.0",
    }
    own = {name.casefold() for name, _ in given.headers}
    lines = [_field(name, value) for name, value in fields.items() if name.casefold() not in own]
    lines += [_field(str(name), str(value)) for name, value in given.headers]
    text = str(given.body or "").encode()
    plain = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    if not given.attachments:
        head = b"" if "content-type" in own else plain
        return b"".join(lines) + head + b"\r\n" + text
    parts = [plain + b"\r\n" + text]
    for name, media_type, *texts in given.attachments:
        named = f'; filename="{name}"' if name else ""
        content = next((str(one) for one in texts if one), "-")
        opening = f"Content-Type: {media_type}\r\nContent-Disposition: attachment{named}\r\n\r\n"
        parts.append(f"{opening}{content}\r\n".encode())
    lines.append(f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"\r\n'.encode())
    body = b"".join(f"\r\n--{_BOUNDARY}\r\n".encode() + part for part in parts)
    return b"".join(lines) + b"\r\n" + body + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _field(name: str, value: str) -> bytes:
    # Raw UTF-8, as many programs send it; the reader of header fields takes it.
    return f"{name}: {' '.join(value.split())}\r\n".encode()


# ------------------------------------------------------------------------------------------------------------ services
def _authentication(given: schema.Given, author: Author) -> Authentication:
    said = given.auth
    if said is None:
        return Authentication(AuthState.UNKNOWN, why="not given in this test")
    if isinstance(said, str):
        state = AuthState(said)
        if author.address is None and state is AuthState.PASS:
            return Authentication(AuthState.AMBIGUOUS, why=author.ambiguous)
        return Authentication(state, why="given in the test")
    words = {name: str(said.get(name, "unknown")) for name in ("spf", "dkim", "dmarc")}
    return Authentication(_state(words), **words, arc=str(said.get("arc", "unknown")), why="given in the test")


def _state(words: Mapping[str, str]) -> AuthState:
    """The author's proof when each mechanism speaks for the author's own domain."""
    if "pass" in words.values():
        return AuthState.PASS
    if "temperror" in words.values() or set(words.values()) == {"unknown"}:
        return AuthState.UNKNOWN
    failed = words["spf"] in ("fail", "softfail") or words["dkim"] == "fail"
    return AuthState.FAIL if failed else AuthState.NONE


def _alike(share: float | None) -> Overlap | None:
    """A reply of ten words, of which the ticket knows this share."""
    return None if share is None else Overlap(10, round(10 * share), share, names_known=False, names_new=False)


def _look_up(given: schema.Given, ruleset: Ruleset, name: str, key: str) -> "str | Unknown | None":
    table = given.lists.get(name)
    if isinstance(table, str):
        return unknown(f"{name}: unavailable in this test")
    if table is None:
        source = ruleset.lists.get(name)
        if not isinstance(source, schema.ItemsList):
            return unknown(f"{name}: not given in this test")
        table = dict.fromkeys((str(item) for item in source.items), "")
    return next((str(value) for one, value in table.items() if compared(one) == compared(key)), None)


def _scores(given: schema.Given) -> "Scores | Unknown":
    scores = {name: one for name, one in given.scores.items() if not isinstance(one, str)}
    return scores if scores else unknown("no model in this test")


def _thread(
    given: schema.Given, message: Message, author: Author, auth: Authentication, automatism: Automatism, site: Site
) -> "Thread | Unknown":
    told = given.thread
    if told is None:
        return find_thread(message, author, auth, automatism, site, None)
    if isinstance(told, str):
        return unknown("thread: unavailable in this test")
    state = told.state
    if state is None:
        proven = told.proven if told.proven is not None else told.ticket is not None
        state = ThreadState.FOLLOW_UP if proven else ThreadState.UNPROVEN if told.ticket else ThreadState.NEW
        if automatism:
            state = ThreadState.AUTOMATIC
    number = None if told.ticket is None else str(told.ticket)
    belongs = state in (ThreadState.FOLLOW_UP, ThreadState.AUTOMATIC)
    asks = told.new_question
    if asks is None and state is ThreadState.FOLLOW_UP:
        closed = None if told.status is None else told.status == "closed"
        asks = new_question.find(message, closed=closed, idle_days=told.idle_days, similarity=told.similarity)
    return Thread(
        state=state,
        ticket=number if belongs else None,
        noted=(number,) if number and not belongs else (),
        acknowledgement=bool(told.acknowledgement),
        status=told.status,
        idle_days=told.idle_days,
        overlap=_alike(told.similarity),
        participant=told.participant if told.participant is not None else told.proven,
        new_question=asks or NewQuestion.UNKNOWN,
        why="given in the test",
    )
