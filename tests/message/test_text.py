"""HTML and plain text as a reader sees them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.message.text import MAX_TEXT_CHARACTERS, from_html, plain, unflowed


@pytest.mark.parametrize(
    "source, text",
    [
        ("<p>Добрий день!</p><p>Сайт не працює.</p>", "Добрий день!\n\nСайт не працює."),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<BR/>three", "one\ntwo\nthree"),
        ("<b>w</b>ord <i>and</i> <u>more</u>", "word and more"),  # inline tags do not part words
        ("<p>one\n two\t\t three</p>", "one two three"),
        ("a&nbsp;b &amp; &lt;c&gt; &#1055;&#x440;&copy;", "a b & <c> Пр©"),
        ("<table><tr><td>name</td><td>value</td></tr><tr><td>x<td>y</table>", "name value\nx y"),
        ("<ul><li>one<li>two</ul>end", "one\ntwo\n\nend"),
        ("<pre>one\n  two\n\nthree</pre>", "one\n  two\n\nthree"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("text only", "text only"),
        ("a < b and c > d <3", "a < b and c > d <3"),
        ("<o:p></o:p><v:shape>x</v:shape>", "x"),
        ("<a href='http://a.example/?a>b'>link</a>", "link"),
        ('<img alt="picture" src="x">text', "text"),
        ("<p class=MsoNormal>one<o:p></o:p></p><p class=MsoNormal>&nbsp;</p><p>two</p>", "one\n\ntwo"),
        ("</p>one</div></b>", "one"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("<x", "<x"),
        ("", ""),
    ],
)
def test_shown(source, text):
    assert from_html(source).text == text


def test_a_number_without_end_is_one_bad_letter():
    """No mail is unreadable because of it: Python makes no number of more than 4,300 digits."""
    assert (
        from_html(f"<p title='&#{'1' * 9_000};'>one &#{'1' * 9_000}; &#{'0' * 9_000}65;two").text
        == "one \ufffd \ufffdtwo"
    )
    assert from_html(f"<p style='display:&#{'1' * 9_000};none'>one").text == "one"


@pytest.mark.parametrize(
    "hidden",
    [
        '<span style="display:none">X</span>',
        '<span style="DISPLAY : None !important;">X</span>',
        "<div style='color:red;visibility:hidden'>X</div>",
        '<p style="font-size:0">X</p>',
        '<p style="font-size:0px;line-height:0">X</p>',
        '<p style="font-size: 1px">X</p>',
        '<span style="opacity:0">X</span>',
        '<span style="mso-hide:all">X</span>',
        '<span style="color:transparent">X</span>',
        '<div style="max-height:0;overflow:hidden">X</div>',
        "<div hidden>X</div>",
        "<div hidden=''>X<b>X</b></div>",
        '<div style="display&#58;none">X</div>',
        "<div style=display:none>X<div>X</div>X</div>",
        "<style>.a{display:none}</style><i class='b a'>X</i>",
        "<style>p{} #q , .z { color:red; display : none }</style><i id=q>X</i>",
        "<!-- X -->",
        "<!--[if mso]>X<![endif]-->",
        "<script>X</script>",
        "<style>X</style>",
        "<title>X</title>",
        "<head><title>X</title><style>X</style></head>",
        "<select><option>X</select>",
        "<svg><text>X</text></svg>",
        "<template>X</template>",
        "<![CDATA[X]]>",
        "<?X?>",
        "<!X>",
        "<textarea>X</textarea>",
        "<noembed>X</noembed>",
    ],
)
def test_hidden(hidden):
    """What no reader sees is not read: neither a preheader nor words put there for the classifier."""
    assert from_html(f"<p>seen {hidden} too</p>").text.split() == ["seen", "too"]


@pytest.mark.parametrize(
    "source, told",
    [
        ('seen<span style="display:none">billing</span>', True),
        ("seen<div hidden>billing</div>", True),
        ('seen<span style="display:none"> </span>', False),  # nothing was hidden
        ("seen<script>x</script><!-- y --><style>z</style>", False),  # every mail has these
        ("seen", False),
    ],
)
def test_hidden_text_is_told(source, told):
    assert from_html(source).hidden is told


@pytest.mark.parametrize(
    "source",
    [
        '<span style="font-size:10px">X</span>',
        '<span style="font-size:0.9em">X</span>',
        '<span style="opacity:0.5">X</span>',
        '<span style="display:block">X</span>',
        '<span style="background-color:transparent">X</span>',
        "<style>@media print{.a{display:none}}</style><i class=a>X</i>",
        "<style>@media (max-width:600px){.a{display:none} .b{x:y}} .c{color:red}</style><i class=a>X</i>",
        "<style>.a .b{display:none}</style><i class=a>X</i>",  # only inside another
        '<p title="hidden">X</p>',
        '<p data-hidden="1">X</p>',
        "<noscript>X</noscript>",
        '<span style="display:none"></span>X',
        '<div style="display:none">no</div>X',
        '<p style="display:none">no<div>X</div>',  # a block ends the paragraph
        "<!-->X",
        "<!--->X",
        "<!--[if !mso]><!-->X<!--<![endif]-->",
        "<br style='display:none'>X",
    ],
)
def test_not_hidden(source):
    assert "X" in from_html(source).text


def test_quotes_are_marked():
    """So that the quote cutter works on HTML as on plain text."""
    source = (
        "<div>Yes.</div><div>On Mon, Feb 2, 2026 at 4:58 AM Desk &lt;a@b.example&gt; wrote:</div>"
        "<blockquote>Is it?<blockquote>Older<br>still</blockquote></blockquote><div>Below</div>"
    )
    assert from_html(source).text.replace("> \n", "").split("\n") == [
        "Yes.",
        "On Mon, Feb 2, 2026 at 4:58 AM Desk <a@b.example> wrote:",
        "",
        "> Is it?",
        "> > Older",
        "> > still",
        "Below",
    ]


def test_too_much_is_cut_and_told():
    found = from_html("<p>word " * 100_000)
    assert found.cut
    assert len(found.text) <= MAX_TEXT_CHARACTERS


@pytest.mark.parametrize(
    "source, text",
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("a\u00a0b\u202fc\u3000d", "a b c d"),
        ("\ufeffa", "a"),
        ("и\u0306 е\u0308 і\u0308", "й ё ї"),  # composed: a Mac writes them in two
        ("па\u200bро\u200dль", "пароль"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\x00\x07b\x1b[0m", "ab[0m"),
        ("\u202egnihtyna\u202c", "gnihtyna"),
        ("👨\u200d👩\u200d👧 ok", "👨\u200d👩\u200d👧 ok"),  # joiners of emoji stay
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_plain(source, text):
    assert plain(source).text == text


def test_words_parted_on_purpose_are_told():
    """Characters without width between letters: no person types them."""
    assert plain("п\u200bа\u200bр\u200bо\u200bл\u200bь").hidden
    assert not plain("soft\u00adhyphen \ufeff").hidden


@pytest.mark.parametrize(
    "source, delete, text",
    [
        ("one \ntwo\nthree", False, "one two\nthree"),
        ("one \ntwo", True, "onetwo"),
        ("> one \n> two\nthree", False, "> one two\nthree"),
        (">> one \n> two", False, "> > one \n> two"),
        ("text\n-- \nname", False, "text\n-- \nname"),  # the signature's line is not soft
        (" > stuffed", False, "> stuffed"),
        ("one \n", False, "one "),
    ],
)
def test_unflowed(source, delete, text):
    """RFC 3676: soft line breaks closed, quote marks and the signature delimiter kept."""
    assert unflowed(source, delete_space=delete) == text


TOKENS = st.sampled_from(
    [
        *[
            "<p>",
            "</p>",
            "<div>",
            "</div>",
            "<b>",
            "</b>",
            "<blockquote>",
            "</blockquote>",
            "<td>",
            "<tr>",
            "<br>",
            "<pre>",
        ],
        *["<!--", "-->", "<", ">", '"', "'", "<a ", "</", "&", "&amp;", "<style>", "</style>", "<script>", "</script>"],
        *['<i style="display:none">', "</i>", "word", " ", "\n", "<![CDATA[", "слово", "<p hidden", "\u200b", "&#0;"],
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(TOKENS, max_size=30))
def test_any_source_gives_text_without_what_is_not_seen(tokens):
    """Never an exception; the words that come out stood in the source outside tags."""
    text = from_html("".join(tokens)).text
    assert text.count("word") <= tokens.count("word")
    assert not any(letter in text for letter in "\r\x00\u200b")
