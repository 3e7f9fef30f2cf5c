"""What is fuzzed: one function a target, which takes bytes and raises AssertionError when a promise is broken.

`tests/fuzz/test_fuzz.py` runs the kept seeds and some thousand mutations of them in `make test`; `make fuzz` runs
atheris. Input on which a promise was broken stays in `seeds/TARGET/`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from router.errors import BadInput
from router.identity import authentication_results, author
from router.identity.mailbox import NotOneMailbox
from router.identity.mailbox import parse as parse_mailbox
from router.message import read as reading
from router.message.addresses import MAX_ADDRESSES, MAX_LIST_BYTES, addresses_in, ascii_domain, mailboxes
from router.message.eml import raw_message
from router.message.envelope import MAX_BODY_BYTES, MAX_FIELDS, MAX_FIELDS_BYTES
from router.message.headers import HeaderFields, decoded, shown
from router.milter.edits import degraded, stripped
from router.milter.header_value import field_body
from router.milter.packets import PacketReader
from router.milter.responses import ACCEPT, check_answer
from router.milter.session import Closed, EndOfMessage, Event, Session
from router.milter.table import State
from router.workers.wire import REQUEST, BadAnswer, Frames, answer_from, request_frame, request_from
from tests.fuzz import signs
from tests.message.making import ENVELOPE, NOW
from tests.milter import dialog, trace
from tests.milter.making import command
from tests.rules import fuzz as rules_fuzz

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SEEDS = HERE / "seeds"
PREFIX = "X-FlexiHost-"
MAX_INPUT_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Target:
    """check: raises AssertionError, or whatever escapes, when a promise is broken. seeds: inputs to begin from.
    words: pieces that the format is made of. runs: how many mutations `make test` tries."""

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...]
    runs: int

    def kept(self) -> list[bytes]:
        """The inputs in `seeds/NAME/`, in order of their names."""
        return [path.read_bytes() for path in sorted((SEEDS / self.name).glob("*"))]


# ------------------------------------------------------------------ packets


def check_packets(data: bytes) -> None:
    """However the stream is cut, the same packets come out, none over the limit, and no more than one is held."""
    limit = 64
    whole = PacketReader(limit)
    packets = whole.receive(data)
    pieces = PacketReader(limit)
    one_by_one = [packet for step in _pieces(data) for packet in pieces.receive(step)]
    assert one_by_one == packets
    assert str(whole.broken) == str(pieces.broken)
    assert all(len(body) < limit for _, body in packets)
    assert whole.held_bytes <= limit + 4
    length = sum(5 + len(body) for _, body in packets)
    assert length <= len(data)
    assert b"".join(command(letter, body) for letter, body in packets) == data[:length]


# ------------------------------------------------------------------ session


def check_session(data: bytes) -> None:
    """Any bytes are read without an exception; cut in any way they lead to the same events; a message keeps to its
    caps, has an answer that this MTA takes, and goes to a worker and back as the same message; nothing comes after the
    end."""
    whole, cut = _session(), _session()
    events = _joined(whole.receive(data))
    assert _joined([event for step in _pieces(data) for event in cut.receive(step)]) == events
    answering = _session()
    ended = False
    for step in _pieces(data):
        todo: list[Event] = answering.receive(step)
        while todo:
            event = todo.pop(0)
            assert not ended, event
            if isinstance(event, EndOfMessage):
                _check_message(event)
                # The oldest question is answered; what was waiting behind it comes out then.
                todo += answering.answer(ACCEPT, event.serial)
            ended = isinstance(event, Closed)
    assert ended == (answering.state is State.CLOSED)


def _session() -> Session:
    return Session(lambda: PREFIX, lambda: NOW, max_packet_bytes=4_096)


def _check_message(event: EndOfMessage) -> None:
    raw, offer = event.raw, event.offer
    assert len(raw.fields) <= MAX_FIELDS and len(raw.body) <= MAX_BODY_BYTES
    assert sum(len(name) + len(body) for name, body in raw.fields) <= MAX_FIELDS_BYTES
    assert all(name.startswith(PREFIX.lower().encode()) for name in raw.strip_counts)
    for answer in (stripped(raw, offer), degraded(raw, offer, PREFIX, "deadline", "it took too long")):
        check_answer(answer, offer)
    assert request_from(*request_parts(request_frame(raw, offer))) == (raw, offer, None)


def request_parts(frame: Sequence[bytes]) -> tuple[bytes, bytes]:
    """A request's head and body, as the worker reads them."""
    whole = b"".join(frame)
    head, body = REQUEST.unpack_from(whole)
    assert len(whole) == REQUEST.size + head + body
    return whole[REQUEST.size : REQUEST.size + head], whole[REQUEST.size + head :]


def _joined(events: list[Event]) -> list[Event]:
    """The events, with neighbouring bytes as one."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += event
        else:
            found.append(event)
    return found


def _pieces(data: bytes) -> list[bytes]:
    """The data in pieces whose sizes it says itself, so that every run of one input is the same."""
    pieces, at = [], 0
    while at < len(data):
        step = 1 + (data[at] * 7 + at) % 23
        pieces.append(data[at : at + step])
        at += step
    return pieces


def _conversations() -> list[bytes]:
    found = []
    for path in sorted(trace.FOLDER.glob("*.trace")):
        packets = [one.wire for one in trace.read(path) if one.from_mta and len(one.data) < 4_000]
        found.append(b"".join(packets))
    for path in sorted((ROOT / "tests/milter/dialogs").glob("*.dialog")):
        found.append(b"".join(turn.packet for turn in dialog.read(path.read_text()))[:MAX_INPUT_BYTES])
    return found


# ------------------------------------------------------------------ answers of workers


def check_answers(data: bytes) -> None:
    """What a worker sends is an answer, or BadAnswer; nothing else, and no more is held than the limit."""
    frames = Frames(2_000)
    try:
        found = [frame for step in _pieces(data) for frame in frames.feed(step)]
    except BadAnswer:
        found = []
    for frame in [*found, data]:
        try:
            answer = answer_from(frame)
        except BadAnswer:
            continue
        assert isinstance(answer.event, dict) and isinstance(answer.packets, bytes)


def _answers() -> list[bytes]:
    event = b'{"degraded": ["x"]}'
    payload = len(event).to_bytes(4, "big") + event + ACCEPT
    return [payload, len(payload).to_bytes(4, "big") + payload, b"\0\0\0\2{}", b"\0\0\0\4null", b"\0\0\0\4[[[["]


# ------------------------------------------------------------------ parse


def check_parse(data: bytes) -> None:
    """Any bytes are a Message: no exception inside, its texts within their caps and without control characters."""
    raw = raw_message(data, ENVELOPE, NOW, strip_prefix=PREFIX)
    found = reading._read(reading._capped(raw))  # `read` itself would hide an exception
    assert len(found.full_text) <= 262_144 and len(found.parts) <= 200
    assert shown(found.subject) == found.subject
    assert not {"\0", "\r", "\u202e"} & set(found.full_text)
    author.find(found)
    assert authentication_results.find(found, ["mx.desk.example"]) is None or "authentication-results" in found.fields


def _mails() -> list[bytes]:
    found = [path.read_bytes() for path in sorted((ROOT / "docs/samples").glob("*.eml"))]
    return [*found, *(_small_attacks())]


def _small_attacks() -> list[bytes]:
    from tests.message.attacks import ATTACKS  # some of them are megabytes when made

    return [make()[:1_500] for make in ATTACKS.values()]


# ------------------------------------------------------------------ encoded words


def check_words(data: bytes) -> None:
    """A field body decodes to one line without control or invisible characters; encoded for a field of ours, that line
    comes back as it was."""
    declared = (None, "koi8-r", "windows-1251", "utf-8", "utf-7", "unknown-8bit")[len(data) % 6]
    text = decoded(data, declared)
    assert shown(text) == text and "\n" not in text
    short = text[:2_000]
    encoded = field_body(short)
    assert encoded.isascii() and b"\r" not in encoded and b"\n\n" not in encoded
    assert all(line[:1] == b" " for line in encoded.split(b"\n")[1:])
    # White space of any kind is one space in a field of ours. What reads as an encoded word was one by intention.
    if b"=?" not in encoded.replace(b"=?utf-8?b?", b"").replace(b"=?utf-8?q?", b""):
        assert decoded(encoded.replace(b"\n", b"")) == " ".join(short.split()), encoded


def _words() -> list[bytes]:
    return [
        b"=?utf-8?b?0KHQsNC50YI=?= =?utf-8?q?_=D1=81?=",
        b"=?koi8-r?B?98HbxSDQydPYzc8=?= (=?windows-1251?q?=CF=F0?=)",
        b"=?utf-8?q?ok=0D=0ABcc:_all=40x?= =?us-ascii*en?q?a?=",
        b"=?utf-8?b?0KHQ?= =?utf-8?b?sNC50YI=?=\n\t=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=",
        b"=?utf-7?q?+AAo-x?= =?x-unknown?b?/////w==?= =?=?=?=",
        "Сайт \u202eне\u200b открывается".encode(),
        "Сайт".encode("cp1251") + b" =?utf-8?q?" + b"=D0" * 40,
    ]


# ------------------------------------------------------------------ address fields


def check_addresses(data: bytes) -> None:
    """What is read as one mailbox is one plain address; the two readers never raise anything but NotOneMailbox, and the
    lenient one keeps to its caps."""
    text = decoded(data)
    for body in (text, data.decode("latin-1"), data.decode("utf-8", "replace")):
        found = addresses_in(body)
        assert len(found) <= MAX_ADDRESSES and sum(map(len, found)) <= MAX_LIST_BYTES * 2
        boxes = list(mailboxes(body))
        try:
            boxes.append(parse_mailbox(body))
        except NotOneMailbox:
            pass
        for box in boxes:
            assert box.domain == ascii_domain(box.domain), box
            assert box.domain.isascii() and not set(box.domain) & set(" <>@(),;\r\n"), box
    try:
        agreed = author.agreed_mailbox(data)
    except NotOneMailbox:
        agreed = None
    plain = author.plain_mailbox(data)
    if plain is not None:
        # The quick way for most of all mail says what the slow one says.
        assert agreed is not None and (agreed.local, agreed.domain) == (plain.local, plain.domain), (plain, agreed)
    if agreed is not None:
        assert not set(agreed.local) & set("<>\r\n\0"), agreed


def _addresses() -> list[bytes]:
    return [
        b"Olena <olena@customer.example>", b"olena@customer.example", b'"O, P" <o@p.example>',
        b"a@b.example, c@d.example",
        b"bob@desk.example <evil@x.example>", b'"x" <a@b> <c@d>', b"group: a@b.example, c@d.example;", b"<@relay:a@b>",
        b"(comment (nested)) a@b.example", b"=?utf-8?q?a=40b.example?= <c@d.example>", b"a@[192.0.2.1]",
        "Олена <олена@приклад.укр>".encode(), b"a@xn--80ak6aa92e.example", b'"a\\"b"@c.example', b"a@b@c.example",
        b"http://a@b.example/", b"a.@b.example", b"a@b.example.", "\ufb02@b.example".encode(),
        b"a@" + b"b." * 60 + b"c",
    ]  # fmt: skip


# ------------------------------------------------------------------ Authentication-Results


@cache
def _some_message():
    return reading.read(raw_message(b"From: a@customer.example\n\nx\n", ENVELOPE, NOW))


def check_results(data: bytes) -> None:
    """Any field body gives results or none; results come only of a field that begins with the trusted id, and their
    domains are plain."""
    body = data.replace(b"\0", b"")
    message = _some_message()
    fields = ((b"Authentication-Results", body), *message.raw.fields)
    message = replace(message, fields=HeaderFields(fields), raw=replace(message.raw, fields=fields))
    found = authentication_results.find(message, ["mx.desk.example"])
    if found is not None:
        unfolded = body.replace(b"\r", b"").replace(b"\n", b"").strip(b" \t").lower()
        assert unfolded.startswith(b"mx.desk.example"), body
    for result in found or ():
        assert result.word in authentication_results.WORDS and result.method in ("spf", "dkim", "dmarc")
        assert not result.domain or result.domain == ascii_domain(result.domain)
    authentication_results.settled(fields, ["mx.desk.example"])


def _results() -> list[bytes]:
    return [
        b" mx.desk.example; spf=pass smtp.mailfrom=olena@customer.example",
        b" mx.desk.example; dkim=pass (2048-bit key) header.d=customer.example header.s=s1; dmarc=pass (p=none) "
        b"header.from=customer.example",
        b" mx.desk.example 1; none", b' "mx.desk.example"; spf=pass', b" (x) mx.desk.example; spf=pass",
        b" mx.desk.example; dkim=pass header.d=customer.example(.evil.example)",
        b" evil.example; spf=pass smtp.mailfrom=customer.example", b" mx.desk.example;spf/1=pass reason=\"a;b\"",
    ]  # fmt: skip


# ------------------------------------------------------------------ rules


def check_rules(data: bytes) -> None:
    """Any bytes give rules or located problems, nothing else."""
    try:
        rules_fuzz.holds(data)
    except BadInput as escaped:
        raise AssertionError(f"{type(escaped).__name__}: {escaped}") from escaped


def _rules() -> list[bytes]:
    folder = ROOT / "tests/rules"
    small = [path.read_bytes() for path in sorted((folder / "bad").glob("*.bad.yaml"))[::9]]
    return [*small, *(path.read_bytes() for path in sorted((folder / "seeds").glob("*")))]


_LETTERS = tuple(b"\0\0\0" + bytes((size,)) + bytes((letter,)) for letter in b"OCHMRTLNBEAQKUD" for size in (1, 9))
TARGETS = {
    one.name: one
    for one in (
        Target("packets", check_packets, _conversations, (*_LETTERS, b"GET / HTTP/1.1", b"\xff\xff\xff\xff"), 8_000),
        Target(
            "session",
            check_session,
            _conversations,
            (*_LETTERS, b"X-FlexiHost-Queue\0", b"<a@b>\0", b"SIZE=9\0", b"\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"),
            4_000,
        ),
        Target("answers", check_answers, _answers, (b"\0\0\0\x04", b"{}", b"[", b'"', b"1e999", b"NaN"), 4_000),
        Target(
            "parse",
            check_parse,
            _mails,
            (
                b"Content-Type: multipart/mixed; boundary=b\n",
                b"\n--b\n",
                b"\n--b--\n",
                b"\n\n",
                b"boundary=",
                b"Content-Type: message/rfc822\n",
                b"Content-Type: text/html; charset=utf-7\n",
                b"=\n",
                b"=D0",
                b"Content-Transfer-Encoding: base64\n",
                b"Content-Transfer-Encoding: quoted-printable\n",
                b"> ",
                b"-- \n",
                b"<div>",
                b"<style>",
                b"&#x202e;",
                b"\x1b$B",
                "Привет".encode("koi8-r"),
                "Привет".encode(),
                b"filename*0*=",
                b"Content-Disposition: attachment; ",
                "8биt".encode(),
                b"=?utf-8?b?",
                b"From: a wrote:\n",
                b"begin 644 x\n",
            ),
            2_000,
        ),
        Target(
            "arc",
            signs.check_arc,
            signs.arc_seeds,
            (
                b"ARC-Seal: i=1; cv=none; ",
                b"ARC-Message-Signature: i=1; ",
                b"ARC-Authentication-Results: i=1; mx.lists.example; dkim=pass header.d=evil.example\r\n",
                b"; l=5",
                b"h=from",
                b"cv=pass",
                b"i=2;",
                b"d=lists.example;",
                b"a=rsa-sha256;",
                b"\r\n ",
                b"From: x@y.example\r\n",
                b"b=AAAA",
            ),
            300,
        ),
        Target(
            "bounces",
            signs.check_bounces,
            signs.bounce_seeds,
            (
                b"Final-Recipient: ",
                b"rfc822;",
                b"\n\n",
                b"\n ",
                b"Status: 5.",
                b"550 5.1.1 ",
                b"<a@b.example>",
                b"> ",
                b"(#5.",
                b"\\x{43f}",
                b"Content-Type: message/rfc822\n\n",
                b"X-Failed-Recipients: ",
                b"utf-8; ",
                b"\xcf\xf0",
            ),
            300,
        ),
        Target(
            "words",
            check_words,
            _words,
            (
                b"=?utf-8?b?",
                b"=?utf-8?q?",
                b"?=",
                b"=?koi8-r?B?",
                b"=0D=0A",
                b"_",
                b"=?utf-7?q?",
                b"=?idna?q?",
                b" ",
                b"=?iso-2022-jp?b?GyRC",
                b"\n\t",
                b"=?hz?q?~{",
                b"*ru",
                b"====",
                "\u202e".encode(),
                b"=?punycode?q?",
            ),
            6_000,
        ),
        Target(
            "addresses",
            check_addresses,
            _addresses,
            (b"<", b">", b"@", b'"', b"\\", b",", b";", b":", b"(", b")", b"[", b"]", b".", b"xn--", b"=?utf-8?q?"),
            4_000,
        ),
        Target(
            "results",
            check_results,
            _results,
            (
                b"mx.desk.example",
                b";",
                b"spf=pass",
                b"dkim=",
                b"header.d=",
                b"smtp.mailfrom=",
                b"(",
                b")",
                b'"',
                b"none",
            ),
            2_500,
        ),
        Target("rules", check_rules, _rules, rules_fuzz.WORDS, 1_500),
    )
}
