"""SMTP to the MTA: one message, null sender, one recipient, and an exact account of what may have happened.

The commands are written here, since the stdlib's `sendmail` reads addresses again in its own way, and since the store
has to be told between RCPT and DATA.
"""

import smtplib
from collections.abc import Callable
from enum import StrEnum

from router.acknowledge.compose import Composed
from router.frozen import dataclass

TIMEOUT_S = 20.0


class Outcome(StrEnum):
    """What became of a sending. LATER: surely not sent, try again. REFUSED: surely not sent, and never will be.
    UNKNOWN: the connection was lost when the MTA may have taken it."""

    SENT = "sent"
    LATER = "later"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where acknowledgements go: a port of the MTA that no milter of ours listens on."""

    host: str
    port: int
    helo: str = "localhost"
    timeout_s: float = TIMEOUT_S

    def send(self, message: Composed, before_data: Callable[[], bool]) -> tuple[Outcome, str]:
        """Send once. before_data: called when everything but the text has been agreed on; False stops it.

        Returns the outcome and the MTA's words, for the log. What `before_data` raises goes through.
        """
        connection: smtplib.SMTP | None = None
        begun = False
        try:
            connection = smtplib.SMTP(self.host, self.port, self.helo, self.timeout_s)
            code, words = connection.ehlo(self.helo)
            if code != 250:
                return _refused(code, words)
            code, words = connection.docmd("MAIL FROM:<>")
            if code != 250:
                return _refused(code, words)
            notify = " NOTIFY=NEVER" if connection.has_extn("dsn") else ""
            code, words = connection.docmd(f"RCPT TO:<{message.to}>{notify}")
            if code not in (250, 251):
                return _refused(code, words)
            if not before_data():
                return Outcome.WITHDRAWN, ""
            begun = True
            # From here to the MTA's answer nobody can know; a refusal in so many words is an answer too.
            code, words = connection.data(message.data)
            return (Outcome.SENT, _text(code, words)) if code == 250 else _refused(code, words)
        except smtplib.SMTPDataError as error:  # DATA was refused before the text
            return _refused(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            return (Outcome.UNKNOWN if begun else Outcome.LATER), f"{type(error).__name__}: {error}"[:200]
        finally:
            if connection is not None:
                _close(connection)


def _refused(code: int, words: "bytes | str") -> tuple[Outcome, str]:
    # 421 and the like are for now; 5xx is this recipient or this message, and asking again would not help.
    return (Outcome.REFUSED if 500 <= code < 600 else Outcome.LATER), _text(code, words)


def _text(code: int, words: "bytes | str") -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {text}".split())[:200]


def _close(connection: smtplib.SMTP) -> None:
    try:
        connection.docmd("QUIT")
    except (OSError, smtplib.SMTPException):
        pass  # the outcome is known already
    connection.close()
