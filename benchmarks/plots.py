"""The plots of a report's page, as SVG that stands in the page itself: text is text, and nothing is loaded."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure as Measured
from benchmarks.latency import Row
from benchmarks.pipeline import Steady
from benchmarks.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

# Told apart by lightness too, so that no eye needs the hues.
RECOMMENDED, OWN, PEER = "#b0401c", "#2e5c7a", "#8a8171"
_INK, _LEADER, _FAINT = "#222222", "#7d776b", "#b9b4aa"
_STEPS = ("#24475e", "#4f83a3", "#9fc0d1", "#c9b27c", "#8a6a3a", "#5d4a2c")

# Points (1/72 inch). Browsers scale the whole; on a phone the container scrolls.
_WIDTH_INCHES, _TEXT = 9.2, 9.0
# Circles that need no more room than the plot always has.
_FEW = 10
# Of the largest file's circle.
_LARGEST_AREA = 900.0

# Of the distribution: percentiles at both ends of each band, and how dark it is.
_BANDS = ((1, 99, 0.25), (10, 90, 0.45), (25, 75, 1.0))

# Of a label from its circle, points; and the directions that are tried, radians: to the right first, to the left last.
_GAPS = (4.0, 9.0, 18.0, 30.0, 44.0, 60.0, 78.0, 98.0, 120.0, 145.0, 175.0)
_TURNS = tuple(math.radians(sign * angle) for angle in range(0, 181, 15) for sign in (1, -1))

# Marks of a logarithmic axis lie at these times the powers of ten.
_SUBS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


_LOOK = {
    "font.family": "serif",
    # What the layout is reckoned with is the second: browsers without Georgia have a similar one.
    "font.serif": ["Georgia", "DejaVu Serif"],
    "font.size": _TEXT,
    "svg.fonttype": "none",
    # A dollar sign in a file's name is one.
    "text.parse_math": False,
}


@contextmanager
def _house_style() -> Iterator[None]:
    """For everything that is drawn in it."""
    from matplotlib import rc_context

    look: dict[Any, Any] = dict(_LOOK)
    with rc_context(look):
        yield


@dataclass(frozen=True)
class Point:
    """One file in one runtime, with the threads with which it is quickest."""

    row: Row
    top1: Measured
    size_bytes: int

    @property
    def value(self) -> float:
        """Top-1 accuracy, per cent."""
        return 100 * (self.top1.value or 0.0)


def role(report: Report, row: Row) -> str:
    """The colour of a row: recommended, of a bundle, or a peer."""
    chosen = report.recommendation
    if chosen is not None and (row.file, row.runtime, row.threads) == (chosen.file, chosen.runtime, chosen.threads):
        return RECOMMENDED
    return PEER if report.file(row.file).peer else OWN


def in_short(name: str) -> str:
    """What tells a file from the others of its bundle."""
    return name.replace("model.", "")


def threads_of(row: Row) -> str:
    """In words."""
    return f"{row.threads} thread{'s' * (row.threads > 1)}" if row.threads else "its own threads"


def accuracy_set(report: Report) -> str | None:
    """The set that top-1 is of: the published test where there is one; None where nothing was scored."""
    for name in ("published_test", "unseen_artists"):
        if any(getattr(found, name) is not None for found in report.accuracy.values()):
            return name
    return None


def top1(report: Report, row: Row) -> Measured | None:
    """Top-1 accuracy of a row's file in its runtime; None where it was not measured or is no figure."""
    name, found = accuracy_set(report), report.accuracy_of(row)
    if name is None or found is None or not report.file(row.file).accuracy_counts:
        return None
    styles = getattr(found, name)
    return styles.accuracy if styles is not None and styles.accuracy.value is not None else None


def points(report: Report) -> list[Point]:
    """What the Pareto plot shows, the quickest first."""
    found: dict[tuple[str, str], Point] = {}
    for row in sorted(report.rows, key=lambda row: row.single_stream.p90_ms):
        accuracy = top1(report, row)
        if accuracy is not None:
            key = (row.file, row.runtime)
            chosen = role(report, row) == RECOMMENDED
            # The recommended row stands for its file though more threads may be a little quicker.
            if key not in found or chosen:
                found[key] = Point(row, accuracy, report.file(row.file).size_bytes)
    return sorted(found.values(), key=lambda point: point.row.single_stream.p90_ms)


def frontier(found: Sequence[Point]) -> list[Point]:
    """Those than which no other is both quicker and more accurate; `found` has the quickest first."""
    best: list[Point] = []
    for point in found:
        if not best or point.value > best[-1].value:
            best.append(point)
    return best


@_house_style()
def pareto(report: Report) -> str | None:
    """Latency against accuracy, size as area; None where no accuracy was measured."""
    found = points(report)
    if not found:
        return None
    # Labels of many need room, and their intervals must not hide them.
    figure = _figure(5.4 + 0.13 * max(0, len(found) - _FEW))
    faintness = 0.55 if len(found) <= _FEW else 0.3
    axes = figure.subplots()
    largest = max(point.size_bytes for point in found)
    edge = frontier(found)
    right = max(point.row.single_stream.p90_ms for point in found) * 1.6
    axes.step(
        [point.row.single_stream.p90_ms for point in edge] + [right],
        [point.value for point in edge] + [edge[-1].value],
        where="post",
        color=_FAINT,
        linewidth=1.2,
        zorder=1,
    )
    places = []
    for point in sorted(found, key=lambda point: -point.size_bytes):  # small circles lie on large ones
        x, y, colour = point.row.single_stream.p90_ms, point.value, role(report, point.row)
        low, high = point.top1.interval or (point.top1.value or 0.0, point.top1.value or 0.0)
        axes.plot([x, x], [100 * low, 100 * high], color=colour, linewidth=0.9, alpha=faintness, zorder=2)
        area = _LARGEST_AREA * point.size_bytes / largest
        axes.scatter([x], [y], s=area, facecolor=_lighter(colour), edgecolor=colour, linewidth=1.2, zorder=3)
        label = f"{in_short(point.row.file)}, {point.row.runtime}"
        places.append((x, y, math.sqrt(area) / 2, label, colour))
    _logarithmic(axes, [place[0] for place in places], 1.6)
    axes.set_xlabel("90th percentile of one picture, ms (logarithmic)")
    axes.set_ylabel("top-1 accuracy, % (95 % interval)")
    axes.grid(color="#eeeae2", linewidth=0.8)
    axes.set_axisbelow(True)
    _label(figure, axes, sorted(places))
    return _svg(figure, "pareto", "Latency against accuracy of every file; the table below has the same figures")


@_house_style()
def distributions(report: Report) -> str:
    """Percentiles of single pictures, one strip for each row, the quickest first."""
    rows = sorted(report.rows, key=lambda row: row.single_stream.p90_ms)
    figure = _figure(1.0 + 0.27 * len(rows))
    axes = figure.subplots()
    for place, row in enumerate(rows):
        percentiles, colour = row.single_stream.percentiles_ms, role(report, row)
        for low, high, alpha in _BANDS:
            left, right = percentiles[low], percentiles[high]
            axes.barh(place, right - left, left=left, height=0.55, color=_mixed(colour, alpha), linewidth=0)
        axes.plot([percentiles[50]] * 2, [place - 0.36, place + 0.36], color="#ffffff", linewidth=2.4)
        axes.plot([percentiles[50]] * 2, [place - 0.36, place + 0.36], color=_INK, linewidth=1.0)
    axes.set_yticks(
        range(len(rows)), [f"{in_short(row.file)}, {row.runtime}, {threads_of(row)}" for row in rows], fontsize=_TEXT
    )
    for text, row in zip(axes.get_yticklabels(), rows, strict=True):
        if role(report, row) == RECOMMENDED:
            text.set_color(RECOMMENDED)
            text.set_fontweight("bold")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    ends = [row.single_stream.percentiles_ms[end] for row in rows for end in (1, 99)]
    _logarithmic(axes, ends, 1.1)
    axes.grid(axis="x", color="#eeeae2", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("one picture, ms (logarithmic)")
    return _svg(figure, "distributions", "Latency distribution of every row, from the 1st to the 99th percentile")


@_house_style()
def steps(steady: Steady) -> str:
    """Where a frame's time goes in the kiosk, beside the network alone."""
    parts = {name: found.p50_ms for name, found in steady.steps.items() if name != "total"}
    # Medians do not add up exactly: what is left is waiting, hand-over, and that.
    rest = steady.delay.p50_ms - sum(parts.values())
    if rest > 0:
        parts["waiting and the rest"] = rest
    figure = _figure(2.3)
    axes = figure.subplots()
    left, names = 0.0, []
    for number, (name, p50_ms) in enumerate(parts.items()):
        colour = "#dcd7cc" if name == "waiting and the rest" else _STEPS[number % len(_STEPS)]
        axes.barh(0, p50_ms, left=left, height=0.5, color=colour, linewidth=0)
        names.append((left + p50_ms / 2, f"{name}\n{p50_ms:.2f} ms"))
        left += p50_ms
    axes.barh(
        1,
        steady.bare.p50_ms,
        height=0.5,
        color=_STEPS[list(parts).index("classify") % len(_STEPS)] if "classify" in parts else OWN,
        linewidth=0,
    )
    axes.text(steady.bare.p50_ms, 1, f"  {steady.bare.p50_ms:.2f} ms", va="center", fontsize=_TEXT)
    axes.set_yticks([0, 1], ["in the kiosk", "the network alone"], fontsize=_TEXT)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(1.5, -1.15)
    axes.set_xlim(0, max(left, steady.bare.p50_ms) * 1.04)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("median, ms")
    _label_above(figure, axes, names)
    return _svg(figure, "steps", "Where the time of a frame goes in the kiosk, beside the network alone")


# --- drawing --------------------------------------------------------------------------------------


def _figure(height_inches: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # 72 dots an inch: a pixel of the layout is a point of the SVG.
    figure = Figure(figsize=(_WIDTH_INCHES, height_inches), dpi=72, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _svg(figure: Figure, name: str, says: str) -> str:
    from matplotlib import rc_context

    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        for spine in axes.spines.values():
            spine.set_color(_FAINT)
        axes.tick_params(which="both", color=_FAINT, labelcolor=_INK, labelsize=_TEXT)
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata=nothing, transparent=True)
    svg = text.getvalue()[text.getvalue().index("<svg") :]
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(says)}" ', 1)


def _lighter(colour: str) -> str:
    return _mixed(colour, 0.35)


def _mixed(colour: str, share: float) -> str:
    """With white: unlike transparency, it prints, and what lies under it does not shine through."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)


def _logarithmic(axes: Axes, values: Sequence[float], margin: float) -> None:
    """A horizontal axis with plain numbers, as many as there is room for."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    low, high = min(values) / margin, max(values) * margin
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    subs = _SUBS if high / low < 30 else (1.0, 2.0, 5.0) if high / low < 1000 else (1.0,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    axes.xaxis.set_major_locator(FixedLocator([sub * 10.0**power for power in powers for sub in subs]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _label(figure: Figure, axes: Axes, places: Sequence[tuple[float, float, float, str, str]]) -> None:
    """Write a label at each circle (x, y, radius, text, colour), where it hides no circle and no other label; further
    away with a line to it where there is no room."""
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what is placed now must not move
    circles = []
    for x, y, radius, _, _ in places:
        cx, cy = axes.transData.transform((x, y))
        circles.append(Bbox.from_extents(cx - radius, cy - radius, cx + radius, cy + radius))
    taken: list[Bbox] = []
    inside = axes.get_window_extent()
    # The quickest first: they are what is looked for.
    for x, y, radius, text, colour in places:
        weight = "bold" if colour == RECOMMENDED else "normal"
        label = axes.annotate(
            text,
            (x, y),
            (0, 0),
            textcoords="offset points",
            fontsize=_TEXT,
            color=_INK,
            fontweight=weight,
            zorder=2.8,  # its white ground hides lines, never a circle
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
        size = label.get_window_extent()
        cx, cy = axes.transData.transform((x, y))
        avoided = [*taken, *circles]
        best: tuple[float, float, Bbox] | None = None
        for gap, turn in itertools.product(_GAPS, _TURNS):
            dx, dy = (radius + gap) * math.cos(turn), (radius + gap) * math.sin(turn)
            # Of a label to the right its left end is at that place, and so on round the circle.
            left = cx + dx - size.width * (1 - math.cos(turn)) / 2
            bottom = cy + dy - size.height * (1 - math.sin(turn)) / 2
            box = Bbox.from_bounds(left, bottom, size.width, size.height)
            cost = gap + 400 * sum(_shared(box, other) for other in avoided) + 10_000 * _outside(box, inside)
            if best is None or cost < best[0]:
                best = (cost, gap, box)
            if cost <= gap:
                break
        assert best is not None
        _, gap, box = best
        label.set_position((box.x0 - cx, box.y0 - cy))
        taken.append(box.padded(1.5))
        if gap > _GAPS[0]:
            near = (min(max(cx, box.x0), box.x1), min(max(cy, box.y0), box.y1))
            distance = math.dist(near, (cx, cy))
            edge = [c + radius * (n - c) / distance for c, n in zip((cx, cy), near, strict=True)]
            line = axes.transData.inverted().transform([edge, near])
            axes.plot(line[:, 0], line[:, 1], color=_LEADER, linewidth=0.7, zorder=2.9)


def _shared(one: Bbox, other: Bbox) -> float:
    """Share of the smaller one that both cover, and at least a little where they touch."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return 0.0
    return float(0.05 + width * height / min(one.width * one.height, other.width * other.height))


def _outside(box: Bbox, frame: Bbox) -> float:
    """How far a label reaches out of the plot, points."""
    return float(
        max(0.0, frame.x0 - box.x0)
        + max(0.0, box.x1 - frame.x1)
        + max(0.0, frame.y0 - box.y0)
        + max(0.0, box.y1 - frame.y1)
    )


def _label_above(figure: Figure, axes: Axes, names: Sequence[tuple[float, str]]) -> None:
    """Names over the parts of a bar, pushed apart where parts are narrow, each with a line to its part."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    texts = [axes.text(x, -0.62, name, ha="center", va="bottom", fontsize=_TEXT, linespacing=1.15) for x, name in names]
    widths = [text.get_window_extent().width + 8 for text in texts]
    wanted = [float(axes.transData.transform((x, 0))[0]) for x, _ in names]
    frame = axes.get_window_extent()
    centres = list(wanted)
    for number in range(1, len(centres)):
        centres[number] = max(centres[number], centres[number - 1] + (widths[number - 1] + widths[number]) / 2)
    end = frame.x1
    for number in reversed(range(len(centres))):
        centres[number] = min(centres[number], end - widths[number] / 2)
        end = centres[number] - widths[number] / 2
    for text, centre, (x, _) in zip(texts, centres, names, strict=True):
        place = float(axes.transData.inverted().transform((centre, 0))[0])
        text.set_x(place)
        axes.plot([place, x], [-0.56, -0.27], color=_FAINT, linewidth=0.8)
