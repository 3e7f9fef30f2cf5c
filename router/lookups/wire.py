"""What goes between the front and the look-up process: frames as between front and workers.

    front -> process   marshal ("plan", number, plan)                   mails after it are asked by this plan
                       marshal ("mail", number, plan's number, envelope, fields, body, cuts, received at)
    process -> front   JSON {"number": ..., "answer": LookedUp.plain()} and sometimes {"counters": {...}}; first of all
                       an answer with the number 0, which means "I am there"

The process reads what strangers wrote, and what their DNS servers answer: nothing that it sends is ever unpickled.
"""

import json
import marshal
import struct
from datetime import UTC, datetime
from typing import Any

from router.identity.looked_up import BadLookedUp, LookedUp, from_plain
from router.lookups.plan import Plan
from router.lookups.plan import from_plain as plan_from_plain
from router.message.envelope import Envelope, RawMessage

MAX_ANSWER_BYTES = 1 << 20
_SIGNATURES = (b"dkim-signature", b"arc-message-signature")
_LENGTH = struct.Struct(">I")


def plan_frame(number: int, plan: Plan) -> bytes:
    return _frame(marshal.dumps(("plan", number, json.dumps(plan.plain()))))


def mail_frame(number: int, plan_number: int, raw: RawMessage) -> bytes:
    """The body goes along only when there is a signature to hold it against, and all of it is there."""
    signed = any(name.strip().lower() in _SIGNATURES for name, _ in raw.fields)
    envelope = raw.envelope
    return _frame(
        marshal.dumps(
            (
                "mail",
                number,
                plan_number,
                (
                    envelope.sender,
                    envelope.recipients,
                    envelope.helo,
                    envelope.client_address,
                    envelope.client_name,
                    envelope.queue_id,
                    envelope.authenticated_user,
                    envelope.size_bytes,
                ),
                raw.fields,
                raw.body if signed and not raw.body_cut else b"",
                raw.body_cut,
                raw.fields_cut,
                raw.received_at.timestamp(),
            )
        )
    )


def request_from(payload: bytes) -> tuple[int, Plan] | tuple[int, int, RawMessage]:
    """(number, plan), or (number, plan's number, mail)."""
    kind, number, *rest = marshal.loads(payload)
    if kind == "plan":
        return number, plan_from_plain(json.loads(rest[0]))
    plan_number, envelope, fields, body, body_cut, fields_cut, received_at = rest
    raw = RawMessage(Envelope(*envelope), fields, body, datetime.fromtimestamp(received_at, UTC), body_cut, fields_cut)
    return number, plan_number, raw


def answer_frame(number: int, answer: LookedUp, counters: dict[str, int] | None = None) -> bytes:
    values: dict[str, Any] = {"number": number, "answer": answer.plain()}
    if counters is not None:
        values["counters"] = counters
    return _frame(json.dumps(values).encode())


def answer_from(payload: bytes) -> tuple[int, LookedUp, dict[str, int] | None]:
    """Raises BadLookedUp."""
    try:
        values = json.loads(payload)
        number, counters = int(values["number"]), values.get("counters")
        counted = None if counters is None else {str(name): int(count) for name, count in counters.items()}
        return number, from_plain(values["answer"]), counted
    except BadLookedUp:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadLookedUp(f"{type(error).__name__}") from None


def _frame(payload: bytes) -> bytes:
    return _LENGTH.pack(len(payload)) + payload
