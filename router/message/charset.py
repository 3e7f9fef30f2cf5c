"""Bytes to text, whatever the mail claims about them.

A declared charset is a claim: in Russian and Ukrainian mail it is missing or wrong often enough to matter. What counts,
in this order: a byte order mark; UTF-8 that really is UTF-8; a declared charset that fits the bytes; and for bytes that
declare nothing, nothing we know, or a Western charset, how likely the letter pairs would be as Cyrillic in each of its
six encodings. Only the text codecs of the table below are ever used: Python's `idna`, `punycode`, `zlib`, `rot13` and
the like are one `charset=` away otherwise.
"""

import codecs
import re
from collections import Counter

CODECS: dict[str, str] = {
    # the name as declared, letters and digits only, without a leading "x" -> Python's codec
    **dict.fromkeys(("utf8", "unicode11utf8", "utf8mb4", "unicode"), "utf-8"),
    "utf7": "utf-7",
    "unicode11utf7": "utf-7",
    "utf16": "utf-16",
    "utf16le": "utf-16-le",
    "utf16be": "utf-16-be",
    "utf32": "utf-32",
    "utf32le": "utf-32-le",
    "utf32be": "utf-32-be",
    "ucs2": "utf-16",
    "ucs4": "utf-32",
    **{f"iso8859{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    **{f"latin{n}": f"iso8859-{m}" for n, m in ((2, 2), (3, 3), (4, 4), (5, 9), (6, 10), (7, 13), (8, 14), (9, 15))},
    "iso88598i": "iso8859-8",
    "iso88598e": "iso8859-8",
    "iso88596i": "iso8859-6",
    "iso88596e": "iso8859-6",
    "cyrillic": "iso8859-5",
    "isoir144": "iso8859-5",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "arabic": "iso8859-6",
    "tis620": "iso8859-11",
    **{
        f"{prefix}{n}": f"cp{n}"
        for prefix in ("windows", "win", "cp", "ansi", "")
        for n in range(1250, 1259)
        if n != 1252
    },
    "windows874": "cp874",
    "cp874": "cp874",
    "dos874": "cp874",
    "koi8r": "koi8-r",
    "koi8": "koi8-r",
    "cskoi8r": "koi8-r",
    "koi8u": "koi8-u",
    "koi8ru": "koi8-u",
    "koi8t": "koi8-t",
    **{f"{prefix}{n}": f"cp{n}" for prefix in ("cp", "ibm", "dos", "") for n in (437, 775, 850, 852, 855, 857, 858)},
    **{f"{prefix}{n}": f"cp{n}" for prefix in ("cp", "ibm", "dos", "") for n in (860, 861, 862, 863, 864, 865, 866)},
    "cp866u": "cp1125",
    "cp1125": "cp1125",
    "ibm1125": "cp1125",
    "ruscii": "cp1125",
    "maccyrillic": "mac-cyrillic",
    "macukrainian": "mac-cyrillic",
    "macroman": "mac-roman",
    "macintosh": "mac-roman",
    "macce": "mac-latin2",
    "maccentraleurope": "mac-latin2",
    "macgreek": "mac-greek",
    "macturkish": "mac-turkish",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "gb18030": "gb18030",
    "euccn": "gb18030",
    "gb231280": "gb18030",
    "csgb2312": "gb18030",
    "windows936": "gb18030",
    "hzgb2312": "hz",
    "hz": "hz",
    "big5": "cp950",
    "cp950": "cp950",
    "csbig5": "cp950",
    "big5hkscs": "big5hkscs",
    "windows950": "cp950",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "mssjis": "cp932",
    "mskanji": "cp932",
    "windows31j": "cp932",
    "cp932": "cp932",
    "windows932": "cp932",
    "eucjp": "euc-jp",
    "cseucpkdfmtjapanese": "euc-jp",
    "iso2022jp": "iso2022_jp_ext",
    "iso2022jp1": "iso2022_jp_ext",
    "iso2022jp2": "iso2022_jp_2",
    "csiso2022jp": "iso2022_jp_ext",
    "iso2022jpms": "iso2022_jp_ext",
    "iso2022kr": "iso2022_kr",
    "euckr": "cp949",
    "cp949": "cp949",
    "ksc5601": "cp949",
    "ksc56011987": "cp949",
    "ksc56011989": "cp949",
    "uhc": "cp949",
    "windows949": "cp949",
    "johab": "johab",
    "ptcp154": "ptcp154",
    "pt154": "ptcp154",
}
"""ASCII, Latin-1 and windows-1252 are missing on purpose: they are the claims of programs that do not know better."""

SEVEN_BIT = frozenset({"utf-7", "iso2022_jp_ext", "iso2022_jp_2", "iso2022_kr", "hz"})
WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})
EAST_ASIAN = frozenset({"gb18030", "cp950", "big5hkscs", "cp932", "euc-jp", "cp949", "johab"})
LATIN = frozenset({"cp1250", "cp1254", "cp1257", "iso8859-2", "iso8859-9", "iso8859-15", "mac-roman"})
CYRILLIC = ("cp1251", "koi8-u", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic")

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
_RUN = re.compile(rb"[\x80-\xff]{2,}")
_HIGH = re.compile(rb"[\x80-\xff]")
_COMMON = re.compile("[оеаинтсрвлкмдпуі]")
_CYRILLIC_LETTER = re.compile("[Ѐ-ӿ]")

_LETTERS = "абвгґдеёєжзиіїйклмнопрстуфхцчшщъыьэюя"
# How often one letter follows another in Russian and Ukrainian, 0 never to 9 (logarithm; counted in our own mails).
_FOLLOWS = dict(
    zip(
        _LETTERS,
        (
            "0786076466720278878277785466674000166",
            "7200117200166005634727317021004360323",
            "8232048305488006646835666042532073004",
            "7501054000066001514807025000000000000",
            "0000000000000000000001000000000000000",
            "8362058405376006647867546233110155005",
            "3666075336720267779369883554544000022",
            "0001000004200000344004260030010000000",
            "0010030000000201154003350100000000010",
            "6300057000064005216411015000100001000",
            "8464055002064004456535205000220043024",
            "3575067024650277778456881566664000056",
            "3464070054500566657336661033553000055",
            "0010020001200220122000130030000000000",
            "0110050000000004545400570001340000000",
            "8150006000175003705827467003124000300",
            "8103018423086005404820446000100047077",
            "7411018100077004445840407000100053004",
            "9135059324387006207800577305342077047",
            "0898085237750577787578883554773000255",
            "7000037000076004704929345002220032005",
            "9265048315287015367942577132241065035",
            "7251047500175007756775596243610157037",
            "9471058420286006326858627100400068035",
            "3566064056500056666066660051542000061",
            "5000004000055000300603023000000000000",
            "5044022000033000324715046100000000000",
            "4000006000056000000300012000000034044",
            "7000007610075005216500066000210003001",
            "5020007300064004605612066000000003000",
            "4000006400062000000600002000000001000",
            "0000002100000000000000000000000000003",
            "0152035001000063542033440040330000000",
            "0304013100300006056500650102153000041",
            "0000000000000004200000060000030000000",
            "0441050040200002022003460000603000030",
            "0454054030400026544002470035415000042",
        ),
        strict=True,
    )
)
_MARKS = "«»„“”‘’№–—…°§•\xa0"
_SAMPLE_PAIRS = 1_500
_PLAUSIBLE = 4.0  # mean of _FOLLOWS over the pairs; running text has 6 to 7, Western letters read as Cyrillic under 2


def codec_of(declared: str | None) -> str | None:
    """Python's codec for a declared charset, or None for what says nothing about the bytes (unknown, ASCII, Latin-1)."""
    if not declared or len(declared) > 60:
        return None
    name = _NOT_ALPHANUMERIC.sub("", declared.partition("*")[0].lower())
    return CODECS.get(name) or CODECS.get(name.removeprefix("x").removeprefix("cs"))


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of `data`. Never raises; what fits nothing becomes U+FFFD or windows-1252 letters.

    declared: the charset parameter as it stands in the mail, or None.
    """
    if declared is None or declared.lower() == "utf-8":  # the common cases first
        codec = "utf-8" if declared else None
    else:
        codec = codec_of(declared)
    if data.isascii() and codec not in SEVEN_BIT and codec not in WIDE and b"\x1b" not in data:
        return data.decode("ascii")
    for mark, marked in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(marked, "replace")
    if codec in WIDE:
        return data.decode(codec, "replace")
    if codec in SEVEN_BIT and data.isascii():
        return data.decode(codec, "replace")
    if codec is None and data.isascii():
        return _escaped(data)
    utf8 = _as_utf8(data, doubtful=codec in EAST_ASIAN)
    if utf8 is not None:
        return utf8
    if codec == "utf-8":
        return _broken_utf8(data)
    if codec is None:
        return _guessed(data)
    text = data.decode(codec, "replace")
    if codec in LATIN or (codec in CYRILLIC and not _reads_well(text)):
        likelier = likely_cyrillic(data)
        return data.decode(likelier, "replace") if likelier else text
    return text


def likely_cyrillic(data: bytes) -> str | None:
    """The Cyrillic encoding in which the letter pairs of `data` are words, or None when they are in none of them."""
    pairs: Counter[tuple[int, int]] = Counter()
    in_runs = 0
    total = 0
    for run in _RUN.findall(data[:65_536]):
        in_runs += len(run)
        pairs.update(zip(run, run[1:], strict=False))
        total += len(run) - 1
        if total > _SAMPLE_PAIRS:
            break
    letters = {byte for pair in pairs for byte in pair}
    if total < 3 or len(letters) < 4:
        return None
    if total <= _SAMPLE_PAIRS and in_runs * 10 < 6 * len(_HIGH.findall(data[:65_536])):
        return None  # mostly lone letters between ASCII ones: a Western language
    best, best_score = None, _PLAUSIBLE * total
    for codec in CYRILLIC:
        table = bytes(range(128, 256)).decode(codec, "replace")
        score = 0.0
        for (one, next_one), count in pairs.items():
            score += count * _fit(table[one - 128], table[next_one - 128])
        if score > best_score:
            best, best_score = codec, score
    return best


def _fit(one: str, next_one: str) -> float:
    row = _FOLLOWS.get(one.lower())
    column = _LETTERS.find(next_one.lower())
    if row is None or column < 0:
        return 0.0 if (one in _MARKS or row) and (next_one in _MARKS or column >= 0) else -6.0
    fit = float(row[column])
    return fit - 5.0 if next_one.isupper() and one.islower() else fit


def _as_utf8(data: bytes, *, doubtful: bool) -> str | None:
    """The text, when the bytes are UTF-8 (a last character may be cut in two). doubtful: the mail declares a double-byte
    charset, in which a short text may look like UTF-8 by chance."""
    try:
        text, used = codecs.utf_8_decode(data, "strict", False)
    except UnicodeDecodeError:
        return None
    if used < len(data):
        text += "\ufffd"
    if doubtful and sum(not one.isascii() for one in text[:2_000]) < 4:
        return None
    return text


def _broken_utf8(data: bytes) -> str:
    """Declared UTF-8, but not all of it is: single lines in another charset (a footer), single bytes lost, or none."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    high = len(_HIGH.findall(data[:65_536]))
    right = (high - wrong) // 2
    if wrong > right:
        return _guessed(data)
    if data.count(b"\n") > 2_000:
        return text
    lines = []
    for line in data.split(b"\n"):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            codec = likely_cyrillic(line)
            lines.append(line.decode(codec or "utf-8", "replace"))
    return "\n".join(lines)


def _guessed(data: bytes) -> str:
    codec = likely_cyrillic(data)
    if codec:
        return data.decode(codec, "replace")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _escaped(data: bytes) -> str:
    """7-bit bytes with an escape character: Japanese mail says so in its bytes, whatever it declares."""
    if b"\x1b$" in data or b"\x1b(" in data:
        try:
            return data.decode("iso2022_jp_ext")
        except UnicodeDecodeError:
            pass  # an escape sequence of something else, a terminal's colours perhaps
    return data.decode("ascii")


def _reads_well(text: str) -> bool:
    """Whether the small letters that fill every Cyrillic text are there; a wrong encoding shows capitals or rare ones."""
    sample = text[:2_000]
    letters = len(_CYRILLIC_LETTER.findall(sample))
    return letters < 6 or len(_COMMON.findall(sample)) * 2 > letters
