"""Where a writer's words end and the signature begins: delimiter lines, sign-offs, phones' lines, legal notices."""

import re

MAX_LINES = 15  # a signature is looked for in so many last lines that are not blank

_DELIMITER = re.compile(r"\s?(?:--|—|–)\s*")
_RULE = re.compile(r"\s*[-_=*~—–]{3,}\s*")
_THANKS = (
    r"(?:(?:заранее |большое |наперед )?(?:спасибо|благодарю|дякую|thanks|thank you|danke)[^,.!\n]{0,20}[,.!]+\s*)?"
)
_SIGN_OFF = re.compile(
    rf"\s*{_THANKS}(?:"
    r"с (?:глубоким |большим |искренним |неизменным )?уважением|с наилучшими(?: пожеланиями)?|с искренним уважением|с почтением|с пожеланиями"
    r"|всего (?:доброго|хорошего|наилучшего)|искренне ваш|с любовью"
    r"|[зіi]з? (?:глибокою |щирою |великою )?повагою|з найкращими(?: побажаннями)?|всього найкращого|на все добре|щиро ваш|зі щирою повагою"
    r"|(?:with )?(?:best|kind|kindest|warm|warmest|many)(?: and kind)? (?:regards|wishes)|(?:with )?regards|best,|kind regards|sincerely(?: yours)?"
    r"|yours (?:sincerely|faithfully|truly)|cheers,|respectfully(?: yours)?|with every good wish|all the best,"
    r"|mit (?:freundlichen|besten|herzlichen) (?:grüßen|gruessen)|(?:viele|beste|liebe|freundliche|herzliche) grüße|mfg\b|freundliche grüsse"
    r"|z poważaniem|pozdrawiam|z wyrazami szacunku|serdecznie pozdrawiam|łączę pozdrowienia"
    r"|(?:bien )?cordialement|salutations|bien à vous|(?:un )?(?:cordial )?saludos?|atentamente|cordiali saluti|distinti saluti|cordialmente"
    r"|s pozdravem|s pozdravom|z pavagai|з павагай|met vriendelijke groet(?:en)?|med vänlig hälsning|med venlig hilsen|atenciosamente"
    r")(?P<rest>[\s,.!:;)-].{0,70}|)",
    re.IGNORECASE,
)
_POSTSCRIPT = re.compile(r"\s*(?:p\.? ?s\b|п\.? ?с\b\.?|з\.? ?ы\b|пс\b|зы\b|постскриптум)", re.IGNORECASE)
_SENT_FROM = re.compile(
    r"\s*(?:[-—–_]{2,}\s*)?(?:"
    r"sent (?:from|via|using|with) |отправлено (?:с |со |из |через |при помощи )|послано (?:с|из) |написано (?:с|из) |надіслано (?:з |зі |із |через |за допомогою )"
    r"|відправлено (?:з |зі |із |через |за допомогою )|gesendet (?:von|mit) |von (?:meinem|unterwegs) .{0,40}gesendet|diese nachricht wurde von"
    r"|wysłan[eoy] (?:z|ze|za pomocą) |envoyé (?:de|depuis) |enviado (?:desde|do|de) |inviato d|odesláno z|get outlook for|download outlook"
    r"|скачать outlook|загрузить outlook|отримати outlook|outlook (?:для|für|for) |получите outlook|von meinem .{0,30}(?:gesendet)?$|verzonden (?:vanaf|met) "
    r")",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"iphone|ipad|\bios\b|android|андро[иі]д|samsung|galaxy|huawei|honor\b|xiaomi|redmi|poco\b|pixel|nokia|oneplus|blackberry|phone|телефон|мобил|мобіл|смартфон"
    r"|планшет|устройств|пристро|tablet|handy|smartphone|gerät|outlook|mail|почт|пошт|poczt|gmail|yahoo|proton|windows|thunderbird|macbook|apple|айфон|айпад",
    re.IGNORECASE,
)
_LEGAL = re.compile(
    r"\s*(?:\*+|_+)?\s*(?:(?:this|the) (?:e-?mail|message|communication|information)\b.{0,80}(?:confiden|intended|attach|transmi)"
    r"|confidentiality notice|disclaimer\b|privileged|"
    r"(?:данное|это|настоящее) (?:электронное )?(?:сообщение|письмо|послание)(?: и| и/или|,| может| содержит| предназнач| является).{0,120}"
    r"(?:конфиденц|предназнач|вложени|прилож|тайн)"
    r"|(?:цей|це|дан[еий]+) (?:електронн(?:ий|е) )?(?:лист|повідомлення|електронне повідомлення)(?: та| і| й| може| містить| признач| є|,).{0,120}"
    r"(?:конфіденц|признач|вкладен|додатк|таємн)"
    r"|diese (?:e-?mail|nachricht)\b.{0,60}(?:vertraul|bestimmt|enthält)|ta wiadomość.{0,60}(?:poufn|przeznaczon)|ce (?:message|courriel).{0,60}confidentiel"
    r"|(?:please )?consider the environment|(?:пожалуйста, )?подумайте об (?:окружающей|экологии)|перш ніж друкувати|перед тем,? как (?:рас)?печатать"
    r"|think before you print)",
    re.IGNORECASE,
)


def without_signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """(the writer's words, the signature), both as lines. What follows a signature as a postscript stays words."""
    end = _text_end(lines)
    legal = _legal_start(lines, end)
    cut = _signature_start(lines, legal)
    if cut is None and legal < end:
        cut = legal
    if cut is None:
        return lines[:end], []
    after = next((i for i in range(cut, end) if _POSTSCRIPT.match(lines[i])), end)
    words, signature, postscript = lines[:cut], lines[cut : min(after, end)], lines[after:end]
    if postscript:
        kept, more = without_signature(postscript) if after > cut else (postscript, [])
        return [*words[: _text_end(words)], "", *kept], signature + more
    return words[: _text_end(words)], signature[: _text_end(signature)]


def _text_end(lines: list[str]) -> int:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return end


def _window(lines: list[str], end: int) -> list[int]:
    """The indices of the last MAX_LINES lines before `end` that are not blank, from the top."""
    found: list[int] = []
    index = end - 1
    while index >= 0 and len(found) < MAX_LINES:
        if lines[index].strip():
            found.append(index)
        index -= 1
    return found[::-1]


def _legal_start(lines: list[str], end: int) -> int:
    """Where a legal notice at the end begins (with the ruled line above it), or `end`."""
    for index in _window(lines, end):
        if lines[index].lstrip()[:1] and _LEGAL.match(lines[index]):
            above = _text_end(lines[:index])
            return above - 1 if above and _RULE.fullmatch(lines[above - 1]) else index
    return end


def _signature_start(lines: list[str], end: int) -> int | None:
    window = _window(lines, end)
    for position, index in enumerate(window):
        line = lines[index]
        rest = window[position + 1 :]
        if len(line) > 120:
            continue
        if _DELIMITER.fullmatch(line) and index > 0 and (rest or index == end - 1):
            if line.strip() == "--" or not any(_asks(lines[i]) for i in rest):
                return index
        elif (
            (found := _SIGN_OFF.fullmatch(line)) and _only_a_name(found["rest"]) and _like_a_signature(lines, rest)
        ) or (_is_sent_from(line) and all(_like_contact(lines[i]) or _is_sent_from(lines[i]) for i in rest)):
            return index
    return None


def _is_sent_from(line: str) -> bool:
    return len(line) <= 110 and bool(_SENT_FROM.match(line) and _DEVICE.search(line))


def _asks(line: str) -> bool:
    return line.rstrip().endswith("?")


def _only_a_name(rest: str) -> bool:
    words = rest.split()
    return len(words) <= 8 and "?" not in rest


def _like_a_signature(lines: list[str], rest: list[int]) -> bool:
    """Short lines that ask nothing, up to a postscript."""
    count = 0
    for index in rest:
        if _POSTSCRIPT.match(lines[index]):
            return True
        count += 1
        if len(lines[index]) > 160 or _asks(lines[index]):
            return False
    return count <= 12


def _like_contact(line: str) -> bool:
    return len(line) <= 60 and not _asks(line)
