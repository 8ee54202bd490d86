"""Plots as inline SVG, made without a script and without a style of their own: classes `bar`, `axis`, `quiet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 170
_LEFT, _BOTTOM, _TOP = 48, 26, 16
_WIDEST: Final = 36  # of a day's place: a site's first days are columns, too, and no walls


def columns(values: Mapping[str, int], title: str, second: Mapping[str, int] | None = None) -> str:
    """A column for each day, in their order; `second` stands behind, paler. Each says its numbers when pointed at."""
    if not values:
        return ""
    names = list(values)
    top = _round_up(max([*values.values(), *(second or {}).values(), 1]))
    step = min((WIDTH - _LEFT) / len(names), _WIDEST)
    base = HEIGHT - _BOTTOM

    def column(index: int, value: int, kind: str, text: str) -> str:
        height = (base - _TOP) * value / top
        x, width = _LEFT + index * step + step * 0.1, max(step * 0.8, 0.5)
        return (
            f'<rect class="{kind}" x="{x:.1f}" y="{base - height:.1f}" width="{width:.1f}" height="{height:.1f}">'
            f"<title>{escape(text)}</title></rect>"
        )

    drawn = []
    for index, name in enumerate(names):
        behind = (second or {}).get(name, 0)
        text = f"{name}: {values[name]:,}" + (f" of {behind:,}" if second else "")
        if behind:
            drawn.append(column(index, behind, "quiet", text))
        drawn.append(column(index, values[name], "bar", text))
    labels = "".join(
        f'<text x="{_LEFT - 6}" y="{base - (base - _TOP) * part + 4:.0f}" text-anchor="end">{top * part:,.0f}</text>'
        f'<line class="axis" x1="{_LEFT}" x2="{WIDTH}" y1="{base - (base - _TOP) * part:.1f}" '
        f'y2="{base - (base - _TOP) * part:.1f}"/>'
        for part in (0, 1)
    )
    ends = f'<text x="{_LEFT}" y="{HEIGHT - 6}">{names[0]}</text>'
    if len(names) > 1:
        end = max(_LEFT + step * len(names), _LEFT + 300)  # two dates side by side, also on a phone
        ends += f'<text x="{end:.0f}" y="{HEIGHT - 6}" text-anchor="end">{names[-1]}</text>'
    plot = f"{labels}{''.join(drawn)}{ends}"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{plot}</svg>'


def bars(rows: Sequence[tuple[str, int]], title: str) -> str:
    """A bar for each row, the label to its left and the number behind it."""
    if not rows:
        return ""
    line, left = 24, 200
    top = max(value for _, value in rows) or 1
    drawn = []
    for index, (label, value) in enumerate(rows):
        text, width = index * line + 16, (WIDTH - left - 90) * value / top
        drawn.append(
            f'<text x="{left - 8}" y="{text}" text-anchor="end">{escape(label[:28])}</text>'
            f'<rect class="bar" x="{left}" y="{text - 12}" width="{width:.1f}" height="16"/>'
            f'<text x="{left + width + 6:.1f}" y="{text}">{value:,}</text>'
        )
    name = escape(title)
    return (
        f'<svg viewBox="0 0 {WIDTH} {len(rows) * line}" role="img" aria-label="{name}">{"".join(drawn)}</svg>'
    )


def _round_up(value: int) -> int:
    """The next number that reads well: 1, 2, 5, 10, 20, 50, …"""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor >= value:
                return step * factor
        step *= 10
