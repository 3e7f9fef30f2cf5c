"""Where a writer's words end and the signature begins: delimiter lines, sign-offs, phones' lines, legal notices."""

import re
from collections.abc import Callable

from router.message.attribution import begins_forward
from router.message.lines import BLANK, LEGAL, POSTSCRIPT, RULED, SIGN_OFF, WORDS, having

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
        (?:this|the)\ (?:e-?mail|message|communication|information)\b.{0,80}?(?:confiden|intended|attach|transmi)
        | confidentiality\ notice | disclaimer\b
        | (?:данное|это|настоящее)\ (?:электронное\ )?(?:сообщение|письмо|послание)\b
          .{0,120}?(?:конфиденц|предназнач|вложени|тайн)
        | (?:цей|це|дан(?:ий|е))\ (?:електронн(?:ий|е)\ )?(?:лист|повідомлення)\b
          .{0,120}?(?:конфіденц|признач|вкладен|таємн)
        | diese\ (?:e-?mail|nachricht)\b.{0,60}?(?:vertraul|bestimmt|enthält)
        | ta\ wiadomość\b.{0,60}?(?:poufn|przeznaczon)
        | ce\ (?:message|courriel)\b.{0,60}?confidentiel
        | (?:please\ )?consider\ the\ environment | think\ before\ you\ print
        | (?:пожалуйста,\ )?подумайте\ об\ (?:окружающей|экологии) | перш\ ніж\ друкувати
        | перед\ тем,?\ как\ (?:рас)?печатать
    )""",
    re.IGNORECASE | re.VERBOSE,
)

SIGN_OFF_BEGINNINGS = (
    *("заранее", "большое", "наперед", "щиро", "спасибо", "благодарю", "дякую", "дякуємо", "thanks", "thank you"),
    *("danke", "dziękuję", "с глубок", "с больш", "с искрен", "с неизмен", "с уваж", "с наилучш", "с почт", "с пожел"),
    *("с добр", "с ув", "всего доб", "всего хор", "всего наи", "искренне ваш", "хорошего дня", "хорошего веч"),
    *("с надежд", "з глибок", "з щир", "з велик", "з найглиб", "з повагою", "з найкращ", "зі глибок", "зі щир"),
    *("зі велик", "зі найглиб", "зі повагою", "із глибок", "із щир", "із велик", "із найглиб", "із повагою"),
    *("із найкращ", "всього най", "всього доб", "на все доб", "гарного дня", "with best", "with kind", "with warm"),
    *("with many", "with regards", "best ", "best,", "kind ", "kindest ", "warm ", "warmest ", "many ", "regards"),
    *("rgds", "sincerely"),
    *("yours ", "cheers,", "all the best,", "respectfully", "with every good", "mit freundl", "mit besten"),
    *("mit herzl", "mfg", "viele gr", "beste gr", "liebe gr", "freundliche gr", "herzliche gr", "schöne gr"),
    *("z poważ", "pozdrawiam", "z wyrazami", "serdecznie", "łączę", "bien ", "cordialement", "salutations"),
    *("un cordial", "un saludo", "cordial saludo", "saludo", "atentamente", "cordiali saluti", "distinti saluti"),
    *("cordialmente", "atenciosamente", "s pozdrav", "з павагай", "met vriend", "med vänlig", "med venlig"),
    # phones and programs
    *("sent from", "sent via", "sent using", "sent with", "отправлено ", "послано ", "написано ", "письмо отправлено "),
    *("надіслано ", "відправлено ", "gesendet ", "von meinem", "von unterwegs", "diese nachricht wurde von", "wysłan"),
    *("envoyé de", "enviado d", "inviato d", "odesláno z", "verzonden ", "skickat från", "sendt fra", "get outlook"),
    *("download outlook", "outlook für", "outlook for", "outlook для", "скачать outlook", "загрузить outlook"),
    *("получите outlook", "отримати outlook", "отримайте outlook", "завантажити outlook"),
)
"""Every _SIGN_OFF and _SENT_FROM begins with one of these, behind white space and dashes: what C looks for."""
LEGAL_BEGINNINGS = (
    *(f"{one} {what}" for one in ("this", "the") for what in ("email", "e-mail", "message", "communication", "info")),
    *("confidentiality notice", "disclaimer", "данное ", "это электрон", "это сообщ", "это письмо", "это послан"),
    *("настоящее ", "цей ", "це електрон", "це лист", "це повідом", "даний ", "дане ", "diese email", "diese e-mail"),
    *("diese nachricht", "ta wiadomość", "ce message", "ce courriel", "please consider the environment"),
    *("consider the environment", "think before you", "пожалуйста, подумайте об", "подумайте об", "перш ніж друк"),
    "перед тем",
)
"""Likewise of _LEGAL."""
POSTSCRIPT_BEGINNINGS = ("p.", "ps", "п.", "пс", "з.", "зы", "постскриптум")
"""Likewise of _POSTSCRIPT."""
_SIGNATURES, _TURNS, _BLANKS = having(SIGN_OFF | LEGAL), having(RULED | POSTSCRIPT), bytes([BLANK])
_SIGN_OFFS, _NOTICES, _POSTSCRIPTS, _FORWARDS = having(SIGN_OFF), having(LEGAL), having(POSTSCRIPT), having(RULED)


def without_signature(lines: list[str], kinds: bytes) -> tuple[list[str], list[str]]:
    """(the writer's words, the signature), both as lines. What follows a signature as a postscript or as a forwarded
    message stays words. kinds: of the lines, as `message.lines` tells them.
    """
    end = _text_end(kinds)
    if not _SIGNATURES.search(kinds):
        return lines[:end], []
    legal = _legal_start(lines, kinds, end) if _NOTICES.search(kinds) else end
    cut = _signature_start(lines, kinds, legal)
    words = lines[: _text_end(kinds[:cut])]
    if not _TURNS.search(kinds, cut, end):
        return words, lines[cut:end]
    forward = _first(begins_forward, _FORWARDS, lines, kinds, cut, end)
    if forward is None:
        signed, signature = _postscript_apart(lines, kinds, cut, legal, end)
        return words + signed, signature
    signed, signature = _postscript_apart(lines, kinds, cut, min(legal, forward), forward)
    below, more = without_signature(lines[forward + 1 : end], kinds[forward + 1 : end])
    return [*words, *signed, "", lines[forward], *below], signature + more


def _postscript_apart(lines: list[str], kinds: bytes, cut: int, legal: int, end: int) -> tuple[list[str], list[str]]:
    """(a postscript, the rest) of the signature between `cut` and `end`; a legal notice begins at `legal`."""
    postscript = _first(_POSTSCRIPT.match, _POSTSCRIPTS, lines, kinds, cut, legal)
    if postscript is None:
        return [], lines[cut:end]
    after, more = without_signature(lines[postscript:legal], kinds[postscript:legal])
    return ["", *after], lines[cut:postscript] + more + lines[legal:end]


def _first(
    is_it: Callable[[str], object], pattern: re.Pattern[bytes], lines: list[str], kinds: bytes, start: int, end: int
) -> int | None:
    """The index of the first line from `start` to `end` that is one. pattern: of the kinds of lines that may be one."""
    while found := pattern.search(kinds, start, end):
        if is_it(lines[found.start()]):
            return found.start()
        start = found.end()
    return None


def _text_end(kinds: bytes) -> int:
    """Where the last line that is not blank ends."""
    return len(kinds.rstrip(_BLANKS))


def _window(kinds: bytes, end: int) -> int:
    """Where the last MAX_LINES lines before `end` that are not blank begin; 0 if there are no more."""
    if end <= MAX_LINES or end - kinds.count(BLANK, 0, end) <= MAX_LINES:
        return 0
    count = 0
    while count < MAX_LINES:
        end -= 1
        count += kinds[end] != BLANK
    return end


def _legal_start(lines: list[str], kinds: bytes, end: int) -> int:
    """Where a legal notice at the end begins (with the ruled line above it), or `end`."""
    index = _first(_is_legal, _NOTICES, lines, kinds, _window(kinds, end), end)
    if index is None:
        return end
    above = _text_end(kinds[:index])
    return above - 1 if above and _RULE.fullmatch(lines[above - 1]) else index


def _signature_start(lines: list[str], kinds: bytes, end: int) -> int:
    """Where a sign-off, a delimiter or a phone's line begins a signature, or `end`."""
    for candidate in _SIGN_OFFS.finditer(kinds, _window(kinds, end), end):
        index = candidate.start()
        line = lines[index]
        if len(line) > 120:
            continue
        if line.strip() in ("--", "—", "–"):
            if _delimits(lines, kinds, index, end):
                return index
            continue
        sign_off = _SIGN_OFF.fullmatch(line)
        sent_from = _is_sent_from(line)
        if not (sign_off or sent_from):
            continue
        below = _below(lines, kinds, index, end)
        if sign_off and _only_a_name(sign_off["rest"]) and _like_a_signature(below):
            return index
        if sent_from and all(_like_contact(one) or _is_sent_from(one) for one in below):
            return index
    return end


def _below(lines: list[str], kinds: bytes, index: int, end: int) -> list[str]:
    """The lines between `index` and `end` that are not blank."""
    return [lines[i] for i in range(index + 1, end) if kinds[i] != BLANK]


def _delimits(lines: list[str], kinds: bytes, index: int, end: int) -> bool:
    """ "-- " always begins a signature, if words precede it; a lone dash only one that asks nothing."""
    if not WORDS.search(kinds, 0, index):
        return False
    return lines[index].strip() == "--" or not any(map(_asks, _below(lines, kinds, index, end)))


def _is_legal(line: str) -> bool:
    return len(line) > 30 and _LEGAL.match(line) is not None


def _is_sent_from(line: str) -> bool:
    return len(line) <= 110 and bool(_SENT_FROM.match(line) and _DEVICE.search(line))


def _asks(line: str) -> bool:
    return line.rstrip().endswith("?")


def _only_a_name(rest: str) -> bool:
    return len(rest.split()) <= 8 and "?" not in rest


def _like_a_signature(lines: list[str]) -> bool:
    """Short lines that ask nothing, up to a postscript."""
    for count, line in enumerate(lines):
        if _POSTSCRIPT.match(line):
            return True
        if count >= 12 or len(line) > 160 or _asks(line):
            return False
    return True


def _like_contact(line: str) -> bool:
    return len(line) <= 60 and not _asks(line)
