"""What mail programs write above and below a quote, in the languages of the mail we see: data for `quoting`.

The forms were collected from the programs themselves (Gmail, Apple Mail, Thunderbird, Outlook, The Bat!, KMail, Yandex,
Mail.ru, ukr.net, Roundcube, Zimbra, Lotus Notes, phones). A new language needs its words here and nothing else.
"""

import re

VERB = re.compile(
    r"\b(?:wrote|writes|said|has written|schrieb|schreibt|hat geschrieben|geschrieben|написа[лв](?:а|\(а\)|\(ла\)|ла)?"
    r"|пишет|писал(?:а|\(а\))?|сообщил(?:а|\(а\))?|пише|писа(?:в|ла|в\(ла\))|повідоми(?:в|ла)|напісаў|піша|написа"
    r"|napisał(?:a|\(a\))?|pisze|napsal(?:a|\(a\))?|píše|napísal(?:a)?|a écrit|écrit|escribi[óo]|ha scritto|scrive"
    r"|escreveu|schreef|skrev|kirjoitti|írta|a scris|yazdı|rašė|rakstīja|kirjutas|je napisa[ol](?:\(la\))?)\b",
    re.IGNORECASE,
)
"""The verb of an attribution line: "wrote", in the forms programs use."""

_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|okt|nov|dec|dez|mär|mai|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек"
    r"|січ|лют|бер|квіт|трав|черв|лип|серп|вер|жовт|лист|груд|sty|lut|kwi|maj|cze|lip|sie|wrz|paź|lis|gru"
    r"|janv|févr|mars|avr|juin|juil|août|déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|fev|out)\w*"
)
DATE = re.compile(
    rf"\b\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}})\b|\b\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}\b"
    rf"|\b\d{{1,2}}(?:\.|-?(?:st|nd|rd|th|го|е))?\s+(?:de\s+)?{_MONTH}\.?,?\s+(?:de\s+)?\d{{4}}\b"
    rf"|\b{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b|\b{_MONTH}\.?\s+\d{{1,2}},?\s+(?:at\s+)?\d{{1,2}}:\d{{2}}",
    re.IGNORECASE,
)
TIME = re.compile(r"\b\d{1,2}[:.]\d{2}(?::\d{2})?\b")
ADDRESS = re.compile(r"[^\s<>@()\[\]\"':;,]{1,64}@[^\s<>@()\[\]\"':;,]{1,250}")

OPENING = re.compile(
    r"(?:on|am|le|el|il|op|em|den|dnia|w dniu|dne|в|у|от|від|в сообщении|в письме|у повідомленні|у листі|in a message|quoting|цитирую|цитата"
    r"|вы писали|вы написали|ви писали|ви написали|you wrote|du schriebst|sie schrieben|pan pisał"
    r"|(?:mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|пн|вт|ср|чт|пт|сб|вс|нд|понедельник|вторник|среда|четверг|пятница|суббота"
    r"|воскресенье|понеділок|вівторок|середа|четвер|п.ятниця|субота|неділя|pon|wt|śr|czw|pt|sob|niedz|lun|mar|mer|jeu|ven|sam|dim)\b"
    r"|\d{1,4}[./ -])",
    re.IGNORECASE,
)
"""How the first of several lines of an attribution begins."""

YOU_WROTE = re.compile(
    r"(?:вы писали|вы написали|ви писали|ви написали|you wrote|on .{6,40} you wrote|du schriebst|sie schrieben)\b",
    re.IGNORECASE,
)
"""The Bat! addresses the person it quotes."""

ORIGINAL = re.compile(
    r"original|оригинал|оригінал|исходн|первоначальн|початков|вихідн|ursprüngl|oryginal|d.origine|původní|pôvodn|ursprungl"
    r"|oorspronkelijk|alkuperäi|eredeti|orijinal|opprinnelig|oprindelig|reply message|ответ на сообщение",
    re.IGNORECASE,
)
FORWARDED = re.compile(
    r"forward|пересыл|пересл|перенаправ|переадрес|пересилан|надіслане далі|weitergeleit|przekazan|przesłan|transfér|reenvia|reenvia"
    r"|inoltra|přeposlan|preposlan|vidarebefordr|doorgestuur|encaminha|iletilen|videresend",
    re.IGNORECASE,
)
RULED = re.compile(r"[\s>*|]*[-_=~—–*]{2,}\s*([^-_=~—–*\s][^-_=~—–*]{3,70}?)\s*[-_=~—–*]{2,}\s*")
"""`-----Original Message-----` and its like: words between dashes."""
FORWARD_OPENING = re.compile(
    r"\s*(?:begin forwarded message|start of forwarded message|начало (?:переадресованного|пересылаемого|пересланного) сообщения"
    r"|початок (?:листа, що пересилається|пересланого повідомлення|переадресованого повідомлення)"
    r"|anfang der weitergeleiteten (?:nachricht|e-?mail)|début du message (?:réexpédié|transféré)|inizio messaggio inoltrato"
    r"|początek przekazywanej wiadomości|inicio del mensaje reenviado)\s*:?\s*",
    re.IGNORECASE,
)
REPLY_ABOVE = re.compile(
    r".{0,20}(?:(?:reply|response|answer|comment).{0,20} above this line|above this line.{0,20} (?:reply|respond)"
    r"|(?:ответ|пишите|напишите|отвечайте).{0,30}выше этой (?:строки|линии|черты)"
    r"|(?:відпов|пишіть|напишіть).{0,30}(?:вище|над) (?:цього рядка|цією лінією|цієї лінії|цим рядком))",
    re.IGNORECASE,
)

FIELD_ROLES = {
    role: names.split("|")
    for role, names in {
        "from": "from|от|от кого|отправитель|від|від кого|відправник|von|absender|od|od kogo|de|da|van|från|fra|kimden|lähettäjä|feladó|mittente|remitente|expéditeur|nadawca",
        "date": "sent|date|sent on|отправлено|дата|надіслано|відправлено|gesendet|datum|wysłano|wysłane|data|envoyé|fecha|enviado|enviada|inviato|odesláno|verzonden|skickat|sendt|gönderildi|tarih|lähetetty|elküldve|received|получено",
        "to": "to|кому|получатель|одержувач|an|do|komu|à|a|para|aan|till|til|kime|vastaanottaja|címzett|destinataire|destinatario|pro|adresat",
        "copy": "cc|bcc|копия|копія|скрытая копия|прихована копія|dw|kopie|kopia|copia|kopi|bilgi|скрытая",
        "subject": "subject|re|тема|betreff|temat|objet|asunto|oggetto|předmět|predmet|assunto|onderwerp|ämne|emne|konu|aihe|tárgy",
        "other": "reply-to|importance|priority|важность|важливість|attachments|вложения|вкладення|anlagen|wichtigkeit|przyczepione|ответить|відповісти|адресат",
    }.items()
}
"""The field names of the header block that Outlook and others put above a quote."""
ROLE_OF = {name: role for role, names in FIELD_ROLES.items() for name in names}
FIELD = re.compile(r"[\s>*_]*([^\W\d_](?:[^\W\d_]|[ -]){0,24}?)[*_]*\s?:[*_]*(?:\s|$)")

PASTED = re.compile(
    r"\s*(?:received|return-path|message-id|delivered-to|dkim-signature|mime-version|content-type|x-[\w-]+|authentication-results"
    r"|arc-[\w-]+|reporting-mta|final-recipient|diagnostic-code|user-agent)\s*:",
    re.IGNORECASE,
)
"""Fields that only a pasted raw header has: evidence that the writer shows us, not a quote."""
