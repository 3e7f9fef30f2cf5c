"""A mail that the MTA has accepted, with the wish it carries: the service's own parse, nothing taken over."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from itertools import pairwise

from router.acknowledge.keys import Keys, mac
from router.acknowledge.policy import Policy
from router.acknowledge.token import Asked
from router.acknowledge.wish import NoWish, Wish, parse
from router.frozen import dataclass
from router.identity.author import Author
from router.identity.author import find as find_author
from router.message.eml import raw_message
from router.message.envelope import Envelope, RawMessage, address_of, folded
from router.message.message import Message
from router.message.read import read
from router.signals.refusals import Candidate

HASHED_BODY_BYTES = 4_096


@dataclass(frozen=True)
class Accepted:
    """sender: the MAIL FROM argument, verbatim. token: the local part of the intent. size_bytes: of the whole mail,
    also where only its beginning was kept."""

    message: Message
    policy: Policy
    sender: bytes
    token: str
    size_bytes: int

    @cached_property
    def sender_address(self) -> str:
        return address_of(self.sender)

    @cached_property
    def author(self) -> Author:
        return find_author(self.message)

    @cached_property
    def reply_bodies(self) -> tuple[str, ...]:
        return self.message.fields.all(self.policy.reply_field)

    @cached_property
    def wish(self) -> "Wish | NoWish":
        """What is to be said, or why that is not known."""
        bodies = self.reply_bodies
        if len(bodies) != 1:
            return NoWish(f"{len(bodies) or 'no'} {self.policy.reply_field} fields")
        try:
            return parse(bodies[0])
        except NoWish as problem:
            return problem

    @property
    def asked(self) -> Asked:
        body = self.reply_bodies[0] if len(self.reply_bodies) == 1 else ""
        return Asked(self.sender, self.message.message_id, body)

    @cached_property
    def candidate(self) -> Candidate:
        site = self.policy.site
        return Candidate(
            message=self.message,
            sender=self.sender_address,
            author=self.author.address,
            queue_of=site.queue_of,
            own_domains=self.policy.own_domains,
            loop_field=self.policy.loop_field,
            spam=site.spam,
        )

    def once_key(self, keys: Keys) -> bytes:
        """K1: the same for every copy of this mail: retries, split recipients, replayed intents.

        A Message-ID that an MTA made counts for nothing, since the retry of a mail that has none gets a new one; then
        author, subject and the beginning of the body stand for it (reliability.md, D6).
        """
        message = self.message
        sender = folded(self.sender_address, keep_detail=True).encode("utf-8", "replace")
        identity = message.message_id
        if identity and not made_by_an_mta(identity, message.fields.all("Received")):
            return mac(keys.once, sender, b"id", identity.encode("utf-8", "replace"))
        raw = message.raw
        subject, author = message.fields.raw("Subject"), message.fields.raw("From")
        return mac(keys.once, sender, b"content", b"".join(author), b"".join(subject), raw.body[:HASHED_BODY_BYTES])


def made_by_an_mta(message_id: str, received: Sequence[str]) -> bool:
    """Whether the Message-ID holds the queue id of a host that the mail went through: Postfix writes
    `<20261124063105.4F1B2C03D@host>`, Sendmail `<202611240631.5AO6V5xx012345@host>`."""
    local = message_id.strip("<> ").partition("@")[0]
    for body in received:
        words = body.partition(";")[0].split()
        for word, following in pairwise(words):
            if word.lower() == "id" and len(following) >= 6 and following.strip("<>();") in local.split("."):
                return True
    return False


def accepted(
    data: bytes, sender: bytes, token: str, policy: Policy, received_at: datetime, size_bytes: int
) -> Accepted:
    """The mail as it came from the MTA by LMTP. Never raises: what cannot be read becomes a refusal."""
    raw = raw_message(data, Envelope(sender, ()), received_at, source="lmtp", strip_prefix=policy.site.header_prefix)
    return of_raw(raw, policy, token, size_bytes)


def of_raw(raw: RawMessage, policy: Policy, token: str, size_bytes: int) -> Accepted:
    return Accepted(read(raw), policy, raw.envelope.sender, token, size_bytes)
