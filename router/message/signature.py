"""Where a writer's words end and the signature begins: delimiter lines, sign-offs, phones' lines, legal notices."""

import re

from router.message.attribution import begins_forward

MAX_LINES = 15  # a signature is looked for in so many last lines that are not blank

_RULE = re.compile(r"\s*[-_=*~—–]{3,}\s*")
_THANKS = (
    r"(?:(?:(?:заранее|большое|наперед|щиро)\s+)?(?:спасибо|благодарю|дякую|дякуємо|thanks|thank\ you|danke|dziękuję)"
    r"[^,.!\n]{0,20}[,.!]+\s*)?"
)
_SIGN_OFF = re.compile(
    rf"\s*{_THANKS}"
    + r"""(?:
        с\ (?:глубоким\ |большим\ |искренним\ |неизменным\ )?уважением | с\ наилучшими(?:\ пожеланиями)? | с\ почтением
        | с\ (?:добрыми\ )?пожеланиями | с\ ув\.? | всего\ (?:доброго|хорошего|наилучшего) | искренне\ ваш(?:а)?
        | хорошего\ (?:дня|вечера) | с\ надеждой\ на\ (?:понимание|сотрудничество)
        | (?:з|зі|із)\ (?:глибокою\ |щирою\ |великою\ |найглибшою\ )?повагою | (?:з|із)\ найкращими(?:\ побажаннями)?
        | всього\ (?:найкращого|доброго) | на\ все\ добре | щиро\ ваш(?:а)? | гарного\ дня
        | (?:with\ )?(?:best|kind|kindest|warm|warmest|many)(?:\ and\ kind)?\ (?:regards|wishes) | (?:with\ )?regards
        | best, | rgds | sincerely(?:\ yours)? | yours\ (?:sincerely|faithfully|truly) | cheers, | all\ the\ best,
        | respectfully(?:\ yours)? | with\ every\ good\ wish
        | mit\ (?:freundlichen|besten|herzlichen)\ (?:grüßen|grüssen|gruessen) | mfg | mit\ freundlichem\ gruß
        | (?:viele|beste|liebe|freundliche|herzliche|schöne)\ gr(?:üße|üsse|uesse)
        | z\ poważaniem | pozdrawiam(?:y)? | z\ wyrazami\ szacunku | serdecznie\ pozdrawiam | łączę\ pozdrowienia
        | (?:bien\ )?cordialement | salutations | bien\ à\ vous | (?:un\ )?(?:cordial\ )?saludos? | atentamente
        | cordiali\ saluti | distinti\ saluti | cordialmente | atenciosamente
        | s\ pozdravem | s\ pozdravom | з\ павагай | met\ vriendelijke\ groet(?:en)? | med\ vänlig\ hälsning
        | med\ venlig\ hilsen
    )"""
    + r"(?P<rest>[\s,.!:;)-].{0,70}|)",
    re.IGNORECASE | re.VERBOSE,
)
_POSTSCRIPT = re.compile(r"\s*(?:p\. ?p?\.? ?s\b|ps\b|п\. ?с\b\.?|з\. ?ы\b|пс\b|зы\b|постскриптум)", re.IGNORECASE)
_SENT_FROM = re.compile(
    r"\s*(?:[-—–_]{2,}\s*)?"
    + r"""(?:
        sent\ (?:from|via|using|with)\b
        | (?:отправлено|послано|написано|письмо\ отправлено)\ (?:с|со|из|через|при\ помощи)\b
        | (?:надіслано|відправлено|написано)\ (?:з|зі|із|через|за\ допомогою)\b
        | gesendet\ (?:von|mit)\b | von\ (?:meinem|unterwegs)\b.{0,40}\bgesendet | diese\ nachricht\ wurde\ von
        | wysłan[eoy]\ (?:z|ze|za\ pomocą)\b | envoyé\ (?:de|depuis)\b | enviado\ (?:desde|do|de)\b | inviato\ d
        | odesláno\ z | verzonden\ (?:vanaf|met)\b | skickat\ från | sendt\ fra
        | (?:get|download)\ outlook\ for | outlook\ (?:для|für|for)\b
        | (?:скачать|загрузить|получите|отримати|отримайте|завантажити)\ outlook
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_DEVICE = re.compile(
    r"""(?:
        iphone | ipad | \bios\b | android | андро[иі]д | samsung | galaxy | huawei | honor\b | xiaomi | redmi | poco\b
        | pixel | nokia | oneplus | blackberry | phone | телефон | мобил | мобіл | смартфон | планшет | устройств
        | пристро | tablet | handy | gerät | outlook | mail | почт | пошт | poczt | gmail | yahoo | proton | windows
        | thunderbird | macbook | apple | айфон | айпад
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_LEGAL = re.compile(
    r"\s*[*_]*\s*"
    + r"""(?:
        (?:this|the)\ (?:e-?mail|message|communication|information)\b.{0,80}(?:confiden|intended|attach|transmi)
        | confidentiality\ notice | disclaimer\b
        | (?:данное|это|настоящее)\ (?:электронное\ )?(?:сообщение|письмо|послание)\b
          .{0,120}(?:конфиденц|предназнач|вложени|тайн)
        | (?:цей|це|дан(?:ий|е))\ (?:електронн(?:ий|е)\ )?(?:лист|повідомлення)\b
          .{0,120}(?:конфіденц|признач|вкладен|таємн)
        | diese\ (?:e-?mail|nachricht)\b.{0,60}(?:vertraul|bestimmt|enthält)
        | ta\ wiadomość\b.{0,60}(?:poufn|przeznaczon)
        | ce\ (?:message|courriel)\b.{0,60}confidentiel
        | (?:please\ )?consider\ the\ environment | think\ before\ you\ print
        | (?:пожалуйста,\ )?подумайте\ об\ (?:окружающей|экологии) | перш\ ніж\ друкувати
        | перед\ тем,?\ как\ (?:рас)?печатать
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def without_signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """(the writer's words, the signature), both as lines. What follows a signature as a postscript or as a forwarded
    message stays words.
    """
    end = _text_end(lines)
    legal = _legal_start(lines, end)
    cut = _signature_start(lines, legal)
    if cut is None:
        cut = legal
    if cut == end:
        return lines[:end], []
    forward = next((i for i in range(cut, end) if begins_forward(lines[i])), None)
    if forward is None:
        return _parted(lines, cut, legal, end)
    words, signature = _parted(lines, cut, min(legal, forward), forward)
    below, more = without_signature(lines[forward + 1 : end])
    return [*words, "", lines[forward], *below], signature + more


def _parted(lines: list[str], cut: int, legal: int, end: int) -> tuple[list[str], list[str]]:
    """`without_signature` of the lines before `end`; a signature begins at `cut`, a legal notice at `legal`."""
    words = lines[: _text_end(lines[:cut])]
    postscript = next((i for i in range(cut, legal) if _POSTSCRIPT.match(lines[i])), None)
    if postscript is None:
        return words, lines[cut:end]
    after, more = without_signature(lines[postscript:legal])
    return [*words, "", *after], lines[cut:postscript] + more + lines[legal:end]


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
        if len(lines[index]) > 30 and _LEGAL.match(lines[index]):
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
        if line.strip() in ("--", "—", "–") and _delimits(lines, index, rest):
            return index
        if (found := _SIGN_OFF.fullmatch(line)) and _only_a_name(found["rest"]) and _like_a_signature(lines, rest):
            return index
        if _is_sent_from(line) and all(_like_contact(lines[i]) or _is_sent_from(lines[i]) for i in rest):
            return index
    return None


def _delimits(lines: list[str], index: int, rest: list[int]) -> bool:
    """ "-- " always begins a signature, if words precede it; a lone dash only one that asks nothing."""
    if not any(one.strip() for one in lines[:index]):
        return False
    return lines[index].strip() == "--" or not any(_asks(lines[i]) for i in rest)


def _is_sent_from(line: str) -> bool:
    return len(line) <= 110 and bool(_SENT_FROM.match(line) and _DEVICE.search(line))


def _asks(line: str) -> bool:
    return line.rstrip().endswith("?")


def _only_a_name(rest: str) -> bool:
    return len(rest.split()) <= 8 and "?" not in rest


def _like_a_signature(lines: list[str], rest: list[int]) -> bool:
    """Short lines that ask nothing, up to a postscript."""
    for count, index in enumerate(rest):
        if _POSTSCRIPT.match(lines[index]):
            return True
        if count >= 12 or len(lines[index]) > 160 or _asks(lines[index]):
            return False
    return True


def _like_contact(line: str) -> bool:
    return len(line) <= 60 and not _asks(line)
