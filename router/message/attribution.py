"""What mail programs write above and below a quote, in the languages of the mail we see: data for `quoting`.

The forms were collected from the programs themselves (Gmail, Apple Mail, Thunderbird, Outlook, The Bat!, KMail, Yandex,
Mail.ru, ukr.net, Roundcube, Zimbra, Lotus Notes, phones). A new language needs its words here and nothing else.
"""

import re

_WROTE = r"""(?:
        wrote | writes | has written | said
        | написал(?:а|\(а\)|\(ла\))? | пишет | писал(?:а|\(а\))? | сообщил(?:а|\(а\))? | ответил(?:а|\(а\))?
        | пише | писа(?:в|ла)(?:\(ла\))? | написа(?:в|ла)(?:\(ла\))? | повідоми(?:в|ла) | відпові(?:в|ла)
        | напісаў | напісала | піша | написа
        | schrieb | schreibt | geschrieben
        | napisał(?:a|\(a\))? | pisze | napsal(?:a|\(a\))? | píše | napísal(?:a)? | je\ napisa[ol](?:\(la\))?
        | a\ écrit | écrit | escribi[óo] | ha\ scritto | scrive | escreveu | schreef | skrev | kirjoitti | írta
        | a\ scris | yazdı | rašė | rakstīja | kirjutas
    )"""
VERB = re.compile(rf"\b{_WROTE}(?!\w)", re.IGNORECASE | re.VERBOSE)
"""The verb of an attribution line: "wrote", in the forms programs use."""
USUAL_ENDS = (
    *(" wrote:", " пишет:", " пише:", " написал:", " написала:", " написал(а):", " написав:", " schrieb:"),
    *(" писал(а):", " pisze:", " napisał(a):"),
)
"""So most attribution lines end, which have a VERB then: to look for that is dear."""

_MONTH = (
    """(?:
        jan | feb | mar | apr | may | jun | jul | aug | sep | oct | okt | nov | dec | dez | mär | mai
        | янв | фев | мар | апр | ма[йя] | июн | июл | авг | сен | окт | ноя | дек
        | січ | лют | бер | кві | тра | чер | лип | сер | вер | жов | лис | гру
        | sty | lut | kwi | maj | cze | lip | sie | wrz | paź | lis | gru
        | janv | févr | avr | juin | juil | août | déc | ene | abr | ago | dic | gen | mag | giu | lug | set | ott | fev
        | out
    )"""
    + r"\w*\.?"
)
DATE = re.compile(
    rf"""(?:
        (?<![\d.])[0-3]?\d[./-][0-3]?\d[./-](?:20)?\d\d(?![\d.]?\d) | \b20\d\d[./-][01]?\d[./-][0-3]?\d\b
        | \b\d{{1,2}}(?:\.|-?(?:st|nd|rd|th|го|е))?\ (?:de\ )?{_MONTH},?\ (?:de\ |del\ )?\d{{4}}\b
        | \b{_MONTH}\ \d{{1,2}}(?:st|nd|rd|th)?,?\ \d{{4}}\b
        | \b\d{{1,2}}\.?\ {_MONTH},?\ (?:at|um|в|о|об|à|kl\.?)?\ ?\d{{1,2}}:\d{{2}}
        | \b{_MONTH}\ \d{{1,2}},?\ (?:at\ )?\d{{1,2}}:\d{{2}}
    )""",
    re.IGNORECASE | re.VERBOSE,
)
TIME = re.compile(r"\b\d{1,2}[:.]\d{2}(?::\d{2})?\b")
ADDRESS = re.compile(r"[^\s<>@()\[\]\"':;,]{1,64}@[^\s<>@()\[\]\"':;,]{1,250}")

BRACKETED = re.compile(rf"[<(\[](?:mailto:)?{ADDRESS.pattern}[>)\]]")
ENDS_IN_ADDRESS_OR_TIME = re.compile(r"[>)\]]\s?:\*?$|\d[:.]\d\d(?::\d\d)?(?:\s?[ap]\.?m\.?)?\s?:\*?$", re.IGNORECASE)

OPENING = re.compile(
    r"""(?:
        on | am | le | el | il | op | em | den | dnia | w\ dniu | dne | в | у | от | від | w | a
        | в\ сообщении | в\ письме | у\ повідомленні | у\ листі | in\ a\ message | quoting | цитирую | цитата
        | вы\ писали | вы\ написали | ви\ писали | ви\ написали | you\ wrote | du\ schriebst | sie\ schrieben
        | mon | tue | wed | thu | fri | sat | sun | monday | tuesday | wednesday | thursday | friday | saturday | sunday
        | mo | di | mi | do | fr | sa | so | montag | dienstag | mittwoch | donnerstag | freitag | samstag | sonntag
        | пн | вт | ср | чт | пт | сб | вс | нд | понедельник | вторник | среда | четверг | пятница | суббота
        | воскресенье | понеділок | вівторок | середа | четвер | п.ятниця | субота | неділя
        | pon | wt | śr | czw | pt | sob | niedz | lun | mar | mer | jeu | ven | sam | dim
    )"""
    + r"\b|\d{1,4}[./ -]",
    re.IGNORECASE | re.VERBOSE,
)
"""How the first of several lines of an attribution begins."""

DATED_OPENING = re.compile(r"(?:on|am|le|el|il|op|em|den|dnia|w dniu|dne)\b", re.IGNORECASE)
"""The openings that only a program writes before a date and a time."""
NAME_WROTE = re.compile(rf"[^<>@]{{0,100}}<{ADDRESS.pattern}>,?\ {_WROTE}\s?:", re.IGNORECASE | re.VERBOSE)
"""`Some One <address> wrote:` and nothing else."""

YOU_WROTE = re.compile(
    r"""(?:
        вы\ писали | вы\ написали | ви\ писали | ви\ написали | you\ wrote | on\ .{6,40}\ you\ wrote | du\ schriebst
        | sie\ schrieben
    )"""
    + r"\b",
    re.IGNORECASE | re.VERBOSE,
)
"""The Bat! addresses the person it quotes."""

ORIGINAL = re.compile(
    r"""(?:
        original | оригинал | оригінал | исходн | первоначальн | початков | вихідн | ursprüngl | oryginal | d.origine
        | původní | pôvodn | ursprungl | oorspronkelijk | alkuperäi | eredeti | orijinal | opprinnelig | oprindelig
        | reply\ message | ответ\ на\ сообщение | reply\ separator
    )""",
    re.IGNORECASE | re.VERBOSE,
)
FORWARDED = re.compile(
    r"""(?:
        forward | пересыл | пересл | перенаправ | переадрес | пересилан | weitergeleit | przekazan | przesłan | transfér
        | réexpéd | reenvia | inoltra | přeposlan | preposlan | vidarebefordr | doorgestuur | encaminha | iletilen
        | videresend
    )""",
    re.IGNORECASE | re.VERBOSE,
)
RULED = re.compile(r"[\s>*|]*[-_=~—–*]{2,}\s*([^-_=~—–*\s][^-_=~—–*]{3,70}?)\s*[-_=~—–*]{2,}\s*:?\s*")
"""`-----Original Message-----` and its like: words between dashes."""
FORWARD_OPENING = re.compile(
    r"\s*"
    + r"""(?:
        begin\ forwarded\ message | start\ of\ forwarded\ message
        | начало\ (?:переадресованного|пересылаемого|пересланного)\ сообщения
        | початок\ (?:листа,\ що\ пересилається|(?:пересланого|переадресованого|пересиланого)\ (?:повідомлення|листа))
        | anfang\ der\ weitergeleiteten\ (?:nachricht|e-?mail) | début\ du\ message\ (?:réexpédié|transféré)
        | inizio\ messaggio\ inoltrato | początek\ przekazywanej\ wiadomości | inicio\ del\ mensaje\ reenviado
    )"""
    + r"\s*:?\s*",
    re.IGNORECASE | re.VERBOSE,
)
FORWARD_BEGINNINGS = (
    *("begin forwarded message", "start of forwarded message", "начало пере", "початок листа, що", "початок пере"),
    *("anfang der weitergeleiteten", "début du message", "inizio messaggio", "początek przekazywanej"),
    "inicio del mensaje",
)
"""Every FORWARD_OPENING begins with one of these, in either case: what C looks for."""
REPLY_ABOVE = re.compile(
    r"""(?=.{0,60}(?:above|выше|вище|над|über|powyżej)).{0,40}(?:
        (?:reply|response|answer|comment).{0,20}\ above\ this\ line | above\ this\ line.{0,20}\ (?:reply|respond)
        | (?:ответ|пишите|напишите|отвечайте).{0,30}выше\ этой\ (?:строки|линии|черты)
        | (?:відпов|пишіть|напишіть).{0,30}(?:вище|над)\ (?:цього\ рядка|цією\ лінією|цієї\ лінії|цим\ рядком)
        | (?:antwort|schreiben).{0,30}über\ dieser\ (?:linie|zeile) | (?:odpowied|pisz).{0,30}powyżej\ tej\ linii
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""A helpdesk's own line, under which it quotes itself."""
ABOVE_THIS_LINE = (
    *("above this line", "выше этой ", "цього рядка", "цією лінією", "цієї лінії", "цим рядком", "über dieser "),
    "powyżej tej linii",
)
"""Every such line holds one of these, in either case: hardly a text does."""

_FIELD_NAMES = {
    "from": """
        from | от | от кого | отправитель | від | від кого | відправник | von | absender | od | od kogo | de | da | van
        | från | fra | kimden | lähettäjä | feladó | mittente | remitente | expéditeur | nadawca
    """,
    "date": """
        sent | date | sent on | отправлено | дата | надіслано | відправлено | gesendet | datum | wysłano | wysłane
        | data | envoyé | fecha | enviado | enviada | inviato | odesláno | verzonden | skickat | sendt | gönderildi
        | tarih | lähetetty | elküldve | received | получено | отримано
    """,
    "to": """
        to | кому | получатель | одержувач | an | do | komu | à | a | para | aan | till | til | kime | vastaanottaja
        | címzett | destinataire | destinatario | pro | adresat
    """,
    "copy": """
        cc | bcc | копия | копія | скрытая копия | прихована копія | dw | kopie | kopia | copia | kopi | bilgi
    """,
    "subject": """
        subject | тема | betreff | temat | objet | asunto | oggetto | předmět | predmet | assunto | onderwerp | ämne
        | emne | konu | aihe | tárgy
    """,
    "other": """
        reply-to | importance | priority | важность | важливість | attachments | вложения | вкладення | anlagen
        | wichtigkeit | адресат
    """,
}
ROLE_OF = {name.strip(): role for role, names in _FIELD_NAMES.items() for name in names.split("|")}
"""The field names of the header block that Outlook and others put above a quote, and what they are."""
FIELD = re.compile(r"[\s>*_]*([^\W\d_](?:[^\W\d_]|[ -]){0,24}?)[*_]*\s?:[*_]*(?:\s|$)")

PASTED = re.compile(
    r"\s*"
    + r"""(?:
        received | return-path | message-id | delivered-to | dkim-signature | mime-version | content-type | x-[\w-]+
        | authentication-results | arc-[\w-]+ | reporting-mta | final-recipient | diagnostic-code | user-agent
    )"""
    + r"\s*:",
    re.IGNORECASE | re.VERBOSE,
)
"""Fields that only a pasted raw header has: evidence that the writer shows us, not a quote."""

FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,40}\]\s*)?"
    + r"""(?:
        fwd? | fw | wg | пересл | пересылка | пер | переслано | вп | tr | rv | enc | i | pd | vb | ilt | doorst | пд
    )"""
    + r"\s*(?:\[\d{1,3}\])?:",
    re.IGNORECASE | re.VERBOSE,
)
"""`Fwd:` and what programs of other languages write for it."""

REPLY_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:re|aw|odp|отв|ответ|відп|на|sv|antw|rif|res)\b\s*(?:\[\d{1,3}\])?:", re.IGNORECASE
)
"""`Re:` likewise."""

GREETING = re.compile(
    r"\s*"
    + r"(?:здравствуйте|добрый|доброго|добрий|вітаю|привет|hello|hi|dear|hallo|уважаем|шановн)"
    + r"\w*\b.{0,60}[,.!]\s*",
    re.IGNORECASE | re.VERBOSE,
)


def begins_forward(line: str) -> bool:
    """`---------- Forwarded message ---------`, `Begin forwarded message:` and their like."""
    if FORWARD_OPENING.fullmatch(line):
        return True
    ruled = RULED.fullmatch(line) if len(line) < 120 else None
    return bool(ruled and FORWARDED.search(ruled[1]))
