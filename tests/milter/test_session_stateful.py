"""A session under every order of what MTAs do: one answer for each command that is owed one, and never anything of one
message in another."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from router.milter import responses
from router.milter.commands import Command
from router.milter.negotiation import Action, Protocol
from router.milter.session import Aborted, Closed, EndOfMessage, Session
from router.milter.table import State

from .making import NOW, command, letters, optneg

NR = {
    Command.CONNECT: Protocol.NR_CONN,
    Command.HELO: Protocol.NR_HELO,
    Command.MAIL: Protocol.NR_MAIL,
    Command.RCPT: Protocol.NR_RCPT,
    Command.HEADER: Protocol.NR_HDR,
    Command.EOH: Protocol.NR_EOH,
    Command.BODY: Protocol.NR_BODY,
    Command.DATA: Protocol.NR_DATA,
    Command.UNKNOWN: Protocol.NR_UNKN,
}


class MtaAndSession(RuleBasedStateMachine):
    """The rules are an MTA that may give up at any time; every text it sends carries the number of its mail."""

    @initialize(protocol=st.integers(0, Protocol.ALL), step=st.integers(1, 40))
    def begin(self, protocol, step):
        self.session = Session(lambda: "X-Desk-", lambda: NOW)
        self.step = step
        self.mail = 0
        self.helo = b""
        self.waiting = None
        self.old = []
        self.sent = {"recipients": [], "fields": [], "body": b"", "sender": b"<>"}
        self.events = []
        self.send(optneg(6, Action.ALL, protocol))
        assert letters(self.events.pop()) == "O"
        self.events.clear()
        self.protocol = self.session.offer.protocol

    def send(self, data):
        for at in range(0, len(data), self.step):
            self.events += self.session.receive(data[at : at + self.step])

    def say(self, letter, data=b""):
        """Send a command; exactly its answer comes back."""
        self.send(command(letter, data))
        owed = letter in NR and not self.protocol & NR[letter]
        answered = "".join(letters(event) for event in self.events if isinstance(event, bytes))
        assert answered == ("c" if owed else "")
        self.events = [event for event in self.events if not isinstance(event, bytes)]

    def mark(self):
        return b"mail-%d." % self.mail

    def state(self):
        return self.session.state

    def forget(self):
        self.sent = {"recipients": [], "fields": [], "body": b"", "sender": b"<>"}

    @precondition(lambda self: self.waiting is None)
    @rule()
    def mail_from(self):
        self.mail += 1
        self.forget()
        self.sent["sender"] = b"<" + self.mark() + b">"
        self.say(Command.MACRO, b"Mi\0" + self.mark() + b"\0")
        self.say(Command.MAIL, self.sent["sender"] + b"\0SIZE=3\0")

    @precondition(lambda self: self.state() is State.ENVELOPE)
    @rule(number=st.integers(0, 5))
    def rcpt_to(self, number):
        recipient = b"<%d." % number + self.mark() + b">"
        self.sent["recipients"].append(recipient)
        self.say(Command.RCPT, recipient + b"\0")

    @precondition(lambda self: self.state() is State.ENVELOPE)
    @rule()
    def data(self):
        self.say(Command.DATA)

    @precondition(lambda self: self.state() in (State.ENVELOPE, State.FIELDS))
    @rule(forged=st.booleans())
    def header(self, forged):
        name = b"X-DESK-Queue" if forged else b"Subject"
        self.sent["fields"].append((name, b" " + self.mark()))
        leading = self.protocol & Protocol.HDR_LEADSPC
        self.say(Command.MACRO, b"Li\0" + self.mark() + b"\0")
        self.say(Command.HEADER, name + (b"\0 " if leading else b"\0") + self.mark() + b"\0")

    @precondition(lambda self: self.state() in (State.ENVELOPE, State.FIELDS))
    @rule()
    def end_of_header(self):
        self.say(Command.EOH)

    @precondition(lambda self: self.state() in (State.ENVELOPE, State.FIELDS, State.BODY))
    @rule()
    def body(self):
        self.sent["body"] += self.mark()
        self.say(Command.BODY, self.mark())

    @precondition(lambda self: self.state() in (State.ENVELOPE, State.FIELDS, State.BODY))
    @rule()
    def end_of_message(self):
        self.say(Command.BODYEOB)
        (end,) = self.events
        assert isinstance(end, EndOfMessage)
        raw, envelope = end.raw, end.raw.envelope
        assert envelope.sender == self.sent["sender"]
        assert list(envelope.recipients) == self.sent["recipients"]
        assert list(raw.fields) == self.sent["fields"]
        assert raw.body == self.sent["body"]
        assert envelope.queue_id == self.mark().decode()
        assert envelope.helo == self.helo
        forged = sum(name == b"X-DESK-Queue" for name, _ in raw.fields)
        assert raw.strip_counts == ({b"x-desk-queue": forged} if forged else {})
        assert end.serial not in self.old
        self.waiting = end.serial
        self.events.clear()

    @precondition(lambda self: self.waiting is not None)
    @rule(packets=st.sampled_from([responses.ACCEPT, responses.TEMPFAIL]))
    def answer(self, packets):
        assert self.session.answer(packets, self.waiting) == [packets]
        self.old.append(self.waiting)
        self.waiting = None
        self.forget()

    @precondition(lambda self: self.old)
    @rule(pick=st.randoms())
    def answer_late(self, pick):
        """An answer to what was answered or given up long ago changes nothing."""
        before = self.state()
        assert self.session.answer(responses.ACCEPT, pick.choice(self.old)) == []
        assert self.state() is before

    @rule()
    def abort(self):
        self.say(Command.ABORT)
        if self.waiting is not None:
            assert self.events == [Aborted(self.waiting)]
            self.old.append(self.waiting)
            self.waiting = None
        self.events.clear()
        self.forget()

    @precondition(lambda self: self.waiting is None)
    @rule(name=st.sampled_from([b"mx", "привет".encode(), b"\xff"]))
    def new_helo(self, name):
        self.say(Command.HELO, name + b"\0")
        self.helo = name
        self.forget()

    @precondition(lambda self: self.waiting is None)
    @rule()
    def another_client(self):
        self.say(Command.QUIT_NC)
        self.say(Command.CONNECT, b"mx\0U")
        self.helo = b""
        self.forget()

    @precondition(lambda self: self.waiting is None)
    @rule()
    def unknown_command(self):
        self.say(Command.UNKNOWN, b"FOOBAR\0")

    @invariant()
    def nothing_is_left_over(self):
        if hasattr(self, "session"):
            assert self.events == []
            assert not any(isinstance(event, Closed) for event in self.events)


TestMtaAndSession = MtaAndSession.TestCase
TestMtaAndSession.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
