"""What is to be said, as it travels in the mail: the body of `<prefix>Reply`.

    v1; decision=7f3a91; lang=uk+ru; snippets=redirected,need_details; missing=site_access.url; queue=support;
    by=2026-03-06T23:40:00+02:00; opens=2026-03-09T09:00:00+02:00; auth=pass

ASCII. The token's mac covers it; the service decides nothing anew, it judges the gates and fills in the texts.
"""

import re
from datetime import datetime

from router.decision import Decision
from router.frozen import dataclass

MAX_BODY = 4_000

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,140}")


class NoWish(ValueError):
    """The field body is not one of ours."""


@dataclass(frozen=True, slots=True)
class Wish:
    """languages: in the order in which they are said. missing: `checklist.item` or `item`. queue: the one that answers.
    answer_by, opens_at: aware, or None. auth: whether the author was proven when the filter decided."""

    decision: str
    languages: tuple[str, ...]
    snippets: tuple[str, ...]
    queue: str
    missing: tuple[str, ...] = ()
    answer_by: datetime | None = None
    opens_at: datetime | None = None
    auth: str = "unknown"

    def field_body(self) -> str:
        """The value of the field, without folds. Raises ValueError when a name does not fit the form."""
        words = [self.decision, self.queue, self.auth, *self.languages, *self.snippets, *self.missing]
        for word in words:
            if not _WORD.fullmatch(word):
                raise ValueError(f"{word!r} cannot be written into a reply field")
        parts = [
            "v1",
            f"decision={self.decision}",
            f"lang={'+'.join(self.languages)}",
            f"snippets={','.join(self.snippets)}",
            *([f"missing={','.join(self.missing)}"] if self.missing else []),
            f"queue={self.queue}",
            *([f"by={self.answer_by.isoformat(timespec='seconds')}"] if self.answer_by else []),
            *([f"opens={self.opens_at.isoformat(timespec='seconds')}"] if self.opens_at else []),
            f"auth={self.auth}",
        ]
        body = "; ".join(parts)
        if len(body) > MAX_BODY:
            raise ValueError(f"a reply field of {len(body)} characters")
        return body


def of_decision(decision: Decision) -> Wish | None:
    """The wish of a decision, or None when nothing is to be said."""
    reply = decision.reply
    if reply is None or not reply.send or not reply.snippets or decision.queue is None or decision.hold is not None:
        return None
    expect = decision.expect
    return Wish(
        decision=decision.id,
        languages=tuple(reply.language.split("+")),
        snippets=reply.snippets,
        queue=decision.queue,
        missing=decision.missing,
        answer_by=expect.answer_by if expect else None,
        opens_at=expect.opens_at if expect else None,
        auth=str(decision.identity.auth),
    )


def parse(body: str) -> Wish:
    """The wish in a field body, folds removed. Raises NoWish."""
    if len(body) > MAX_BODY or not body.isascii():
        raise NoWish("too long or not ASCII")
    version, *parts = (part.strip() for part in body.split(";"))
    if version != "v1":
        raise NoWish(f"version {version[:20]!r}")
    values: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or name in values:
            raise NoWish(f"{part[:40]!r}")
        # A fold of the MTA may have put a space behind a comma.
        values[name] = "".join(value.split())
    try:
        return Wish(
            decision=_word(values["decision"]),
            languages=_words(values["lang"], "+"),
            snippets=_words(values["snippets"], ","),
            queue=_word(values["queue"]),
            missing=_words(values["missing"], ",") if values.get("missing") else (),
            answer_by=_instant(values.get("by")),
            opens_at=_instant(values.get("opens")),
            auth=_word(values["auth"]),
        )
    except KeyError as missing:
        raise NoWish(f"no {missing}") from None
    except ValueError as error:
        raise NoWish(str(error)) from None


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"{text[:40]!r}")
    return text


def _words(text: str, separator: str) -> tuple[str, ...]:
    return tuple(_word(one) for one in text.split(separator))


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("a time without an offset")
    return instant
