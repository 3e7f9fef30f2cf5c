"""The page of a backtest: for people who would rather look than read."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape

from router.backtest.compare import FIELDS, Cause, Difference
from router.backtest.counts import Counts, Pair
from router.cli.page_parts import bar, card, document, listed_in, select, share, tile, what_differs
from router.errors import Problem
from router.generation import Generation
from router.rules.schema import Mode, Rule


def page(
    counts: Counts,
    listed: list[Difference],
    new: Generation,
    old: Generation | None,
    warned: tuple[Problem, ...],
    paths: tuple[str, ...],
    seconds: float,
    now: datetime | None = None,
) -> str:
    """The whole page. listed: the differences to show; `counts` knows of all. now: when it was made."""
    name = new.ruleset.file.name or "Backtest"
    body = "".join(
        (
            _head(counts, name, new, old, paths, seconds, now or datetime.now().astimezone()),
            _tiles(counts, old is not None),
            _warnings(counts, warned),
            _rules(counts, new, old),
            '<div class="two"><section>',
            _table("Queues", "queue", counts.queues, sorted(counts.queues), old is not None),
            "</section><section>",
            _table("Outcomes", "outcome", counts.outcomes, sorted(counts.outcomes), old is not None),
            "</section></div>",
            '<div class="two"><section>',
            _languages(counts, old is not None),
            "</section><section>",
            what_differs(counts.changed) if old is not None else "",
            "</section></div>",
            _differences(counts, listed) if old is not None else "",
            "<footer>Written by <code>mailrouter backtest</code>. This page asks nothing of any network.</footer>",
        )
    )
    return document(f"Backtest: {name}", body)


# ----------------------------------------------------------------------------------------------------------------- top
def _head(
    counts: Counts,
    name: str,
    new: Generation,
    old: Generation | None,
    paths: tuple[str, ...],
    seconds: float,
    now: datetime,
) -> str:
    if old is None:
        lead = "What the rules do with an archive of mail: nothing was compared."
    elif counts.differ:
        lead = f"{share(counts.differ, counts.mails)} of this mail would have been decided differently."
    else:
        lead = "Every mail of this archive would have been decided just the same."
    rows = [("Archive", ", ".join(paths)), ("New", _side(new))]
    rows += [("Old", _side(old))] if old is not None else []
    rows.append(("Made", f"{now:%A %Y-%m-%d %H:%M}, {counts.mails:,} mails in {_time(seconds)}"))
    about = "".join(f"<dt>{title}</dt><dd>{escape(text)}</dd>" for title, text in rows)
    return f'<h1>{escape(name)}</h1><p class="lead">{lead}</p><dl class="about">{about}</dl>'


def _side(one: Generation) -> str:
    model = one.model.id if one.model else f"no model ({one.model_refused})"
    return f"{one.ruleset.file.source}, rules {one.ruleset.sha[:12]}, {model}"


def _tiles(counts: Counts, compared: bool) -> str:
    tiles = [tile(f"{counts.mails:,}", "mails decided", "")]
    if compared:
        tiles.append(tile(f"{counts.differ:,}", "decided differently", share(counts.differ, counts.mails), "main"))
        moved = counts.changed["queue"]
        tiles.append(tile(f"{moved:,}", "go to another queue", share(moved, counts.mails)))
    for outcome in ("redirected", "held", "answered", "urgent"):
        pair = counts.outcomes.get(outcome, Pair())
        before = (
            f"before {pair.before:,} ({_signed(pair.after - pair.before)})"
            if pair.before != pair.after
            else "as before"
        )
        tiles.append(tile(f"{pair.after:,}", outcome, before if compared else share(pair.after, counts.mails)))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _warnings(counts: Counts, warned: tuple[Problem, ...]) -> str:
    said = [f"{one.place.rpartition('> ')[2]}, line {one.location.line}: {one.message}" for one in warned]
    parts = []
    if said:
        parts.append(
            "<b>Greedy phrases</b> (W516): they say little about a mail, since so many have them." + listed_in(said)
        )
    if counts.faults:
        faults = [f"{number} × {what}" for what, number in counts.faults.items()]
        parts.append("<b>Could not be decided</b>, by a fault of the program; please report it." + listed_in(faults))
    return "".join(f'<h2>Worth a look</h2><div class="warn">{part}</div>' for part in parts)


# -------------------------------------------------------------------------------------------------------------- tables
def _rules(counts: Counts, new: Generation, old: Generation | None) -> str:
    before = {str(one.id): one for one in old.ruleset.rules} if old is not None else {}
    after = {str(one.id): one for one in new.ruleset.rules}
    most = _most(counts.fired.values())
    rows = []
    for name in (*after, *(one for one in before if one not in after)):
        fired = counts.fired.get(name, Pair())
        note = _note(name, after.get(name), before if old is not None else None, counts)
        rule = after.get(name) or before[name]
        cells = f"<td>{escape(name)}{note}</td><td>{rule.stage}</td>" + _numbers(fired, most, old is not None)
        if old is not None:
            part = counts.changed_by[name]
            cells += f'<td class="n">{part:,}</td>' if part else '<td class="n none">–</td>'
        quiet = "" if fired.before or fired.after else "quiet"
        pick = f' data-pick="rule={escape(name)}" tabindex="0"' if counts.changed_by[name] else ""
        rows.append(f'<tr class="{"pick" if pick else ""} {quiet}"{pick}>{cells}</tr>')
    head = "<th>Rule</th><th>Stage</th>" + _heads("Fired", old is not None)
    head += (
        '<th class="n" title="mails decided differently in which this rule behaves differently">Differs in</th>'
        if old
        else ""
    )
    hint = (
        ""
        if old is None
        else "<span>Click a row with a number under “Differs in”: the list below then shows those mails.</span>"
    )
    return f"<h2>Rules</h2>{_legend(old is not None, hint)}{card(head, rows)}"


def _note(name: str, rule: Rule | None, before: Mapping[str, Rule] | None, counts: Counts) -> str:
    notes = []
    if rule is None:
        notes.append('<span class="tag gone">gone</span>')
    elif before is not None and name not in before:
        notes.append('<span class="tag">new</span>')
    if rule is not None and rule.mode is not Mode.ENFORCE:
        notes.append(f'<span class="tag quiet">{rule.mode}</span>')
    for word, table in (("in shadow", counts.shadow), ("unknown", counts.unknown)):
        pair = table.get(name)
        if pair is not None:
            count = (
                f"{pair.before:,} → {pair.after:,}"
                if before is not None and pair.before != pair.after
                else f"{pair.after:,}"
            )
            notes.append(f'<span class="tag quiet">{word} {count}</span>')
    return "".join(notes)


def _table(title: str, word: str, table: Mapping[str, Pair], names: Iterable[str], compared: bool) -> str:
    most = _most(table.values())
    rows = [f"<tr><td>{escape(name)}</td>{_numbers(table[name], most, compared)}</tr>" for name in names]
    return f"<h2>{title}</h2>{card(f'<th>{word.title()}</th>' + _heads('Mails', compared), rows)}"


def _languages(counts: Counts, compared: bool) -> str:
    rows = []
    for name, pair in sorted(counts.languages.items(), key=lambda one: -one[1].before):
        cells = f"<td>{escape(name)}</td><td class='n'>{pair.before:,}</td>"
        if compared:
            cells += f"<td class='bars'>{bar(pair.after, pair.before, 'new')}</td>"
            cells += f"<td class='n'>{pair.after:,}</td><td class='n'>{share(pair.after, pair.before)}</td>"
        pick = f' class="pick" tabindex="0" data-pick="language={escape(name)}"' if compared and pair.after else ""
        rows.append(f"<tr{pick}>{cells}</tr>")
    head = "<th>Language</th><th class='n'>Mails</th>"
    head += "<th></th><th class='n'>Differ</th><th class='n'>Share</th>" if compared else ""
    return f"<h2>Languages</h2>{card(head, rows)}"


def _legend(compared: bool, hint: str) -> str:
    if not compared:
        return ""
    bars = '<span><i class="bar old"></i>before</span><span><i class="bar new"></i>after</span>'
    return f'<p class="legend">{bars}{hint}</p>'


def _heads(word: str, compared: bool) -> str:
    if not compared:
        return f"<th></th><th class='n'>{word}</th>"
    return f"<th>{word}</th><th class='n'>Before</th><th class='n'>After</th><th class='n'>Change</th>"


def _numbers(pair: Pair, most: int, compared: bool) -> str:
    if not compared:
        return f"<td class='bars'>{bar(pair.after, most, 'new')}</td><td class='n'>{pair.after:,}</td>"
    moved = pair.after - pair.before
    change = f'<td class="n move">{_signed(moved)}</td>' if moved else '<td class="n none">–</td>'
    bars = bar(pair.before, most, "old") + bar(pair.after, most, "new")
    return f"<td class='bars'>{bars}</td><td class='n'>{pair.before:,}</td><td class='n'>{pair.after:,}</td>{change}"


def _most(pairs: Iterable[Pair]) -> int:
    return max((max(one.before, one.after) for one in pairs), default=0)


# --------------------------------------------------------------------------------------------------------- differences
def _differences(counts: Counts, listed: list[Difference]) -> str:
    if not listed:
        return ""
    more = ""
    if counts.differ > len(listed):
        more = (
            f'<p class="lead">The first {len(listed):,} of {counts.differ:,}; <code>--json</code> has all of them.</p>'
        )
    rules = sorted({cause.rule for one in listed for cause in one.causes})
    fields = [what for what in FIELDS if any(what == change.what for one in listed for change in one.changes)]
    languages = sorted({one.language for one in listed})
    form = (
        '<form class="filter" hidden><input name="text" type="search" placeholder="Search subject, file, queue …" '
        f'aria-label="Search">{select("rule", "every rule", rules)}{select("field", "every difference", fields)}'
        f'{select("language", "every language", languages)}<button type="reset">Show all</button><output></output>'
        "</form>"
    )
    return f"<h2>Mails decided differently</h2>{more}{form}{''.join(_mail(one) for one in listed)}"


def _mail(one: Difference) -> str:
    rows = "".join(
        f'<tr><td class="what">{change.what}</td><td><span class="was">{escape(change.was)}</span></td>'
        f'<td>→</td><td><span class="now">{escape(change.now)}</span></td></tr>'
        for change in one.changes
    )
    causes = "".join(_cause(cause) for cause in one.causes)
    causes = causes or "<li>no rule: settings, calendars, texts, lists or the model differ</li>"
    text = f"<details><summary>Text</summary><pre>{escape(one.text)}</pre></details>" if one.text else ""
    data = (
        f'data-rules="{escape(" ".join(cause.rule for cause in one.causes))}" data-language="{escape(one.language)}" '
        f'data-fields="{" ".join(change.what for change in one.changes)}"'
    )
    return (
        f'<article class="mail" {data}><h3>{escape(one.subject) or "(no subject)"}</h3>'
        f'<p class="at">{escape(one.source)} · {escape(one.language)} · {one.received_at:%a %Y-%m-%d %H:%M}</p>'
        f"<table>{rows}</table><ul>{causes}</ul>{text}</article>\n"
    )


def _cause(cause: Cause) -> str:
    _, _, does = str(cause).partition("): ")
    because = f" <code>{escape(cause.because)}</code>" if cause.because else ""
    return f"<li><b>{escape(cause.rule)}</b> (line {cause.line}) {escape(does)}{because}</li>"


def _signed(number: int) -> str:
    return f"{number:+,}".replace("-", "−")


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"
