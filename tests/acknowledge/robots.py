"""Two robots that answer each other: our acknowledgement service and every kind of responder, with clocks that fly.

The filter is taken to be hopeless: it wishes an answer to every mail, and every sender is proven. What keeps the two
from talking for ever are the service's own gates and limits alone.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes

from router.acknowledge.compose import Composed
from router.message.headers import decoded
from tests.acknowledge.desk import SUPPORT, WISH, Desk, intent

DAY = timedelta(days=1)
SNIPPETS = ("redirected", "out_of_hours", "name_account", "need_details")


@dataclass(frozen=True)
class Robot:
    """A responder. address(n): what it answers from the n-th time. marks: fields that say it is a robot. subject: made
    of ours and its count. threads: keeps In-Reply-To and References. obeys: does not answer mail that is marked as
    automatic. to_from: answers the From field, as the worst do; else the envelope sender, which is empty. delay_s:
    until it answers. repeats: how many answers it gives to one mail. fresh_ids: a new Message-ID each time.
    quotes_head: gives our own loop field back."""

    name: str
    address: Callable[[int], str] = lambda n: "robot@responder.example"
    marks: str = ""
    subject: Callable[[str, int], str] = lambda ours, n: f"Re: {ours}"
    threads: bool = True
    obeys: bool = False
    to_from: bool = True
    delay_s: float = 5.0
    repeats: int = 1
    fresh_ids: bool = True
    quotes_head: bool = False


KINDS = (
    Robot("RFC 3834 vacation", marks="Auto-Submitted: auto-replied\n", obeys=True, to_from=False),
    Robot("vacation that answers everything", marks="Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk\n"),
    Robot("old vacation", marks="Precedence: junk\n", threads=False),
    Robot("script without any mark", threads=False, subject=lambda ours, n: "Thank you for your message"),
    Robot("helpdesk", threads=False, subject=lambda ours, n: f"[#{117000 + n}] Ticket Received - {ours}"),
    Robot("helpdesk that threads", subject=lambda ours, n: f"[#{117000 + n}] {ours}"),
    Robot(
        "Exchange out of office",
        marks="X-Auto-Response-Suppress: All\n",
        subject=lambda ours, n: f"Automatic reply: {ours}",
    ),
    Robot("list", marks="List-Id: <users.list.example>\nPrecedence: list\n", repeats=5),
    Robot("robot whose address changes", address=lambda n: f"case-{n}@responder.example", threads=False),
    Robot("three copies of each answer", threads=False, repeats=3, fresh_ids=True),
    Robot("the same answer again and again", threads=False, repeats=4, fresh_ids=False),
    Robot("slow script", threads=False, delay_s=5 * 3600.0, subject=lambda ours, n: f"Your request {n}"),
    Robot("sends our mail back", quotes_head=True),
    Robot("subject that grows", subject=lambda ours, n: f"Re: Fwd: {ours}", threads=False),
)


@dataclass
class Conversation:
    """What was said. ours: (when, to) of each acknowledgement."""

    robot: Robot
    ours: list[tuple[datetime, str]] = field(default_factory=list)
    theirs: int = 0

    def most_in_an_hour(self) -> int:
        """The most acknowledgements to anybody in any hour."""
        hour = timedelta(hours=1)
        return max(sum(1 for other, _ in self.ours if when <= other < when + hour) for when, _ in self.ours)

    def most_in_a_day(self) -> int:
        """The most acknowledgements to one address in any 24 hours."""
        most = 0
        for when, address in self.ours:
            most = max(most, sum(1 for other, to in self.ours if to == address and when <= other < when + DAY))
        return most


def converse(desk: Desk, robot: Robot, days: int, random_: random.Random, most: int = 60) -> Conversation:
    """Let the two write to each other, from a first mail of the robot's, for some days or `most` mails of its. It also
    writes anew, unasked, once a day: a monitoring mail, say."""
    said = Conversation(robot)
    ends = desk.clock.wall + timedelta(days=days)
    last: Composed | None = None
    waiting = 0
    while desk.clock.wall < ends and said.theirs < most:
        before = len(desk.mta.sent)
        for _ in range(robot.repeats):
            said.theirs += 1
            _write(desk, robot, said.theirs, last, random_)
        answered = desk.mta.sent[before:]
        said.ours += [(desk.clock.wall, message.to) for message in answered]
        willing = [message for message in answered if _answers(robot, message)]
        last = willing[-1] if willing else None
        waiting = 0 if last else waiting + 1
        seconds = robot.delay_s if last else DAY.total_seconds() * random_.uniform(0.2, 1.0)
        desk.clock.pass_by(seconds=seconds)
    return said


def _answers(robot: Robot, message: Composed) -> bool:
    mail = message_from_bytes(message.data)
    if not robot.to_from:
        return False  # the null sender has no address
    return not (robot.obeys and mail["Auto-Submitted"] != "no")


def _write(desk: Desk, robot: Robot, number: int, answered: Composed | None, random_: random.Random) -> None:
    address = robot.address(number)
    ours = message_from_bytes(answered.data) if answered else None
    subject = "report" if ours is None else decoded(ours["Subject"].replace("\r\n", "\n").encode())
    own_id = f"{number}.{random_.randrange(10**9)}" if robot.fresh_ids else "same"
    message_id = f"<{own_id}@responder.example>"
    head = robot.marks
    if ours is not None and robot.threads:
        head += f"In-Reply-To: {ours['Message-ID']}\nReferences: {ours['References'] or ''} {ours['Message-ID']}\n"
    if ours is not None and robot.quotes_head:
        head += f"X-Desk-Loop: {ours['X-Desk-Loop']}\n"
    subject = robot.subject(subject, number) if ours is not None else f"{subject} {number}"
    text = (
        f"From: Robot <{address}>\nTo: {SUPPORT}\nSubject: {' '.join(subject.split())[:300]}\n"
        f"Date: Fri, 6 Mar 2026 19:40:00 +0200\nMessage-ID: {message_id}\n{' '.join(head.split(' '))}\n"
        f"This is an answer of a machine, number {number}.\n"
    )
    wish = replace(
        WISH, languages=("en",), snippets=tuple(one for one in SNIPPETS if random_.random() < 0.6) or SNIPPETS[:1]
    )
    mail = text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    desk.handle(intent(mail, wish, sender=address, at=desk.clock.wall, message_id=message_id))


def any_robot(random_: random.Random) -> Robot:
    """A responder put together at random; most have no manners at all."""
    prefix = random_.choice(["Re: ", "AW: ", "", "Ticket received: ", "[#{n}] ", "Your request {n}: ", "Fwd: "])
    keeps_subject = random_.random() < 0.7
    changes = random_.random() < 0.15
    marks = random_.choice(
        ["", "", "", "", "Precedence: bulk\n", "Auto-Submitted: auto-generated\n", "X-Autoreply: yes\n", "X-Loop: us\n"]
    )
    return Robot(
        name="random",
        address=(lambda n: f"r{n}@responder.example") if changes else (lambda n: "robot@responder.example"),
        marks=marks,
        subject=lambda ours, n: prefix.replace("{n}", str(n)) + (ours if keeps_subject else "notice"),
        threads=random_.random() < 0.3,
        obeys=random_.random() < 0.1,
        delay_s=random_.choice([0.0, 1.0, 60.0, 3600.0, 7 * 3600.0, 13 * 3600.0, 25 * 3600.0]),
        repeats=random_.choice([1, 1, 1, 2, 3, 10]),
        fresh_ids=random_.random() < 0.9,
    )
