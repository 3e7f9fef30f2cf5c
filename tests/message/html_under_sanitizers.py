"""Run by test_native_html.py, in a process that has the address sanitizer: LIBRARY COUNT."""

import ctypes
import random
import sys
from pathlib import Path

from router.message import text as texts
from router.message.native_html import NativeHtml

NAMES = [
    *("p", "div", "span", "b", "br", "BR", "td", "th", "tr", "li", "ul", "ol", "dl", "dt", "dd", "h1", "pre", "PRE"),
    *("blockquote", "BlockQuote", "table", "select", "option", "svg", "object", "a", "img", "hr", "input", "o:p"),
    *("v:shape", "x-y", "body", "html", "style", "script", "title", "textarea", "xmp", "iframe", "noframes", "em"),
    *("strong", "font", "custom", "q", "ſ", "ıframe", 'a"b', "a'b", "bж"),
]
STYLES = [
    *("display:none", "Display : None", "display:block", "DıSPLAY:none", "visibility:hidden", "visibility :collapse"),
    *("visibility:visible", "mso-hide:all", "mso-hide: none", "font-size:0", "font-size: 1px", "font-size:1.0px;"),
    *("font-size:11pt", "font-size:0.9em", "font-size:1.5em", "font-size:.0em", "font-size:", "font-size:px"),
    *("font-size:inherit", "font-size:00", "font-size:01px", "font-size:12px !important", "font-size:0 !important"),
    *("font-ſize:0", "font-size:0\u00a0;", "opacity:0", "opacity:.0", "opacity:0.5", "opacity:1", "opacity:"),
    *("color:transparent", "background-color:transparent", "éсolor:transparent", "écolor:transparent", "color:red"),
    *("max-height:0;overflow:hidden", "overflow:hidden;height:0px;", "overflow:hidden", "height:0", "line-height:0"),
    *("font-family:&quot;Arial&quot;", "display&#58;none", "&quot;;display:none", "x&amp;y", "margin:0"),
    *(f"font-size:{size}{unit}" for size in ("0", "0.0", "1", "1.", "1.01", "10", "2") for unit in ("", "px", "em;")),
]
ATTRIBUTES = [
    *["class=a", "class='b a'"] * 20,
    *(
        "hidden",
        "HIDDEN",
        "hidden=''",
        "data-hidden=1",
        "title='hidden'",
        "class=a",
        "class='b a'",
        'class="c"',
        "id=q",
    ),
    *("id=Q", "_style='display:none'", "1style='display:none'", "éstyle='display:none'", "ſtyle='display:none'"),
    *(
        "a" * 40 + "hidden",
        "a" * 39 + " hidden",
        "href='?a>b'",
        'x="\'"',
        "=",
        "==x",
        "style",
        "style=",
        "style = ",
        "/",
    ),
    *("a='", 'b="', "\u00a0", "\u3000hidden", "href=x/y", "style=display:none", "style=font-size:", "alt=»жы", "\0"),
    *(f"style={quote}{style}{quote}" for style in STYLES for quote in ("'", '"')),
]
SHEETS = [
    *[".a{display:none}"] * 30,
    *("#q , .c { color:red; display : none }", "@media print{.a{display:none}}", "p{margin:0}"),
    *("/* .a{display:none} */", "<!-- .b{font-size:0} -->", "i.a{opacity:0}", ".a .b{display:none}", "}{", "@", ";"),
    *STYLES,
]
WORDS = [
    *(
        "word",
        "два слова",
        " ",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "  ",
        "   ",
        "\u00a0",
        "\u3000",
        "\u2028",
        "\x85",
        "\x1c",
        "> ",
    ),
    *("&", "&amp;", "&nbsp;", "&#160;", "&#1055;", "&#x43f;", "&#X3c", "&lt", "&ltx", "&ampamp;", "&notit;", "&notin;"),
    *(
        "&#0;",
        "&#1;",
        "&#13;",
        "&#10;",
        "&#128;",
        "&#159",
        "&#xd800;",
        "&#xfffe;",
        "&#x1fffff;",
        "&#xfdd0",
        "&#;",
        "&#x;",
    ),
    *(
        "&#" + "9" * 30,
        "&#" + "0" * 4_100 + "65;",
        "&NotEqualTilde;",
        "&CounterClockwiseContourIntegral;",
        "&" + "a" * 40,
    ),
    *(
        "&copy=1",
        "?a=1&b=2",
        "&;",
        "&#abc",
        "&ж;",
        "\u200b",
        "и\u0306",
        "é",
        "😀",
        "\ud800",
        "\0",
        "<",
        ">",
        "'",
        '"',
        "</",
    ),
    *("<!", "<?", "<!-->", "<!--->", "<!---->", "<!-- x -->", "<!--[if mso]>x<![endif]-->", "<![CDATA[x]]>", "<!--"),
    *("-->", "</>", "</ p>", "< p>", "<1>", "</ſtyle>", "</scrıpt>", "</style x", "</title/", "</script >", "x" * 100),
]
SIGNS = "<>/'\"=&;#!?- \n\r\txpbdivž«😀\0"


def drawn(draw: random.Random, most: int) -> str:
    """Some HTML as nobody should write it."""
    out = []
    for _ in range(draw.randrange(most)):
        kind = draw.random()
        name = draw.choice(NAMES)
        if kind < 0.35:
            out.append(draw.choice(WORDS))
        elif kind < 0.65:
            attributes = draw.choices(ATTRIBUTES, k=draw.choice((0, 0, 1, 1, 2, 5)))
            out.append(f"<{name}{''.join(f' {one}' for one in attributes)}{draw.choice(('>', '>', '>', '/>', ''))}")
        elif kind < 0.92:
            out.append(f"</{name}{draw.choice(('>', '>', '>', ' >', ' x>', ''))}")
        elif kind < 0.97:
            out.append(f"<style>{''.join(draw.choices(SHEETS, k=3))}</style>")
        else:
            out.append("".join(draw.choices(SIGNS, k=10)))
    return "".join(out)


def mutated(draw: random.Random, source: str) -> str:
    """The same with some letters changed, lost or doubled."""
    for _ in range(draw.choice((1, 1, 2, 8))):
        at = draw.randrange(len(source) + 1)
        source = source[:at] + draw.choice(("", *SIGNS, "<p", "<!--", "</div>")) + source[at + draw.choice((0, 1, 9)) :]
    return source


def main() -> None:
    reader, count = NativeHtml(ctypes.CDLL(sys.argv[1])), int(sys.argv[2])
    draw = random.Random(5)
    for number in range(count):
        source = drawn(draw, draw.choice((5, 30, 200)))
        if number % 200 == 0:
            source = (drawn(draw, 30) or "<a>") * 3_000
        if number % 100 == 1:
            source = draw.choice(FLOODS) * 90_000
        source = source[: texts.MAX_CHARACTERS]
        found = reader.seen(source)
        if found is not None and len(source) < 50_000 and found != texts._from_html(source):
            Path("/dev/stderr").write_text(f"{source!r}: {found}", "utf-8", "backslashreplace")
            sys.exit(1)
    print(f"{count} texts")


FLOODS = (
    *(
        "<",
        "<a",
        "<a ",
        "<a>",
        "<a x='",
        "<p>",
        "</p>",
        "<b><i></b>",
        "<pre>\n",
        "<blockquote>x",
        "&",
        "&a",
        "&#",
        "&#1",
    ),
    *(
        "<!--",
        "<!",
        "</",
        "<style>",
        "<script>",
        "</script",
        "<a style=",
        "<div hidden>",
        "<x1><x2>",
        "<td>",
        " ",
        "\r",
    ),
    *(
        "<a style='font-size  ",
        "<style>font-size: ",
        ">",
        "<title></title",
        "x ",
        "<span style=display:none>x",
        "\u3000",
    ),
)


if __name__ == "__main__":
    main()
