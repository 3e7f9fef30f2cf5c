# ruff: noqa: E501  one row a line can be compared by eye
"""Header fields as real programs write them, and which gate (if any) refuses the mail that has them.

Written by us after the programs' documentation and habits; names and addresses are invented. `gates`: every gate that
must refuse, or none: then a person wrote it and an answer may go.
"""

from typing import NamedTuple


class HeaderSet(NamedTuple):
    name: str
    head: str
    gates: tuple[str, ...]
    sender: str = "olena@customer.example"
    author: str = "olena@customer.example"
    subject: str = "Site is down"


def _(name: str, gates: str, head: str = "", **more: str) -> HeaderSet:
    return HeaderSet(name, f"{head}\n" if head else "", tuple(gates.split()), **more)


def _from(name: str, gates: str, address: str, head: str = "", **more: str) -> HeaderSet:
    return _(name, gates, head, sender=address, author=address, **more)


SETS = (
    # ------------------------------------------------------------------------------------------- people's mail programs
    _("thunderbird", "", "User-Agent: Mozilla Thunderbird\nContent-Language: uk"),
    _("outlook", "", "X-Mailer: Microsoft Outlook 16.0\nThread-Index: AdkxYw==\nX-MS-Has-Attach:\nX-MS-TNEF-Correlator:"),
    _("outlook that suppresses delivery reports", "", "X-Auto-Response-Suppress: DR, RN, NRN"),
    _("exchange online", "", "X-MS-Exchange-Organization-AuthAs: Internal\nX-Originating-IP: [192.0.2.7]"),
    _("gmail", "", "X-Gm-Message-State: AOJu0Yy\nX-Received: by 2002:a05:6402 with SMTP id x1"),
    _("apple mail", "", "X-Mailer: Apple Mail (2.3774.600)\nMime-Version: 1.0 (Mac OS X Mail 16.0)"),
    _("the bat", "", "X-Priority: 3 (Normal)\nX-Mailer: The Bat! (v10)", subject="Re[2]: сайт"),
    _("roundcube", "", "User-Agent: Roundcube Webmail/1.6\nX-Sender: olena@customer.example"),
    _("k-9 on a telephone", "", "User-Agent: K-9 Mail for Android\nAutocrypt: addr=olena@customer.example; keydata=x"),
    _("mutt", "", "User-Agent: Mutt/2.2\nMail-Followup-To: olena@customer.example"),
    _("auto-submitted no", "", "Auto-Submitted: no"),
    _("auto-submitted no with a comment", "", "Auto-Submitted: no (by a person)"),
    _("precedence normal", "", "Precedence: normal"),
    _("precedence first-class", "", "Precedence: first-class"),
    _("high priority", "", "Importance: high\nX-Priority: 1"),
    _("wants a receipt", "", "Disposition-Notification-To: olena@customer.example"),
    _("answers a mail of ours that is no acknowledgement", "", "In-Reply-To: <20260306.123@desk.example>"),
    _("long thread", "", "References: " + " ".join(f"<m{n}@customer.example>" for n in range(30))),
    _("twice Re", "", subject="Re: Re: site"),
    _("one ticket number", "", subject="Re: [desk #12345] site"),
    _("asks about an automatic reply", "", subject="Автоответ не работает"),
    _("spam filter says no", "", "X-Spam-Flag: NO\nX-Spam-Status: No, score=1.2\nX-Spam-Score: 1.2"),
    _("virus filter says clean", "", "X-Virus-Scanned: amavis at mx.desk.example"),
    _("dkim and arc", "", "DKIM-Signature: v=1; a=rsa-sha256; d=customer.example; s=a; h=from; bh=x; b=y\nARC-Seal: i=1; cv=none"),
    _("return path", "", "Return-Path: <olena@customer.example>"),
    _("ten addressees", "", "Cc: " + ", ".join(f"p{n}@customer.example" for n in range(9))),
    _("also to an alias of a queue", "", "Cc: Help <help+x@desk.example>"),
    _("x-autoreply no", "", "X-Autoreply: no"),
    _from("postmaster is read by people", "", "postmaster@customer.example"),
    _from("request in the middle of a name", "", "request-tracker.fan@customer.example"),
    # ----------------------------------------------------------------------------------------------------- G1: no sender
    _("null sender", "G1 G7", sender=""),
    _("qmail's double bounce", "G1 G7", sender="#@[]"),
    _("null return path in the field", "G1", "Return-Path: <>"),
    # -------------------------------------------------------------------------------------------------- G2: automatic
    _("vacation of dovecot", "G2 G4 G5", "Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk\nX-Auto-Response-Suppress: OOF"),
    _("auto-generated", "G2", "Auto-Submitted: auto-generated"),
    _("upper case", "G2", "Auto-Submitted: AUTO-REPLIED"),
    _("auto-notified with a parameter", "G2", "Auto-Submitted: auto-notified; owner-email=\"a@b.example\""),
    _("no, then yes", "G2", "Auto-Submitted: no\nAuto-Submitted: auto-generated"),
    _("folded value", "G2", "Auto-Submitted:\n auto-replied"),
    _("a comment first", "G2", "Auto-Submitted: (robot) auto-replied"),
    _("unknown word", "G2", "Auto-Submitted: yes"),
    _("empty value", "G2", "Auto-Submitted:"),
    _("cron of debian", "G2", "Auto-Submitted: auto-generated\nX-Cron-Env: <LANG=C>"),
    # ---------------------------------------------------------------------------------------------------- G3: lists
    _("mailman 2", "G3 G4", "List-Id: <users.list.example>\nX-BeenThere: users@list.example\nPrecedence: list"),
    _("mailman 3", "G3", "List-Id: Users <users.list.example>\nList-Post: <mailto:users@list.example>"),
    _("google groups", "G3 G4", "Precedence: list\nMailing-list: list users@groups.example; contact owners@groups.example"),
    _("only unsubscribe", "G3", "List-Unsubscribe: <mailto:u@news.example>"),
    _("one click", "G3", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
    _("ezmlm", "G3", "Mailing-List: contact users-help@list.example; run by ezmlm"),
    _("only archive", "G3", "List-Archive: <https://list.example/>"),
    _("only help", "G3", "List-Help: <mailto:h@list.example>"),
    _("only owner", "G3", "List-Owner: <mailto:o@list.example>"),
    _("only subscribe", "G3", "List-Subscribe: <mailto:s@list.example>"),
    # ------------------------------------------------------------------------------------------------ G4: precedence
    _("bulk", "G4", "Precedence: bulk"),
    _("junk", "G4", "Precedence: JUNK"),
    _("old vacation", "G4", "Precedence: auto_reply"),
    # ----------------------------------------------------------------------------------------------- G5: exchange
    _("exchange out of office", "G2 G5", "X-Auto-Response-Suppress: All\nAuto-Submitted: auto-generated"),
    _("suppress oof", "G5", "X-Auto-Response-Suppress: OOF"),
    _("suppress a list of words", "G5", "X-Auto-Response-Suppress: DR, OOF, AutoReply"),
    _("suppress lower case", "G5", "X-Auto-Response-Suppress: all"),
    # ---------------------------------------------------------------------------------------- G6: nobody reads it
    _from("noreply", "G6", "noreply@shop.example"),
    _from("no-reply with more", "G6", "no-reply-orders@shop.example"),
    _from("do not reply", "G6", "do.not.reply@bank.example"),
    _from("mailer-daemon with a sender", "G6", "MAILER-DAEMON@mx.example"),
    _from("list request", "G6", "users-request@list.example"),
    _from("list owner", "G6", "owner-users@list.example"),
    _from("verp bounce", "G6", "bounce+olena=customer.example@news.example"),
    _from("majordomo", "G6", "majordomo@list.example"),
    _from("listserv", "G6", "LISTSERV@list.example"),
    # ----------------------------------------------------------------------------------------------- G7: unproven sender
    _("another author", "G7", sender="robot@elsewhere.example"),
    _("ses return path", "G7 G18", "Feedback-ID: 1.eu:AmazonSES", sender="0102018-abc@eu-west-1.mail.example"),
    _("two authors", "G7", author="olena@customer.example, petro@customer.example"),
    # ------------------------------------------------------------------------------------------------------- G9: reports
    _("postfix bounce", "G1 G2 G7 G9", "Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status; boundary=b", sender=""),
    _("exim bounce", "G1 G7 G9", "X-Failed-Recipients: bill@desk.example", sender=""),
    _("read receipt", "G9", "Content-Type: multipart/report; report-type=disposition-notification; boundary=b"),
    _("bare delivery status", "G9", "Content-Type: message/delivery-status"),
    # ------------------------------------------------------------------------------------------------------- G10: our own
    _from("a queue of ours", "G10", "support@desk.example"),
    _("our loop field", "G10", "X-Desk-Loop: abcdef"),
    # ------------------------------------------------------------------------------------------------------------ G13: spam
    _("spamassassin", "G13", "X-Spam-Flag: YES\nX-Spam-Status: Yes, score=17.3 required=5.0"),
    _("over the site's limit", "G13", "X-Spam-Score: 7.5"),
    _("clamav", "G13", "X-Virus-Status: Infected\nX-Virus-Infected: Yes"),
    _("two subjects", "G13", "Subject: another"),
    # --------------------------------------------------------------------------------------- G16: answers an acknowledgement
    _("answers ours", "G16", "In-Reply-To: <ack.abcdefgh@desk.example>"),
    _("ours in its references", "G16", "References: <m0@customer.example> <ack.abcdefgh@desk.example>"),
    _("somebody else's acknowledgement", "", "In-Reply-To: <ack.abcdefgh@elsewhere.example>"),
    # ---------------------------------------------------------------------------------------------- G18: robots and crowds
    _("x-loop", "G18", "X-Loop: helpdesk@elsewhere.example"),
    _("otrs", "G18", "X-Powered-By: OTRS\nX-OTRS-Loop: yes\nX-Loop: yes"),
    _("request tracker", "G4 G18", "Precedence: bulk\nX-RT-Loop-Prevention: example\nX-Autoreply: yes"),
    _("autoresponder of a panel", "G18", "X-Autorespond: Out"),
    _("feedback id", "G18", "Feedback-ID: 7:campaign:x"),
    _("exchange in words alone", "G18", "In-Reply-To: <m0@desk.example>", subject="Автоматический ответ: счёт"),
    _("german out of office", "G18", subject="Automatische Antwort: Rechnung"),
    _("calendar answer", "G18", 'Content-Type: text/calendar; method="REPLY"; charset=utf-8'),
    _("a crowd", "G18", "Cc: " + ", ".join(f"p{n}@customer.example" for n in range(14))),
    _("a loop of hops", "G18", "\n".join(f"Received: from a{n}.example by b{n}.example; Fri, 6 Mar 2026 19:39:00 +0200" for n in range(30))),
    # ----------------------------------------------------------------------------------------------------------- G19: echoes
    _("three prefixes", "G19", subject="Re: Re: Re: site"),
    _("three prefixes in two languages", "G19", subject="Re: Отв: AW: site"),
    _("two ticket numbers", "G19", subject="[#117904] Ticket Received - 286612 - [#117896] help"),
    _("two helpdesks", "G19", subject="Re: [desk #12345] Re: [Other #998] site"),
)  # fmt: skip
