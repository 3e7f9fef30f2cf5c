"""Small pictures as SVG text, for report.html: lines over two axes from 0 to 1, and shaded tables. No scripts."""

from collections.abc import Sequence
from html import escape

from router.frozen import dataclass

WIDTH, HEIGHT = 380, 300
LEFT, TOP, RIGHT, BOTTOM = 46, 12, 20, 40
COLOURS = ("#1f5fa8", "#c2571a", "#2f7d4f", "#7a4fa3", "#444444")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """points: (x, y), in the units of the axes. dots: a mark at every point."""

    name: str
    points: Sequence[Point]
    dots: bool = False


def plot(
    title: str,
    x_name: str,
    y_name: str,
    lines: Sequence[Line],
    *,
    y_from: float = 0.0,
    diagonal: bool = False,
    marks: Sequence[tuple[str, Point]] = (),
    x_ticks: Sequence[tuple[float, str]] | None = None,
) -> str:
    """Curves over x 0..1 and y `y_from`..1. marks: named points, such as a threshold in use."""

    def at(point: Point) -> tuple[float, float]:
        x = LEFT + min(1.0, max(0.0, point[0])) * (WIDTH - LEFT - RIGHT)
        y = TOP + (1 - (min(1.0, max(y_from, point[1])) - y_from) / (1 - y_from)) * (HEIGHT - TOP - BOTTOM)
        return round(x, 1), round(y, 1)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for place, text in x_ticks or [(one / 5, f"{one / 5:g}") for one in range(6)]:
        x, _ = at((place, y_from))
        parts.append(f'<path class="grid" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{escape(text)}</text>')
    for step in range(6):
        value = y_from + (1 - y_from) * step / 5
        _, y = at((0, value))
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.2g}</text>')
    if diagonal:
        (x0, y0), (x1, y1) = at((0, 0)), at((1, 1))
        parts.append(f'<path class="diagonal" d="M{x0} {y0}L{x1} {y1}"/>')
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        places = [at(point) for point in line.points]
        if places:
            steps = "L".join(f"{x} {y}" for x, y in places)
            parts.append(f'<path class="line" stroke="{colour}" d="M{steps}"/>')
        if line.dots:
            parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
    for text, point in marks:
        x, y = at(point)
        side = ("end", x - 8) if x > WIDTH * 0.6 else ("start", x + 8)
        parts.append(f'<circle class="mark" cx="{x}" cy="{y}" r="5"/>')
        parts.append(f'<text class="marked" x="{side[1]}" y="{y + 14}" text-anchor="{side[0]}">{escape(text)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>')
    half = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="12" y="{half}" text-anchor="middle" transform="rotate(-90 12 {half})">{escape(y_name)}</text></svg>'
    )
    legend = "".join(
        f'<span><i style="background:{COLOURS[number % len(COLOURS)]}"></i>{escape(line.name)}</span>'
        for number, line in enumerate(lines)
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption>{"".join(parts)}<div class="legend">{legend}</div></figure>'
    )


def confusion(title: str, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """counts[true][given]; each cell shaded by its share of the row."""
    head = "".join(f"<th>{escape(one)}</th>" for one in labels)
    rows = []
    for number, (label, row) in enumerate(zip(labels, counts, strict=True)):
        total = max(1, sum(row))
        cells = []
        for place, count in enumerate(row):
            share = count / total
            shade = f"rgba({'31,95,168' if place == number else '194,60,26'},{min(0.85, share * 0.8):.2f})"
            ink = ' class="dark"' if share > 0.6 else ""
            cells.append(f'<td{ink} style="background:{shade}">{count}<small>{share * 100:.0f} %</small></td>')
        rows.append(f"<tr><th>{escape(label)}</th>{''.join(cells)}</tr>")
    return (
        f'<figure class="small"><figcaption>{escape(title)}</figcaption><table class="confusion">'
        f"<tr><td></td>{head}</tr>{''.join(rows)}</table></figure>"
    )
