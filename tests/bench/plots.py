"""Plots as SVG text: horizontal bars on a plain scale, dots on a logarithmic one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

COLORS = {
    "spindle": "#d9480f",
    "redis": "#3b6ea5",
    "valkey": "#5c940d",
    "keydb": "#862e9c",
    "dragonfly": "#0b7285",
}
OTHER_COLORS = ("#846358", "#5f6b7a", "#a07d00", "#c2255c")
INK, FAINT = "#222222", "#d5d5d5"
FONT = "font-family=\"sans-serif\""

WIDTH = 860
MARGIN = 20
# Room to the right of the scale, for the figure that stands behind a bar.
VALUE_ROOM = 120
LINE_HEIGHT = 20
MARK_HEIGHT = 13
GROUP_GAP = 14
TOP, BOTTOM = 78, 58
CHARACTER_WIDTH = 7.2


@dataclass
class Mark:
    """One server's figure in a group; without a `value` it was not measured."""

    server: str
    value: float | None
    low: float | None = None
    high: float | None = None
    # The figure is more than `value`, which is where measuring ended.
    is_beyond: bool = False

    def label(self) -> str:
        return f"> {short(round(self.value))}" if self.is_beyond else short(self.value)


@dataclass
class Plot:
    title: str
    axis: str
    groups: list = field(default_factory=list)
    is_log: bool = False

    def add(self, label: str, marks: list) -> None:
        self.groups.append((label, marks))


class Scale:
    """From a figure to a place on the x axis, and the ticks between."""

    def __init__(self, values: list, left: float, right: float, is_log: bool):
        self.left, self.right, self.is_log = left, right, is_log
        if is_log:
            self._decades(values or [1.0])
        else:
            self._steps(max(values, default=1.0) or 1.0)

    def _decades(self, values: list) -> None:
        first = math.floor(math.log10(min(values)))
        last = max(first + 1, math.ceil(math.log10(max(values))))
        self.ticks = [10.0 ** power for power in range(first, last + 1)]

    def _steps(self, most: float) -> None:
        rough = most / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        self.ticks = [step * count for count in range(math.ceil(most / step) + 1)]

    def x(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        if self.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
        share = (min(value, high) - low) / (high - low)
        return self.left + share * (self.right - self.left)


def short(value: float) -> str:
    """Three significant digits, without an exponent; a count as it is."""
    if value == 0 or isinstance(value, int):
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def tick_text(value: float) -> str:
    return f"{value:,.10f}".rstrip("0").rstrip(".")


def color(server: str, servers: list) -> str:
    others = [name for name in servers if name not in COLORS]
    if server in COLORS:
        return COLORS[server]
    return OTHER_COLORS[others.index(server) % len(OTHER_COLORS)]


def text_at(x: float, y: float, text: str, size: int = 13, anchor: str = "start",
            weight: str = "normal", fill: str = INK) -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" {FONT} font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>')


def line_at(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1) -> str:
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{stroke}" stroke-width="{width}"/>')


def legend(servers: list, left: float, y: float) -> list:
    parts, x = [], left
    for server in servers:
        parts.append(f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="12" height="12" '
                     f'fill="{color(server, servers)}"/>')
        parts.append(text_at(x + 17, y, server))
        x += 17 + len(server) * CHARACTER_WIDTH + 22
    return parts


def axis(scale: Scale, bottom: float, label: str) -> list:
    parts = []
    for tick in scale.ticks:
        x = scale.x(tick)
        parts.append(line_at(x, TOP - 8, x, bottom, FAINT))
        parts.append(text_at(x, bottom + 17, tick_text(tick), 12, "middle"))
    parts.append(line_at(scale.left, bottom, scale.right, bottom, INK))
    parts.append(text_at((scale.left + scale.right) / 2, bottom + 40, label, 13, "middle"))
    return parts


def bar(mark: Mark, scale: Scale, y: float, fill: str) -> list:
    """A bar from zero, with a thin line from the least to the most of its rounds."""
    width = scale.x(mark.value) - scale.left
    middle = y + MARK_HEIGHT / 2
    rect = (f'<rect x="{scale.left:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
            f'height="{MARK_HEIGHT}" fill="{fill}"/>')
    return [rect, *spread(mark, scale, middle)]


def spread(mark: Mark, scale: Scale, middle: float) -> list:
    if mark.low is None or mark.high is None:
        return []
    low, high = scale.x(mark.low), scale.x(mark.high)
    ends = [line_at(x, middle - 3, x, middle + 3, INK, 1.5) for x in (low, high)]
    return [line_at(low, middle, high, middle, INK, 1.5), *ends]


def dot(mark: Mark, scale: Scale, y: float, fill: str) -> list:
    """A dot on a thin line, with its spread; an arrow for what was beyond measure."""
    middle = y + MARK_HEIGHT / 2
    x = scale.x(mark.value)
    parts = [line_at(scale.left, middle, x, middle, fill, 2)]
    if mark.is_beyond:
        points = f"{x:.1f},{middle - 6:.1f} {x + 11:.1f},{middle:.1f} {x:.1f},{middle + 6:.1f}"
        parts.append(f'<polygon points="{points}" fill="{fill}"/>')
    else:
        parts.append(f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="5.5" fill="{fill}"/>')
    return parts + spread(mark, scale, middle)


def one_mark(mark: Mark, plot: Plot, scale: Scale, y: float, fill: str) -> list:
    baseline = y + MARK_HEIGHT - 2
    if mark.value is None:
        return [text_at(scale.left + 6, baseline, "not measured", 12, fill="#6b6b6b")]
    draw = dot if plot.is_log else bar
    end = scale.x(max(mark.value, mark.high or 0))
    return draw(mark, scale, y, fill) + [text_at(end + 16, baseline, mark.label(), 12)]


def draw(plot: Plot, servers: list) -> str:
    """The plot as an SVG document on a white ground."""
    left = MARGIN + max(len(label) for label, _ in plot.groups) * CHARACTER_WIDTH + 12
    marks = [mark for _, some in plot.groups for mark in some if mark.value is not None]
    values = [value for mark in marks for value in (mark.value, mark.low, mark.high)
              if value is not None and (value > 0 or not plot.is_log)]
    scale = Scale(values, left, WIDTH - VALUE_ROOM, plot.is_log)
    body, y = [], float(TOP)
    for label, some in plot.groups:
        height = len(some) * LINE_HEIGHT
        body.append(text_at(left - 10, y + height / 2 + 2, label, 13, "end"))
        for place, mark in enumerate(some):
            at = y + place * LINE_HEIGHT + (LINE_HEIGHT - MARK_HEIGHT) / 2
            body += one_mark(mark, plot, scale, at, color(mark.server, servers))
        y += height + GROUP_GAP
    bottom = y - GROUP_GAP + 6
    height = bottom + BOTTOM
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" role="img">',
        f"<title>{escape(plot.title)}</title>",
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
        text_at(MARGIN, 28, plot.title, 16, weight="bold"),
        *legend(servers, MARGIN, 52),
    ]
    return "\n".join([*head, *axis(scale, bottom, plot.axis), *body, "</svg>"]) + "\n"
