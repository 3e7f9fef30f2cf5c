"""Whatever is mailed: a Message, within two seconds of CPU and 200 MB, and never an exception."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message import read as reading
from router.message.eml import raw_message
from router.message.message import Message
from tests.message.attacks import ATTACKS
from tests.message.making import ENVELOPE, NOW, message

ROOT = Path(__file__).parents[2]
EML = ROOT.parent / "shared" / "eml"
SECONDS = 2.0
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


class TookTooLong(BaseException):
    """No `except Exception` on the way may take it for an error of the mail."""


class Deadline:
    """Raises TookTooLong after SECONDS of this process's own CPU time; what else the machine does is no matter."""

    def __enter__(self):
        self.before = signal.signal(signal.SIGVTALRM, self.over)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, self.before)

    def over(self, *_):
        raise TookTooLong


@pytest.fixture(autouse=True, scope="module")
def warm():
    reading.warm()


def checked(data: bytes) -> Message:
    """The message, read under the deadline by the code that would hide an exception otherwise."""
    raw = raw_message(data, ENVELOPE, NOW)
    with Deadline():
        found = reading._read(reading._capped(raw))
    assert len(found.full_text) <= 262_144
    assert len(found.parts) <= 200
    assert not CONTROL.search(found.subject)
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name):
    checked(ATTACKS[name]())


def test_memory():
    """A third of the attacks, one after another, in one process of at most 200 MB."""
    code = (
        "from router.message.read import read, warm\n"
        "from tests.message.attacks import ATTACKS\n"
        "from tests.message.making import message\n"
        "warm()\n"
        "for make in list(ATTACKS.values())[::3]: message(make())\n"
        # not ru_maxrss: a child inherits that of the process it was started from, which is this whole test run
        "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, cwd=ROOT)
    assert int(run.stdout) < 200 * 1024


MIXED = "Content-Type: multipart/mixed; boundary=b\n"
FINDING_12 = [  # what atheris found in flanker (reliability.md)
    MIXED + "\n--b\nContent-Transfer-Encoding: quoted-printable\n\n=\u0416=\n--b--\n",
    MIXED + "\n--b\nContent-Transfer-Encoding: 8\u0431it\nContent-Type: text/plain\n\nx\n--b--\n",
    MIXED + "Content-Transfer-Encoding: 8\u0431it\n\n--b\n\nx\n--b--\n",
    MIXED + "\n--b\nContent-Disposition: \u0416; filename=x\n\nx\n--b--\n",
    "Content-Type: message/rfc822\n\n" + MIXED + "\n--b--",
]


@pytest.mark.parametrize("data", FINDING_12)
def test_what_flanker_raises_on(data):
    """Fields of the message are there, whatever is wrong with those of its parts."""
    found = message("X-First: yes\n" + data)
    assert found.fields.first("X-First") == "yes"
    assert "not readable" not in str(found.degraded)


PIECES = st.sampled_from(
    [
        *["Content-Type: ", "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "message/rfc822"],
        *[
            "; boundary=b",
            "; charset=koi8-r",
            "; charset=utf-16",
            "; charset*0*=x''%41",
            "\n",
            "\n\n",
            "\r\n",
            "--b",
            "--b--",
        ],
        *["Content-Transfer-Encoding: ", "base64", "quoted-printable", "Content-Disposition: attachment; filename="],
        *[
            "Subject: ",
            "=?utf-8?b?",
            "?=",
            "\u0416",
            "\xff",
            "\0",
            "<p>",
            "<!--",
            "> ",
            "-- ",
            "On 1.2.2026 a <a@b.c> wrote:",
        ],
        *[
            "From: a\nTo: b\nSubject: c\n",
            "words of a person",
            "слова людини",
            "=",
            "QUFB",
            "\t",
            "message/delivery-status",
        ],
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_anything_is_read(pieces):
    """Random pieces of mail: a message, and the code behind the door did not need its safety net."""
    checked("".join(pieces).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read(data):
    checked(data)


@pytest.mark.corpus
def test_corpus():
    """2,388 messages from the test suites of 38 other mail programs."""
    files = sorted(EML.glob("*/*.eml"))
    if not files:
        pytest.skip(f"{EML} is not here")
    unread = []
    for file in files:
        found = checked(file.read_bytes())
        if any("told apart" in one.why for one in found.degraded):
            unread.append(file.name)
    assert len(unread) <= 2, unread
