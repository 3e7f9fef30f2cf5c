"""A desk for tests: its texts, its key, a clock that is moved by hand, an MTA that keeps what it is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from router.acknowledge import token
from router.acknowledge.compose import Composed
from router.acknowledge.keys import Keys
from router.acknowledge.lmtp import Delivery
from router.acknowledge.outgoing import Outcome
from router.acknowledge.policy import Limits, Policy, QueueText
from router.acknowledge.service import Acknowledger
from router.acknowledge.throttle import Instant, Throttle
from router.acknowledge.token import Asked
from router.acknowledge.wish import Wish
from router.facts import Site
from router.message.envelope import folded

KEYS = Keys.of(b"a secret of thirty-two characters")
FRIDAY = datetime(2026, 3, 6, 17, 40, tzinfo=UTC)
OLENA = "olena@customer.example"
SUPPORT, BILL = "support@desk.example", "bill@desk.example"
PREFIX = "X-Desk-"

SITE = Site(
    header_prefix=PREFIX,
    queue_addresses={folded(one): queue for one, queue in (
        (SUPPORT, "support"), ("help@desk.example", "support"), (BILL, "accounts"), ("duty@desk.example", "moderation"),
    )},
    spam=("X-Spam-Score", 5.0),
)  # fmt: skip

POLICY = Policy(
    site=SITE,
    languages=("uk", "ru", "en"),
    queues={
        "support": QueueText(
            SUPPORT,
            {"uk": "технічна підтримка", "ru": "техническая поддержка", "en": "technical support"},
            "Europe/Kyiv",
        ),
        "accounts": QueueText(
            BILL, {"uk": "бухгалтерія", "ru": "бухгалтерия", "en": "accounts department"}, "Europe/Kyiv"
        ),
        "moderation": QueueText(
            "duty@desk.example", {"uk": "черговий", "ru": "дежурный", "en": "duty"}, "Europe/Kyiv", answers=False
        ),
    },
    subject={"uk": "Авто: {subject}", "ru": "Авто: {subject}", "en": "Auto: {subject}"},
    opening={"uk": "Вітаємо!", "ru": "Здравствуйте!", "en": "Hello!"},
    closing={"uk": "Ваша підтримка", "ru": "Ваша поддержка", "en": "Your desk"},
    snippets={
        "redirected": {
            "uk": "Лист передано: {queue}. Очікуйте відповідь: {expect_by}.",
            "ru": "Письмо передано: {queue}. Ожидайте ответ до {expect_by}.",
            "en": "Passed to {queue}. Expect an answer by {expect_by}.",
        },
        "out_of_hours": {
            "uk": "Найближчий робочий час: {opens_at}.",
            "ru": "Ближайшее рабочее время: {opens_at}.",
            "en": "Next working time: {opens_at}.",
        },
        "name_account": {"uk": "Вкажіть договір.", "ru": "Укажите договор.", "en": "Name the contract."},
        "need_details": {
            "uk": "Нам потрібні: {missing}.", "ru": "Нам нужны: {missing}.", "en": "We need: {missing}."
        },
    },
    asks={
        "site.url": {"uk": "адреса сторінки", "ru": "адрес страницы", "en": "the page address"},
        "site.browser": {"uk": "браузер", "ru": "браузер", "en": "the browser"},
    },
    from_address=SUPPORT,
    from_name="The Desk",
    limits=Limits(),
)  # fmt: skip

WISH = Wish(
    decision="d1",
    languages=("ru",),
    snippets=("redirected", "need_details"),
    queue="support",
    missing=("site.url", "site.browser"),
    answer_by=datetime(2026, 3, 6, 21, 40, tzinfo=UTC),
    opens_at=datetime(2026, 3, 9, 7, 0, tzinfo=UTC),
    auth="pass",
)

LETTER = """\
Received: from mail.customer.example (mail.customer.example [192.0.2.7])
 by mx.desk.example (Postfix) with ESMTPS id 4F1B2C03D for <bill@desk.example>;
 Fri, 6 Mar 2026 19:40:00 +0200 (EET)
From: Olena <{author}>
To: bill@desk.example
Subject: {subject}
Date: Fri, 6 Mar 2026 19:39:58 +0200
Message-ID: {message_id}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
{head}
{text}
"""


def letter(
    head: str = "",
    *,
    author: str = OLENA,
    subject: str = "Site is down",
    message_id: str = "<m1@customer.example>",
    text: str = "Our site is down since six.",
    without: str = "",
) -> bytes:
    """A customer's mail as LF text made to CRLF. head: more fields, each line ended. without: a field to leave out."""
    template = "".join(
        line for line in LETTER.splitlines(keepends=True) if not without or not line.startswith(f"{without}:")
    )
    whole = template.format(author=author, subject=subject, message_id=message_id, head=head, text=text)
    lines = whole.split("\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


_nonces = count(1)


def intent(
    mail: bytes,
    wish: Wish = WISH,
    *,
    sender: str = OLENA,
    at: datetime = FRIDAY,
    message_id: str | None = None,
    keys: Keys = KEYS,
) -> Delivery:
    """The delivery that the MTA would make of `mail` once the filter has written its wish into it."""
    if message_id is None:
        found = [line for line in mail.split(b"\r\n\r\n")[0].split(b"\r\n") if line.lower().startswith(b"message-id:")]
        message_id = found[0].partition(b":")[2].strip().decode() if found else ""
    body = wish.field_body()
    argument = f"<{sender}>".encode()
    local = token.make(
        keys, Asked(argument, message_id, body), at, random=lambda size: next(_nonces).to_bytes(size, "big")
    )
    data = f"{PREFIX}Reply: {body}\r\n".encode() + mail
    return Delivery(argument, f"<{local}@ack.desk.internal>".encode(), data, len(data))


@dataclass
class ByHand:
    """A clock that stands until it is moved. wall and monotonic can be moved apart."""

    wall: datetime = FRIDAY
    monotonic_s: float = 1000.0

    def __call__(self) -> Instant:
        return Instant(self.wall, self.monotonic_s)

    def pass_by(self, **duration: float) -> None:
        step = timedelta(**duration)
        self.wall += step
        self.monotonic_s += step.total_seconds()

    def jump(self, **duration: float) -> None:
        """Somebody sets the wall clock."""
        self.wall += timedelta(**duration)


@dataclass
class Mta:
    """Takes what is sent; `answer` decides otherwise."""

    sent: list[Composed] = field(default_factory=list)
    answer: Callable[[Composed], tuple[Outcome, str]] = lambda message: (Outcome.SENT, "250 ok")
    before: Callable[[], Outcome | None] = lambda: None

    def send(self, message: Composed, before_data: Callable[[], bool]) -> tuple[Outcome, str]:
        early = self.before()
        if early is not None:
            return early, "before DATA"
        if not before_data():
            return Outcome.WITHDRAWN, ""
        outcome, words = self.answer(message)
        if outcome is Outcome.SENT or outcome is Outcome.UNKNOWN:
            self.sent.append(message)
        return outcome, words


class Desk:
    """An acknowledger on a database in `folder`, ready to answer (not muted unless told). durable: as in service."""

    def __init__(
        self,
        folder: Path,
        policy: Policy = POLICY,
        clock: ByHand | None = None,
        *,
        muted: bool = False,
        durable: bool = False,
    ):
        self.clock = clock or ByHand()
        self.mta = Mta()
        self.events: list[tuple[str, dict]] = []
        self.path = folder / "acknowledgements.sqlite"
        if not muted and not self.path.exists():
            Throttle(self.path, KEYS, self.clock, service=False, by_hand=True).close()
        self.acknowledger = Acknowledger(
            policy,
            KEYS,
            lambda: Throttle(self.path, KEYS, self.clock, durable=durable),
            self.mta,
            self.clock,
            self._log,
        )

    def _log(self, event: str, **values: object) -> None:
        self.events.append((event, values))

    def handle(self, delivery: Delivery) -> str:
        return self.acknowledger.handle(delivery)

    def answer(self, mail: bytes, wish: Wish = WISH, **how) -> str:
        return self.handle(intent(mail, wish, at=self.clock.wall, **how))

    def refused(self) -> list[list[str]]:
        """The gates of every refusal, in order."""
        return [values["gates"] for event, values in self.events if event == "no-acknowledgement"]

    def close(self) -> None:
        self.acknowledger.close()
