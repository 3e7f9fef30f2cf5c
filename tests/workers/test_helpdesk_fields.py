"""From the MTA's side: a helpdesk's fields that somebody forged are gone, ours are there, and their signature holds."""

import asyncio

from router.acknowledge.keys import read_secret
from router.header_signature import Signer, queue_id_of
from router.message.eml import all_fields
from router.message.envelope import MAX_FIELDS
from router.message.headers import HeaderFields
from router.milter.server import Front
from router.milter.simulator import SENDMAIL, Transaction, exchange
from router.workers.pool import Limits, Pool

RULES = """\
version: 1
languages: [en]
settings: {timezone: UTC, header_prefix: X-Desk-, adapters: [otrs, zammad], key_file: key}
calendars: {always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}}
queues:
  help: {address: help@desk.example, calendar: always, helpdesk: "Support::Night", name: {en: help}}
  moderation: {address: people@desk.example, calendar: always, name: {en: people}}
rules:
  - id: everything
    stage: enrich
    when: {always: true}
    then: [{tag: seen}, {note: "Рахунок для: {queue}"}, {priority: high}]
"""
HEAD = b"From: a@b.example\r\nSubject: =?utf-8?b?0LvQuNGB0YI=?=\r\nMessage-ID: <1@b.example>\r\nX-OTRS-Loop: yes\r\n"
FORGED = b"X-OTRS-Queue: Junk\r\nx-zammad-IGNORE: true\r\nX-OTRS-Queue: Junk\r\nX-Desk-Sig: v1; k=1\r\n"
MAIL = Transaction(
    b"<a@b.example>",
    (b"<help@desk.example>",),
    HEAD + b"X-Many: x\r\n" * (MAX_FIELDS + 10) + FORGED + b"\r\nhello\r\n",
    queue_id=b"4Zabc",
    own_fields=((b"Received", b"from b.example by mx.desk.example (Postfix) with ESMTP id 4Zabc; now"),),
)


def test_forged_fields_go_ours_come_and_are_signed(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    (tmp_path / "key").chmod(0o600)

    async def work():
        pool = Pool(Limits(workers=1), lambda *_: None, lambda *_, **__: None)
        try:
            await pool.load(tmp_path / "rules.yaml", None)
            loaded = pool.loaded
            front = Front(pool.decide, prefix=lambda: loaded.prefix, also_stripped=lambda: loaded.also_stripped)
            await front.listen("inet:0@127.0.0.1")
            try:
                where = front.addresses[0]
                return loaded, [await exchange(where, MAIL), await exchange(where, MAIL, manner=SENDMAIL)]
            finally:
                await front.close()
        finally:
            await pool.close()

    loaded, outcomes = asyncio.run(asyncio.wait_for(work(), 60))
    assert (tuple(loaded.also_stripped), loaded.no_signature) == (("X-OTRS-", "X-Zammad-"), "")
    signer = Signer.of(read_secret(tmp_path / "key"))
    for outcome in outcomes:
        assert b"Junk" not in outcome.message and b"IGNORE" not in outcome.message
        assert b"X-OTRS-Loop: yes" in outcome.message
        fields = HeaderFields(all_fields(outcome.message))
        assert fields.all("X-OTRS-Queue") == ("Support::Night",)
        assert fields.all("X-Zammad-Ticket-FollowUp-Priority") == ("3 high",)
        assert fields.all("X-Desk-Note") == ("Рахунок для: help",)
        assert signer.verify(fields, None, queue_id_of(fields)).problems == ()
        other = HeaderFields(all_fields(outcome.message.replace(b"Support::Night", b"Support::Day")))
        assert signer.verify(other, None, "4Zabc").problems == (
            "X-OTRS-Queue was changed",
            "X-Zammad-Ticket-Group was changed",
        )
