"""What the pages of backtest and shadow have in common.

A page is one file that asks nothing of any network: styles and script are inside, and a Content-Security-Policy forbids
the rest. Without a script everything is there but the filter of the list, which wants articles of the class `mail` with
data-rules, data-fields and data-language, and a form with `text`, `rule`, `field` and `language`.
"""

from collections import Counter
from collections.abc import Iterable
from html import escape
from importlib.resources import files

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def document(title: str, body: str) -> str:
    """The whole page."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>\n{_file('backtest.css')}</style></head>\n<body><main>\n{body}\n</main>"
        f"<script>\n{_file('backtest.js')}</script></body></html>\n"
    )


def _file(name: str) -> str:
    return (files("router.cli") / name).read_text(encoding="utf-8")


def tile(number: str, words: str, small: str, kind: str = "") -> str:
    return f'<div class="tile {kind}"><b>{number}</b><span>{words}</span><small>{small}</small></div>'


def listed_in(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in items)}</ul>"


def card(head: str, rows: list[str]) -> str:
    return f'<div class="card"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def bar(number: int, most: int, kind: str) -> str:
    width = 100 * number / most if most else 0
    return f'<div class="bar {kind}{" some" if number else ""}" style="width:{width:.2f}%"></div>'


def what_differs(changed: Counter[str]) -> str:
    """How many mails differ in what, the most first; a row picks its mails below."""
    most = max(changed.values(), default=0)
    rows = [
        f'<tr class="pick" tabindex="0" data-pick="field={what}"><td>{what}</td>'
        f"<td class='bars'>{bar(number, most, 'new')}</td><td class='n'>{number:,}</td></tr>"
        for what, number in changed.most_common()
    ]
    return f"<h2>What differs</h2>{card('<th>In</th><th></th><th class=n>Mails</th>', rows)}" if rows else ""


def select(name: str, all_: str, values: list[str]) -> str:
    choices = "".join(f"<option>{escape(one)}</option>" for one in values)
    return f'<select name="{name}" aria-label="{name}"><option value="">{all_}</option>{choices}</select>'


def share(part: int, whole: int) -> str:
    if not whole or not part:
        return "none" if not part else ""
    share = 100 * part / whole
    return f"{share:.1f} %" if share < 99.95 or part == whole else "99.9 %"
