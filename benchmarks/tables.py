"""A report as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import FileAccuracy
from benchmarks.figures import Figure, Quantiles
from benchmarks.machine import Machine
from benchmarks.report import Report
from benchmarks.serving import Serving

# Characters from which on a screen holds all columns; the page and the JSON have them anyway.
_WIDE = 140


def show(report: Report, console: Console) -> None:
    """Print everything that a reader compares; the page and the JSON have the rest."""
    _show_machine(report.machine, console)
    say(console, "yellow", *(f"not quiet: {line}" for line in report.unquiet))
    _show_latency(report, console)
    _show_kiosk(report, console)
    _show_pictures(report, console)
    if report.accuracy:
        _show_accuracies(report, console)
    if report.recorded_hold_outs and report.accuracy:
        _show_sets(
            "Hold-outs, recorded at training and NOT measured now: runs of the same recipe, each picture"
            " judged by one that never saw its artist",
            report.recorded_hold_outs,
            console,
        )
    say(console, "yellow", *(f"left out: {what}: {why}" for what, why in report.refused.items()))
    say(console, "yellow", *(f"note: {note}" for note in report.notes))
    say(console, "red", *(f"WRONG: {contradiction}" for contradiction in report.contradictions))
    if report.recommendation is not None:
        say(console, "bold", report.recommendation.sentence)


def say(console: Console, style: str, *lines: str) -> None:
    """Print lines as they are: a terminal breaks them, and nothing in them is markup."""
    for line in lines:
        console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def new_table(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(columns[0], overflow="fold", no_wrap=columns[0] == "file")
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _show_machine(machine: Machine, console: Console) -> None:
    flags = ", ".join(name for name, present in machine.flags.items() if present) or "none of note"
    load = ", ".join(f"{value:.2f}" for value in machine.load_average or ()) or "unknown"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    console.print(
        f"{machine.cpu}, {machine.usable_cores} of {machine.cores} cores,"
        f" {machine.memory_bytes / 2**30:.1f} GiB, {machine.architecture} ({flags}); load {load};"
        f" Python {machine.python}, {versions}",
        highlight=False,
        markup=False,
    )


def _show_latency(report: Report, console: Console) -> None:
    reference = f"; ratios are to {report.reference} with as many threads" if report.reference else ""
    wide = console.width >= _WIDE
    table = new_table(
        f"One picture after the other, quickest first (LoadGen {report.loadgen}, MLPerf-style, {report.length.name}"
        f" length{reference})",
        *("file", "runtime", "threads", "p50 ms", "p90 ms", "ratio"),
        *(("p99 ms", "x limit", "8 at once", "pictures/s", "load ms", "first ms", "peak MB", "MB") if wide else ()),
    )
    for row in sorted(report.rows, key=lambda row: row.single_stream.p90_ms):
        limit = report.times_the_limit(row)
        narrow = (
            row.file,
            report.runtime_in_words(row),
            str(row.threads or "own"),
            f"{row.single_stream.p50_ms:.2f}",
            f"{row.single_stream.p90_ms:.2f}",
            (str(row.ratio) if wide else f"{row.ratio.value:.2f}") if row.ratio else "1",
        )
        more = (
            f"{row.single_stream.p99_ms:.2f}",
            f"{limit:.1f}" if limit else "-",
            f"{row.multi_stream.p50_ms:.1f}" if row.multi_stream else "-",
            f"{row.offline.samples_per_s:.0f}" if row.offline else "-",
            f"{row.load_ms:.0f}",
            f"{row.first_inference_ms:.1f}",
            f"{row.peak_rss_bytes / 1e6:.0f}",
            f"{report.file(row.file).size_bytes / 1e6:.1f}",
        )
        table.add_row(*narrow, *(more if wide else ()))
    console.print(table)


def _show_kiosk(report: Report, console: Console) -> None:
    if (watched := report.pipeline) is not None:
        table = new_table("The kiosk before a camera of 1920x1080, 30 a second", "step", "p50 ms", "p90 ms", "p99 ms")
        table.add_row("a frame's arrival to its label", *_quantiles(watched.delay))
        for step, quantiles in watched.steps.items():
            table.add_row(f"  {step}", *_quantiles(quantiles))
        table.add_row("the network alone, in the same session", *_quantiles(watched.bare))
        console.print(table)
    if (served := report.serving) is not None:
        _show_serving(served, console)


def _quantiles(quantiles: Quantiles) -> tuple[str, str, str]:
    return f"{quantiles.p50_ms:.2f}", f"{quantiles.p90_ms:.2f}", f"{quantiles.p99_ms:.2f}"


def _show_pictures(report: Report, console: Console) -> None:
    for name, pictures in report.pictures.items():
        console.print(
            f"Paintings for {name}: {pictures.published_test} of the {pictures.published_test_listed} published test"
            f" pictures found; {pictures.unseen_artists} of the styles and {pictures.other_styles} of other"
            f" styles by artists not trained on. Not scored: {pictures.trained_not_scored} by artists trained"
            f" on, {pictures.ambiguous_not_scored} by artists of several styles. {len(pictures.skipped)} left"
            " out (the JSON says why).",
            highlight=False,
            soft_wrap=True,
        )
    if (photographs := report.photographs) is not None:
        console.print(
            f"Photographs: {photographs.unseen} not seen in training or calibration, {photographs.seen} seen;"
            f" {len(photographs.skipped)} left out.",
            highlight=False,
        )


def _show_accuracies(report: Report, console: Console) -> None:
    """One row for each file and runtime: the answers of the same file may differ between runtimes."""
    table = new_table(
        "What they get right, measured now in the same processes (share, 95 % interval; count)",
        *("file | runtime", "published test", "- float, points", "macro-F1", "ECE", "same answer as float"),
        *("logits differ by", "unseen artists", "AUROC, other styles", "photographs called a style"),
    )
    for key, found in report.accuracy.items():
        test = found.published_test
        table.add_row(
            key,
            str(test.accuracy) if test else "-",
            str(found.difference_to_fp32.get("published_test.accuracy", "-")),
            f"{test.macro_f1:.3f}" if test and test.macro_f1 is not None else "-",
            f"{test.ece:.1%}" if test and test.ece is not None else "-",
            f"{found.agreement.value:.1%}" if found.agreement and found.agreement.value is not None else "-",
            f"{found.logits_max_difference:.2g}" if found.logits_max_difference is not None else "-",
            f"{found.unseen_artists.accuracy}" if found.unseen_artists else "-",
            f"{found.other_styles.auroc}" if found.other_styles else "-",
            f"{found.photographs.called_a_style}" if found.photographs else "-",
        )
    console.print(table)


def _show_sets(title: str, accuracy: Mapping[str, FileAccuracy], console: Console) -> None:
    columns = list(accuracy)
    rows = _rows(accuracy)
    compared = [name for name in columns if accuracy[name].difference_to_fp32]
    short = {name: ".".join(name.split(".")[1:-1]) or name for name in columns}
    table = new_table(title, "", *short.values(), *(f"{short[name]} - fp32, points" for name in compared))
    last = ""
    for key, label in rows.items():
        heading = key.partition(".")[0]
        if last and heading != last:
            table.add_section()
        last = heading
        figures = (_figures(accuracy[name]).get(key) for name in columns)
        differences = (accuracy[name].difference_to_fp32.get(key) for name in compared)
        table.add_row(
            label,
            *(str(figure) if figure else "-" for figure in figures),
            *(str(difference) if difference else "" for difference in differences),
        )
    if rows:
        console.print(table)


_SETS = {
    "published_test": "published test",
    "unseen_artists": "unseen artists",
    "other_styles": "other styles",
    "photographs": "photographs",
    "photographs_all": "photographs with seen ones",
}


def _rows(accuracy: Mapping[str, FileAccuracy]) -> dict[str, str]:
    """Keys of all figures that any file has, with their labels, set by set."""
    keys = dict.fromkeys(key for file in accuracy.values() for key in _figures(file))
    rows = {}
    for name, title in _SETS.items():
        for key in keys:
            if key.startswith(f"{name}."):
                rows[key] = f"{title}: {key.removeprefix(f'{name}.').replace('_', ' ')}"
    return rows


def _figures(file: FileAccuracy) -> dict[str, Figure]:
    figures = {}
    for name in ("published_test", "unseen_artists"):
        if (styles := getattr(file, name)) is not None:
            figures[f"{name}.accuracy"] = styles.accuracy
            figures[f"{name}.mean_recall"] = styles.mean_recall
            figures |= {f"{name}.{style}": figure for style, figure in styles.recall.items()}
    if (others := file.other_styles) is not None:
        figures |= {
            "other_styles.auroc": others.auroc,
            "other_styles.refused": others.refused,
            "other_styles.accepted": others.accepted,
        }
    for name in ("photographs", "photographs_all"):
        if (photographs := getattr(file, name)) is not None:
            figures[f"{name}.called_a_style"] = photographs.called_a_style
            figures[f"{name}.auroc"] = photographs.auroc
    return figures


def _show_serving(served: Serving, console: Console) -> None:
    table = new_table(
        f"POST /api/classify over loopback ({served.precision}, {served.threads} threads), the network alone"
        f" {served.bare.p50_ms:.1f} ms",
        *("kiosk", "users", "answers/s", "p50 ms", "p90 ms", "p99 ms", "failures"),
    )
    for what, levels in (("no camera", served.alone), ("watching a camera", served.watching)):
        for level in levels:
            latency = _quantiles(level.latency) if level.latency else ("-", "-", "-")
            failures = ", ".join(f"{count} x {status}" for status, count in level.failures.items()) or "none"
            table.add_row(what, str(level.users), f"{level.requests_per_s:.1f}", *latency, failures)
    console.print(table)
