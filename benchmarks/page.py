"""A report as one HTML page that needs no other file, no script and no network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks import plots
from benchmarks.accuracy import FileAccuracy, OpenSetFigures, StyleFigures
from benchmarks.figures import Difference, Figure
from benchmarks.latency import Row
from benchmarks.report import Report
from benchmarks.serving import Level

NOTHING = "–"  # noqa: RUF001
"""In a cell of what was not measured."""

_SETS = {
    "published_test": "Published test pictures",
    "unseen_artists": "Paintings by artists who were not trained on",
}
_OPEN_SETS = {
    "other_styles": "Paintings of other styles, which the network should refuse",
    "photographs": "Photographs of no painting, not seen in training, which it should refuse",
    "photographs_all": "Photographs of no painting, seen ones too",
}


@dataclass(frozen=True)
class Cell:
    """One cell; `detail` stands after the value in small print."""

    value: str
    detail: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a table."""

    cells: tuple[Cell, ...]
    mark: str = ""
    """A word on what it is (recommended, reference, peer), which is also its class."""
    note: str = ""
    """What a reader must know of it."""


@dataclass(frozen=True)
class Table:
    """Its first column is text, the others are numbers; columns come in groups with a heading each."""

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    lines: tuple[Line, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All, from left to right."""
        return tuple(column for _, columns in self.groups for column in columns)

    @property
    def has_groups(self) -> bool:
        """Whether any group has a heading."""
        return any(heading for heading, _ in self.groups)

    def filled(self) -> Table:
        """Without the columns in which there is nothing."""
        empty = {
            place
            for place in range(1, len(self.columns))
            if all(line.cells[place].value == NOTHING for line in self.lines)
        }
        kept = [[(name, place) for name, place in group if place not in empty] for group in self._places()]
        return Table(
            tuple(
                (heading, tuple(name for name, _ in group))
                for (heading, _), group in zip(self.groups, kept, strict=True)
                if group
            ),
            tuple(
                Line(
                    tuple(cell for place, cell in enumerate(line.cells) if place not in empty),
                    line.mark,
                    line.note,
                )
                for line in self.lines
            ),
        )

    def _places(self) -> Iterator[list[tuple[str, int]]]:
        place = 0
        for _, columns in self.groups:
            yield [(name, place + number) for number, name in enumerate(columns)]
            place += len(columns)


@dataclass(frozen=True)
class Chapter:
    """A table with its title."""

    title: str
    table: Table


def render(report: Report) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    name = plots.accuracy_set(report)
    pareto = plots.pareto(report)
    return environment.get_template("page.html").render(
        report=report,
        title=f"{', '.join(found.name for found in report.bundles)} on {report.machine.cpu}",
        machine=_machine(report),
        state=_state(report),
        table=_main_table(report).filled(),
        accuracy_set=_SETS[name].lower() if name is not None else None,
        # What matplotlib writes is markup; everything else on the page is escaped.
        pareto=Markup(pareto) if pareto is not None else None,
        largest=max((point.size_bytes for point in plots.points(report)), default=0),
        distributions=Markup(plots.distributions(report)) if report.rows else None,
        steps=Markup(plots.steps(report.pipeline)) if report.pipeline is not None else None,
        accuracies=_accuracies(report.accuracy),
        hold_outs=_accuracies(report.recorded_hold_outs, "precision"),
        serving=_serving(report).filled() if report.serving is not None else None,
        peers=[file for file in report.files if file.peer or file.note],
        descriptions=_descriptions(report.rows),
        how=_how(report),
        colours={"recommended": plots.RECOMMENDED, "own": plots.OWN, "peer": plots.PEER},
    )


# --- the machine ----------------------------------------------------------------------------------


def _machine(report: Report) -> dict[str, str]:
    machine = report.machine
    flags = ", ".join(name for name, present in machine.flags.items() if present)
    minutes, seconds = divmod(round(report.seconds), 60)
    took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return {
        "Processor": f"{machine.cpu}, {machine.usable_cores} of {machine.cores} cores used, {machine.architecture}",
        "Instructions": flags or "none of note",
        "Memory": f"{machine.memory_bytes / 2**30:.1f} GiB",
        "System": f"{machine.system}, Python {machine.python}",
        "Libraries": ", ".join(f"{name} {version}" for name, version in machine.versions.items()),
        "Measured": f"{machine.date:%Y-%m-%d %H:%M} UTC, in {took}, length “{report.length.name}”",
    }


def _state(report: Report) -> Table:
    """Before and after; only what the system tells."""
    moments = (report.before, report.after)

    def line(name: str, *values: str | None) -> Line:
        return Line((Cell(name), *(Cell(value if value is not None else NOTHING) for value in values)))

    lines = [
        line("work of other processes, cores", *(f"{at.others_cores:.2f}" for at in moments)),
        line("taken by the hypervisor", *(f"{at.steal_share:.1%}" for at in moments)),
        line("clock, MHz", *(_number(at.clock_mhz, 0) for at in moments)),
        line("governor", *(", ".join(at.governors) or None for at in moments)),
        line("temperature, °C", *(_number(at.temperature_celsius, 0) for at in moments)),
        line("slowed down by heat, times since start", *(_number(at.throttle_events, 0) for at in moments)),
        line("Raspberry Pi reports", *(", ".join(at.pi_throttled or ()) or None for at in moments)),
        line("power mode", *(at.power_mode for at in moments)),
        line("load average, 1 min", *(_number(at.load_average[0], 2) if at.load_average else None for at in moments)),
        line("memory available, GiB", *(f"{at.memory_available_bytes / 2**30:.1f}" for at in moments)),
    ]
    silent = [each.cells[0].value for each in lines if all(cell.value == NOTHING for cell in each.cells[1:])]
    told = [each for each in lines if each.cells[0].value not in silent]
    if silent:
        told.append(Line((Cell(f"not told by this system: {', '.join(silent)}"), Cell(""), Cell(""))))
    return Table((("", ("", "before", "after")),), tuple(told))


# --- the main table -------------------------------------------------------------------------------


def _main_table(report: Report) -> Table:
    groups = (
        ("", ("file",)),
        ("", ("runtime", "threads", "MB")),
        ("one picture, ms", ("p50", "p90", "p90 at most", "p99")),
        ("", ("times reference", "times limit")),
        ("many pictures", (f"{_at_once(report)} at once, p90 ms", "offline, a second")),
        ("start, ms", ("load", "first")),
        ("memory, MB", ("start", "peak", "end")),
        ("", ("mJ",)),
        ("answers", ("top-1, %", "points to float", "agreement, %", "logits differ by")),
    )
    rows = sorted(report.rows, key=lambda row: row.single_stream.p90_ms)
    return Table(groups, tuple(_main_line(report, row) for row in rows))


def _at_once(report: Report) -> int:
    return next((row.multi_stream.samples_per_query for row in report.rows if row.multi_stream is not None), 8)


def _main_line(report: Report, row: Row) -> Line:
    file, single, limit = report.file(row.file), row.single_stream, report.times_the_limit(row)
    accuracy = report.accuracy_of(row)
    difference = agreement = furthest = None
    if accuracy is not None and file.accuracy_counts:
        difference = accuracy.difference_to_fp32.get(f"{plots.accuracy_set(report)}.accuracy")
        agreement, furthest = accuracy.agreement, accuracy.logits_max_difference
    ratio = Cell(NOTHING)
    if row.ratio is not None:
        ratio = Cell(f"{row.ratio.value:.2f}", f"{row.ratio.interval[0]:.2f} to {row.ratio.interval[1]:.2f}")
    elif report.reference is not None:
        ratio = Cell("1", "reference")
    cells = (
        Cell(row.file),
        Cell(report.runtime_in_words(row)),
        Cell(str(row.threads) if row.threads else "own"),
        Cell(_megabytes(file.size_bytes)),
        Cell(_ms(single.p50_ms)),
        Cell(_ms(single.p90_ms)),
        Cell(_ms(single.p90_early_stopping_ms)),
        Cell(_ms(single.p99_ms)),
        ratio,
        Cell(_number(limit, 1)),
        Cell(_ms(row.multi_stream.p90_ms if row.multi_stream is not None else None)),
        Cell(_number(row.offline.samples_per_s, 0) if row.offline is not None else NOTHING),
        Cell(_number(row.load_ms, 0)),
        Cell(_ms(row.first_inference_ms)),
        Cell(f"{row.start_rss_bytes / 1e6:.0f}"),
        Cell(f"{row.peak_rss_bytes / 1e6:.0f}"),
        Cell(f"{row.end_rss_bytes / 1e6:.0f}"),
        Cell(_number(row.millijoules, 1)),
        _share(plots.top1(report, row)),
        _points(difference),
        _share(agreement, with_interval=False),
        Cell(NOTHING if furthest is None else f"{furthest:.2g}"),
    )
    return Line(cells, _mark(report, row), file.peer or file.note)


def _mark(report: Report, row: Row) -> str:
    if plots.role(report, row) == plots.RECOMMENDED:
        return "recommended"
    if report.reference is not None and row.ratio is None:
        return "reference"
    return "peer" if report.file(row.file).peer else ""


# --- accuracy, serving ----------------------------------------------------------------------------


def _accuracies(accuracy: dict[str, FileAccuracy], first: str = "file and runtime") -> list[Chapter]:
    """A table for each set that any file has; `first` is the heading of its first column."""
    chapters = []
    for name, title in _SETS.items():
        found = {key: styles for key, file in accuracy.items() if (styles := getattr(file, name)) is not None}
        if found:
            chapters.append(
                Chapter(f"{title} ({_counted(each.accuracy for each in found.values())})", _styles(found, first))
            )
    for name, title in _OPEN_SETS.items():
        others = {key: figures for key, file in accuracy.items() if (figures := getattr(file, name)) is not None}
        if others:
            chapters.append(
                Chapter(f"{title} ({_counted(each.refused for each in others.values())})", _opens(others, first))
            )
    return chapters


def _counted(figures: Iterable[Figure]) -> str:
    totals = sorted({figure.total for figure in figures})
    return f"{' or '.join(map(str, totals))} pictures"


def _styles(found: dict[str, StyleFigures], first: str) -> Table:
    styles = tuple(dict.fromkeys(style for each in found.values() for style in each.recall))
    groups = (
        ("", (first, "top-1, %", "mean recall, %", "macro-F1", "ECE")),
        ("recall by style, %", styles),
    )
    empty = Figure(value=None, interval=None, total=0)
    lines = [
        Line(
            (
                Cell(_key(key)),
                _share(each.accuracy),
                _share(each.mean_recall),
                Cell(_number(each.macro_f1, 3)),
                Cell(_number(each.ece, 3)),
                *(_counted_share(each.recall.get(style, empty)) for style in styles),
            )
        )
        for key, each in found.items()
    ]
    return Table(groups, tuple(lines)).filled()


def _opens(found: dict[str, OpenSetFigures], first: str) -> Table:
    columns = (first, "AUROC", "FPR95", "called a style, %", "paintings of the styles accepted, %")
    lines = []
    for key, each in found.items():
        auroc = Cell(NOTHING)
        if each.auroc.value is not None and each.auroc.interval is not None:
            low, high = each.auroc.interval
            auroc = Cell(f"{each.auroc.value:.3f}", f"{low:.3f} to {high:.3f}")
        fpr95 = Cell(_number(each.fpr95, 3))
        lines.append(Line((Cell(_key(key)), auroc, fpr95, _share(each.called_a_style), _share(each.accepted))))
    return Table((("", columns),), tuple(lines)).filled()


def _serving(report: Report) -> Table:
    assert report.serving is not None
    groups = (
        ("", ("", "users at a time", "answers", "answers a second")),
        ("from sending to the whole answer, ms", ("p50", "p90", "p99")),
        ("", ("not answered",)),
        ("cores kept busy", ("by the kiosk", "by the users")),
    )
    situations = {"no camera": report.serving.alone, "while it watches a camera": report.serving.watching}
    lines = [_level(name, level) for name, levels in situations.items() for level in levels]
    return Table(groups, tuple(lines))


def _level(name: str, level: Level) -> Line:
    latency = level.latency
    quantiles = (latency.p50_ms, latency.p90_ms, latency.p99_ms) if latency is not None else (None, None, None)
    failed = ", ".join(f"{count} with {status}" for status, count in level.failures.items())
    return Line(
        (
            Cell(name),
            Cell(str(level.users)),
            Cell(str(level.requests)),
            Cell(f"{level.requests_per_s:.1f}"),
            *(Cell(_number(value, 0)) for value in quantiles),
            Cell(failed or "0"),
            Cell(f"{level.kiosk_cores:.2f}"),
            Cell(f"{level.crowd_cores:.2f}"),
        )
    )


# --- words ----------------------------------------------------------------------------------------


def _how(report: Report) -> list[str]:
    length = report.length
    sentences = [
        f"Latency and throughput are by MLCommons LoadGen {report.loadgen or '(version unknown)'}, MLPerf-style:"
        " this is not an MLPerf result, and nobody at MLCommons has seen it.",
        "Each file ran in a process of its own for each runtime and number of threads. All were loaded before anything"
        f" was timed; then they took turns, {length.turns} each, a different one first in every round, so that"
        " whatever else the machine did fell on all alike. One picture at a time is LoadGen's SingleStream, several at"
        " once its MultiStream, all at once its Offline.",
        "“p90 at most” is LoadGen's early stopping: with 99 % confidence the 90th percentile is not above it.",
    ]
    reference = next((row for row in report.rows if report.reference is not None and row.ratio is None), None)
    if reference is not None:
        sentences.append(
            f"“Times reference” is a row's time over that of {reference.file} in {reference.runtime} with as many"
            " threads, turn by turn: below 1 is quicker. It is steadier than milliseconds, and can be compared between"
            " machines."
        )
    if report.floors:
        peaks = "; ".join(
            f"{floor.precision}, {floor.threads} thread{'s' * (floor.threads > 1)}:"
            f" {floor.gmacs_per_s:.0f} billion a second ({floor.how})"
            for floor in report.floors
        )
        sentences.append(
            "“Times limit” is the median over the least time that the network's multiplications could take at the"
            f" quickest matrix product that was measured here ({peaks})."
        )
    if report.accuracy:
        sentences.append(
            "Accuracy was measured in the same processes as the times. Intervals are 95 % (Wilson) and take pictures as"
            " independent; a published test of few artists is less certain than that. Pictures that a network was"
            " trained on are not scored."
        )
    sentences.append(f"Energy: {report.energy}.")
    sentences.append(f"The seed of all chance was {report.seed}; the JSON beside this page has every figure.")
    return sentences


def _descriptions(rows: Sequence[Row]) -> dict[str, str]:
    """What is behind each runtime's figures, each said once."""
    said: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row.description.items():
            said.setdefault(row.runtime, {})[f"{name}: {value}"] = None
    return {runtime: "; ".join(words) for runtime, words in said.items()}


def _breakable(name: str) -> Markup:
    """A file's name, which a narrow column may break after its dots and strokes."""
    return Markup("<wbr>").join(re.split(r"(?<=[./_])", name))


def _key(key: str) -> str:
    return ", ".join(part.strip() for part in key.split("|"))


def _number(value: float | None, decimals: int) -> str:
    return NOTHING if value is None else f"{value:,.{decimals}f}"


def _ms(value: float | None) -> str:
    """Three figures are what can be trusted at most."""
    if value is None:
        return NOTHING
    decimals = 3 if value < 0.1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.2f}"


def _share(figure: Figure | None, *, with_interval: bool = True) -> Cell:
    if figure is None or figure.value is None or figure.interval is None:
        return Cell(NOTHING)
    low, high = figure.interval
    return Cell(f"{100 * figure.value:.1f}", f"{100 * low:.1f} to {100 * high:.1f}" if with_interval else "")


def _counted_share(figure: Figure) -> Cell:
    """With the count, for few pictures."""
    if figure.value is None:
        return Cell(NOTHING)
    return Cell(f"{100 * figure.value:.1f}", f"{figure.correct}/{figure.total}")


def _points(difference: Difference | None) -> Cell:
    if difference is None or difference.points is None:
        return Cell(NOTHING)
    interval = difference.interval
    return Cell(f"{difference.points:+.1f}", f"{interval[0]:+.1f} to {interval[1]:+.1f}" if interval else "")
