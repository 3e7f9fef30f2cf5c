"""Fuzz targets of what a mail shows about others: bounces in it, and the ARC sets of who forwarded it."""

import asyncio
from functools import cache

from router.identity import arc, chain
from router.identity.authentication_results import Result
from router.identity.lookup import ABSENT, Answer, Status
from router.message import read as reading
from router.message.eml import raw_message
from router.signals import bounce
from router.vocabulary import Automatic
from tests.identity import sealing
from tests.identity.signing import record, rsa_key
from tests.message.making import ENVELOPE, NOW

# ------------------------------------------------------------------ bounces


def check_bounces(data: bytes) -> None:
    """What is mailed as a report, as an enclosed message or as a text gives at most so many recipients, each of a
    printable line, and the same ones again."""
    for kind in (b"message/delivery-status", b"message/rfc822", b"text/plain"):
        head = b"Content-Type: multipart/mixed; boundary=zz\n\n--zz\nContent-Disposition: attachment\nContent-Type: "
        mail = reading.read(raw_message(head + kind + b"\n\n" + data + b"\n--zz--\n", ENVELOPE, NOW))
        for automatism in ({}, {Automatic.BOUNCE: "null envelope sender"}):
            found = bounce.find(mail, automatism)
            assert found == bounce.find(mail, automatism)
            told = found.deliveries if found else ()
            assert len(told) <= bounce.MAX_DELIVERIES
            assert all(str(one).isprintable() and len(str(one)) < 1_000 for one in told)


def bounce_seeds() -> list[bytes]:
    report = (
        b"Reporting-MTA: dns; mx.desk.example\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n"
        b"Status: 5.1.1\nRemote-MTA: dns; mx.b.example\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n"
    )
    whole = b"From: MAILER-DAEMON@desk.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nsorry\n--b\n"
    whole += b"Content-Type: message/delivery-status\n\n" + report + b"\n--b--\n"
    return [report, whole, b"<a@b.example>: host mx.b.example[192.0.2.1] said: 550 5.7.1 spam (in reply)\n"]


# ------------------------------------------------------------------ ARC


def check_arc(data: bytes) -> None:
    """Whatever stands in the header above a sealed mail: a word, no exception; `pass` only with what was sealed."""

    async def ask(name: str, kind: str) -> Answer:
        return Answer(Status.ANSWER, (sealing_record().encode(),)) if name.endswith("lists.example") else ABSENT

    raw = raw_message(data + sealing.PLAIN, ENVELOPE, NOW)
    found = asyncio.run(arc.check(raw, ask, ("lists.example",)))
    assert found.word in chain.WORDS
    assert found.word != "pass" or found.results in SEALED_RESULTS


@cache
def sealing_record() -> str:
    return record(rsa_key())


SEALED_RESULTS = ((), (Result("dkim", "pass", "customer.example"), Result("spf", "pass", "customer.example")))


def arc_seeds() -> list[bytes]:
    once = sealing.seal(sealing.PLAIN)
    twice = sealing.seal(once, chain="pass")
    end = len(sealing.PLAIN)
    return [once[:-end], twice[:-end], sealing.seal(sealing.PLAIN, "auth=none")[:-end]]
