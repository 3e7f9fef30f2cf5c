"""What ties acknowledgements to the rules: the service's policy, and the wish that the filter writes into a mail.

The acknowledgement room knows nothing of rules.yaml, and the rules nothing of tokens; this is where they meet.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from router.acknowledge import gates, token, wish
from router.acknowledge.accepted import of_raw
from router.acknowledge.compose import Answered, CannotCompose, Composed, compose
from router.acknowledge.keys import BadKey, Keys, read_keys
from router.acknowledge.policy import (
    Limits,
    Policy,
    QueueText,
    Rate,
    placeholders_in,
)
from router.acknowledge.token import Asked
from router.acknowledge.wish import Wish
from router.decision import Decision
from router.errors import BadInput
from router.frozen import dataclass
from router.message.envelope import RawMessage
from router.rules import schema
from router.rules.gates import WHEN
from router.rules.ruleset import Ruleset


class NoAnswers(BadInput):
    """These rules, or this machine, send no acknowledgements; the words say what is missing."""


def policy_of(ruleset: Ruleset) -> Policy:
    """What the service needs of a rules file. Raises NoAnswers when the file sends no answers."""
    file = ruleset.file
    settings, replies = file.settings.reply, file.replies
    if settings is None or replies is None:
        missing = "settings.reply" if settings is None else "replies"
        raise NoAnswers(f"{file.source}: there is no {missing}, so that no acknowledgement can be sent")
    return Policy(
        site=ruleset.site,
        languages=tuple(str(one) for one in file.languages),
        queues={
            name: QueueText(
                str(queue.address), _plain(queue.titles), file.calendars[queue.calendar].timezone, queue.auto_reply
            )
            for name, queue in file.queues.items()
        },
        subject=_plain(replies.subject),
        opening=_plain(replies.open),
        closing=_plain(replies.close),
        snippets={name: _plain(texts) for name, texts in replies.snippets.items()},
        asks=_asks(file),
        from_address=str(settings.from_.address) if settings.from_ else None,
        from_name=str(settings.from_.name) if settings.from_ else "",
        limits=Limits(
            once_per=settings.once_per,
            per_sender=Rate(settings.max_per_sender.count, settings.max_per_sender.per),
            per_domain=Rate(settings.max_per_domain.count, settings.max_per_domain.per),
            total=Rate(settings.max_total.count, settings.max_total.per),
        ),
        precedence_bulk=settings.bulk,
        rules=file.sha256,
    )


@dataclass(frozen=True, slots=True)
class Answering:
    """The filter's side. domain: of the intents."""

    ruleset: Ruleset
    keys: Keys
    domain: str

    def wished(self, decision: Decision, raw: RawMessage) -> tuple[Decision, str]:
        """The decision with what is to be said in its `<prefix>Reply` field, and the address of the intent.

        The decision as it came and "" when nothing is to be said."""
        asked = wish.of_decision(decision)
        if asked is None:
            return decision, ""
        body = _with_opening(self.ruleset, asked, decision.received_at).field_body()
        name = self.ruleset.site.header_prefix + "Reply"
        fields = tuple((key, body if key == name else value) for key, value in decision.headers_add)
        if (name, body) not in fields:
            fields = (*fields, (name, body))
        # The token lives by the real clock, whatever clock the decision was made by.
        made = token.make(self.keys, Asked(raw.envelope.sender, decision.message_id, body), raw.received_at)
        return replace(decision, headers_add=fields), f"{made}@{self.domain}"


def answering_of(ruleset: Ruleset, base: Path, key_file: Path | None = None) -> Answering:
    """The filter's side of these rules. base: the folder that paths in them start from. key_file: instead of the one
    they name. Raises NoAnswers with what is missing; the filter then goes on without acknowledgements."""
    settings = ruleset.file.settings
    if settings.reply is None or settings.reply.intent_domain is None:
        raise NoAnswers("settings.reply.intent_domain is not set")
    policy_of(ruleset)
    return Answering(ruleset, keys_of(ruleset, base, key_file), str(settings.reply.intent_domain).lower())


def keys_of(ruleset: Ruleset, base: Path, key_file: Path | None = None) -> Keys:
    """The keys made of `key_file`, else of `settings.key_file`. Raises NoAnswers."""
    named = ruleset.file.settings.key_file
    if key_file is None and named is None:
        raise NoAnswers("settings.key_file is not set")
    try:
        return read_keys(key_file or base / str(named))
    except BadKey as problem:
        raise NoAnswers(str(problem)) from None


def _with_opening(ruleset: Ruleset, asked: Wish, at: datetime) -> Wish:
    """The wish with the next opening of its queue, if a snippet tells it and no rule asked for an expectation."""
    replies = ruleset.file.replies
    told = replies is not None and any(
        "opens_at" in placeholders_in(text)
        for name in asked.snippets
        for text in replies.snippets[name].by_language.values()
    )
    if not told or asked.opens_at is not None:
        return asked
    return replace(asked, opens_at=ruleset.calendar_of(asked.queue).next_opening(at))


def _plain(texts: schema.Texts) -> dict[str, str]:
    return {str(language): str(text) for language, text in texts.by_language.items()}


def _asks(file: schema.RulesFile) -> dict[str, dict[str, str]]:
    """What is asked for, by `checklist.item` and by `item`; of two items of one name the first in the file, since a
    decision names an item once."""
    found: dict[str, dict[str, str]] = {}
    for checklist in file.checklists.values():
        for item in checklist.items:
            found[f"{checklist.name}.{item.id}"] = texts = _plain(item.ask)
            found.setdefault(str(item.id), texts)
    return found


@dataclass(frozen=True, slots=True)
class Preview:
    """What the service would do with one mail. refused: gate or reason -> evidence; empty: it would go, if the store
    has nothing against it. message: what would be said, also when it is refused; None when nothing would."""

    refused: Mapping[str, str]
    message: Composed | None


def preview(ruleset: Ruleset, decision: Decision, raw: RawMessage, now: datetime) -> Preview:
    """The acknowledgement of a decided mail, without a token and without the store. Raises NoAnswers."""
    policy = policy_of(ruleset)
    if decision.queue is None:
        return Preview({"scope": "no queue is addressed"}, None)
    said = decision.reply and wish.of_decision(replace(decision, hold=None, reply=replace(decision.reply, send=True)))
    if decision.reply is None or not said:
        found = gates.judge(of_raw(raw, policy, "", len(raw.body)), None, now)
        return Preview(
            {"rules": "no rule says anything"} | {gate: found[gate] for gate in found if gate != "G17"}, None
        )
    asked = _with_opening(ruleset, said, decision.received_at)
    fields = tuple(one for one in raw.fields if one[0].lower() != policy.reply_field.lower().encode())
    seen = replace(raw, fields=(*fields, (policy.reply_field.encode(), asked.field_body().encode())))
    mail = of_raw(seen, policy, "", len(raw.body))
    found = dict(gates.judge(mail, None, now))
    for gate in decision.reply.refused:
        found.setdefault(gate, WHEN.get(gate, "refused when the rules decided"))
    try:
        message = compose(
            policy,
            asked,
            Answered(
                mail.sender_address,
                mail.message.subject,
                mail.message.message_id,
                mail.message.fields.first("References"),
            ),
            message_id=f"<ack.preview@{policy.address_of(asked.queue).rpartition('@')[2]}>",
            loop="preview",
            now=now,
        )
    except CannotCompose as problem:
        return Preview({**found, "text": str(problem)}, None)
    return Preview(found, message)
