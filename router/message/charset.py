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
from itertools import pairwise

_NAMES = """
    utf-8           utf8 utf8mb4 unicode unicode11utf8
    utf-7           utf7 unicode11utf7
    utf-16          utf16 ucs2
    utf-16-le       utf16le
    utf-16-be       utf16be
    utf-32          utf32 ucs4
    utf-32-le       utf32le
    utf-32-be       utf32be
    cp1250          windows1250 win1250 cp1250 ansi1250 1250
    cp1251          windows1251 win1251 cp1251 ansi1251 1251 windowscyrillic
    cp1253          windows1253 win1253 cp1253
    cp1254          windows1254 win1254 cp1254
    cp1255          windows1255 win1255 cp1255
    cp1256          windows1256 win1256 cp1256
    cp1257          windows1257 win1257 cp1257
    cp1258          windows1258 win1258 cp1258
    cp874           windows874 win874 cp874 dos874
    koi8-r          koi8r koi8
    koi8-u          koi8u koi8ru
    koi8-t          koi8t
    iso8859-2       iso88592 latin2
    iso8859-3       iso88593 latin3
    iso8859-4       iso88594 latin4
    iso8859-5       iso88595 cyrillic isoir144
    iso8859-6       iso88596 iso88596i iso88596e arabic
    iso8859-7       iso88597 greek
    iso8859-8       iso88598 iso88598i iso88598e hebrew
    iso8859-9       iso88599 latin5
    iso8859-10      iso885910 latin6
    iso8859-11      iso885911 tis620
    iso8859-13      iso885913 latin7
    iso8859-14      iso885914 latin8
    iso8859-15      iso885915 latin9
    iso8859-16      iso885916 latin10
    cp437           cp437 ibm437 437
    cp775           cp775 ibm775 775
    cp850           cp850 ibm850 850
    cp852           cp852 ibm852 852
    cp855           cp855 ibm855 855
    cp857           cp857 ibm857 857
    cp862           cp862 ibm862 dos862 862
    cp866           cp866 ibm866 dos866 866 csibm866
    cp1125          cp1125 ibm1125 cp866u ruscii
    mac-cyrillic    maccyrillic macukrainian
    mac-roman       macroman macintosh
    mac-latin2      macce maccentraleurope
    mac-greek       macgreek
    mac-turkish     macturkish
    gb18030         gb18030 gbk gb2312 gb231280 cp936 windows936 euccn
    hz              hz hzgb2312
    cp950           big5 cp950 windows950
    big5hkscs       big5hkscs
    cp932           shiftjis sjis mssjis mskanji windows31j cp932 windows932
    euc-jp          eucjp eucpkdfmtjapanese
    iso2022_jp_ext  iso2022jp iso2022jp1 iso2022jpms
    iso2022_jp_2    iso2022jp2
    iso2022_kr      iso2022kr
    cp949           euckr cp949 windows949 ksc5601 ksc56011987 ksc56011989 uhc
    johab           johab
    ptcp154         ptcp154 pt154
"""
CODECS: dict[str, str] = {name: line.split()[0] for line in _NAMES.strip().splitlines() for name in line.split()[1:]}
"""Declared name (letters and digits only, lower case) -> Python's codec. ASCII, Latin-1 and windows-1252 are missing on
purpose: they are the claims of programs that do not know better."""

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
_COMMON = "оеаинтсрвлкмдпуі"

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
    """Python's codec for a declared charset, or None for a claim that says nothing (unknown, ASCII, Latin-1)."""
    if not declared or len(declared) > 60:
        return None
    name = _NOT_ALPHANUMERIC.sub("", declared.partition("*")[0].lower())
    return CODECS.get(name) or CODECS.get(name.removeprefix("x").removeprefix("cs"))


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of `data`. Never raises; what fits nothing becomes U+FFFD or windows-1252 letters.

    declared: the charset parameter as it stands in the mail, or None.
    """
    if declared in ("utf-8", "UTF-8") and not data.startswith(codecs.BOM_UTF8):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
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
        pairs.update(pairwise(run))
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
    """The text, when the bytes are UTF-8 (a last character may be cut in two).

    doubtful: the mail declares a double-byte charset, in which a short text may look like UTF-8 by chance.
    """
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
    """Declared UTF-8, but not all of it is: lines in another charset (a footer), single bytes lost, or none of it."""
    if data.count(b"\n") < 2_000:
        lines = data.split(b"\n")
        if any(_is_utf8(line) for line in lines):
            return "\n".join(_one_line(line) for line in lines)
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = (len(_HIGH.findall(data)) - wrong) // 2
    return _guessed(data) if wrong > right else text


def _is_utf8(line: bytes) -> bool:
    """Whether a line is UTF-8 and not just ASCII."""
    if line.isascii():
        return False
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _one_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode(likely_cyrillic(line) or "utf-8", "replace")


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
    """Whether the small letters that fill every text are there; a wrong encoding shows capitals or rare ones."""
    sample = text[:1_000]
    letters = len(sample) - len(sample.encode("ascii", "ignore"))
    return letters < 6 or sum(map(sample.count, _COMMON)) * 2 > letters
