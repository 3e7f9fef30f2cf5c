"""The page of `mailrouter shadow report`: the same look as a backtest's."""

from html import escape

from router.cli.page_parts import bar, card, document, listed_in, select, share, tile, what_differs
from router.shadow.counts import NO_RULE, Counts, Listed, behaves

SHOWN_MOVES = 40


def page(counts: Counts) -> str:
    """The whole page."""
    body = "".join(
        (
            _head(counts),
            _tiles(counts),
            _failures(counts),
            '<div class="two"><section>',
            what_differs(counts.changed),
            "</section><section>",
            _rules(counts),
            "</section></div>",
            _moves(counts),
            _mails(counts),
            "<footer>Written by <code>mailrouter shadow report</code>. No text of any mail is in it, and it asks "
            "nothing of any network.</footer>",
        )
    )
    return document("Shadow", body)


def _head(counts: Counts) -> str:
    if not counts.compared:
        lead = "No mail was decided by a shadow here."
    elif counts.differ:
        lead = f"{share(counts.differ, counts.compared)} of the mail would have been treated differently."
    else:
        lead = "Every mail would have been treated just the same."
    rows = [("In use | shadow", f"{sides} ({number:,} mails)") for sides, number in counts.sides.most_common()]
    if counts.first and counts.last:
        rows.append(("Mail", f"{counts.first:%A %Y-%m-%d %H:%M} to {counts.last:%A %Y-%m-%d %H:%M}"))
    about = "".join(f"<dt>{title}</dt><dd>{escape(text)}</dd>" for title, text in rows)
    return f'<h1>Shadow</h1><p class="lead">{lead}</p><dl class="about">{about}</dl>'


def _tiles(counts: Counts) -> str:
    failed = counts.failed.total()
    tiles = [
        tile(f"{counts.compared:,}", "mails decided by both", ""),
        tile(f"{counts.differ:,}", "differ", share(counts.differ, counts.compared), "main"),
        tile(f"{counts.changed['queue']:,}", "go to another queue", share(counts.changed["queue"], counts.compared)),
        tile(f"{counts.changed['hold']:,}", "held or not", share(counts.changed["hold"], counts.compared)),
        tile(f"{counts.skipped:,}", "skipped", "no time for them"),
        tile(f"{failed:,}", "failed", share(failed, counts.compared + failed)),
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _failures(counts: Counts) -> str:
    if not counts.failed:
        return ""
    said = listed_in(f"{number} × {why}" for why, number in counts.failed.most_common())
    return f'<h2>Worth a look</h2><div class="warn"><b>The shadow could not decide</b>{said}</div>'


def _rules(counts: Counts) -> str:
    by_rule = counts.by_rule
    most = max(by_rule.values(), default=0)
    rows = []
    for rule, number in by_rule.most_common():
        ways = ", ".join(
            f"{behaves(was, now)} {count:,}" for (name, was, now), count in counts.rules.most_common() if name == rule
        )
        rows.append(
            f'<tr class="pick" tabindex="0" data-pick="rule={escape(rule)}"><td>{escape(rule)}'
            f"<br><small>{escape(ways)}</small></td><td class='bars'>{bar(number, most, 'new')}</td>"
            f"<td class='n'>{number:,}</td></tr>"
        )
    if counts.without_rule:
        rows.append(f"<tr><td>{escape(NO_RULE)}</td><td></td><td class='n'>{counts.without_rule:,}</td></tr>")
    return f"<h2>Because of</h2>{card('<th>Rule</th><th></th><th class=n>Mails</th>', rows)}" if rows else ""


def _moves(counts: Counts) -> str:
    rows = [
        f"<tr><td>{kind}</td><td><span class='was'>{escape(was)}</span></td>"
        f"<td><span class='now'>{escape(now)}</span></td><td class='n'>{number:,}</td></tr>"
        for (kind, was, now), number in counts.moves.most_common(SHOWN_MOVES)
    ]
    if not rows:
        return ""
    return f"<h2>From what to what</h2>{card('<th>In</th><th>In use</th><th>Shadow</th><th class=n>Mails</th>', rows)}"


def _mails(counts: Counts) -> str:
    if not counts.listed:
        return ""
    more = ""
    if counts.differ > len(counts.listed):
        first = f"The first {len(counts.listed):,} of {counts.differ:,}"
        more = f'<p class="lead">{first}; <code>--json</code> has all of them.</p>'
    rules = sorted({rule for one in counts.listed for rule, _, _ in one.rules})
    languages = sorted({one.language for one in counts.listed})
    form = (
        '<form class="filter" hidden><input name="text" type="search" placeholder="Search queue id, queue …" '
        f'aria-label="Search">{select("rule", "every rule", rules)}'
        f"{select('field', 'every difference', [kind for kind, _ in counts.changed.most_common()])}"
        f'{select("language", "every language", languages)}<button type="reset">Show all</button><output></output>'
        "</form>"
    )
    return f"<h2>Mails</h2>{more}{form}{''.join(_mail(one) for one in reversed(counts.listed))}"


def _mail(one: Listed) -> str:
    rows = "".join(
        f'<tr><td class="what">{kind}</td><td><span class="was">{escape(was)}</span></td>'
        f'<td>→</td><td><span class="now">{escape(now)}</span></td></tr>'
        for kind, was, now in one.changes
    )
    causes = "".join(f"<li><b>{escape(rule)}</b> {behaves(was, now)}</li>" for rule, was, now in one.rules)
    return (
        f'<article class="mail" data-rules="{escape(" ".join(rule for rule, _, _ in one.rules))}" '
        f'data-language="{escape(one.language)}" data-fields="{" ".join(kind for kind, _, _ in one.changes)}">'
        f"<h3>{escape(one.queue_id or '(forgotten)')}</h3>"
        f'<p class="at">{escape(one.language)} · {one.at:%a %Y-%m-%d %H:%M}</p>'
        f"<table>{rows}</table><ul>{causes or f'<li>{NO_RULE}</li>'}</ul></article>\n"
    )
