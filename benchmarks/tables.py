"""A report as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import FileAccuracy
from benchmarks.figures import Figure
from benchmarks.machine import Machine
from benchmarks.report import Report
from benchmarks.worker import FRAME_HEIGHT, FRAME_WIDTH, PIPELINE_STEPS


def show(report: Report, console: Console) -> None:
    """Print everything that a reader compares; the JSON has the rest."""
    _show_machine(report.machine, console)
    _show_latency(report, console)
    _show_pipeline(report, console)
    _show_pictures(report, console)
    # A table for each format: all files of a bundle side by side are wider than a screen.
    for format in dict.fromkeys(path.rpartition(".")[2] for path in report.accuracy):
        of_format = {path: found for path, found in report.accuracy.items() if path.endswith(f".{format}")}
        _show_accuracy(f"Accuracy of {format} files, measured now (share, 95 % interval; count)", of_format, console)
    if report.recorded_hold_outs:
        _show_accuracy(
            "Hold-outs, recorded at training and NOT measured now: runs of the same recipe, each picture"
            " judged by one that never saw its artist",
            report.recorded_hold_outs,
            console,
        )
    else:
        console.print("The manifest records no hold-outs.")
    for note in report.notes:
        console.print(f"note: {note}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    for contradiction in report.contradictions:
        console.print(f"WRONG: {contradiction}", style="red", highlight=False, markup=False, soft_wrap=True)


def new_table(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _show_machine(machine: Machine, console: Console) -> None:
    flags = ", ".join(name for name, present in machine.flags.items() if present) or "none of note"
    load = ", ".join(f"{value:.2f}" for value in machine.load_average or ()) or "unknown"
    console.print(
        f"{machine.cpu}, {machine.usable_cores} of {machine.cores} cores,"
        f" {machine.memory_bytes / 2**30:.1f} GiB, {machine.architecture} ({flags});"
        f" Python {machine.python}, ONNX Runtime {machine.onnxruntime}; load at start {load}",
        highlight=False,
        markup=False,
    )


def _show_latency(report: Report, console: Console) -> None:
    sizes = {file.path: file.size_bytes for file in report.bundle.files}
    table = new_table(
        "One picture through the network (session.intra_op.allow_spinning off, as in the kiosk)",
        *("file", "MB", "threads", "p50 ms", "p90 ms", "p99 ms", "runs", "x fp32 (rounds)"),
        *("load ms", "first ms", "RSS MB", "peak MB"),
    )
    for row in report.latency:
        speedup = row.speedup
        table.add_row(
            row.file,
            f"{sizes[row.file] / 1e6:.2f}",
            str(row.threads),
            f"{row.inference.p50_ms:.2f}",
            f"{row.inference.p90_ms:.2f}",
            f"{row.inference.p99_ms:.2f}",
            str(row.inference.samples),
            f"{speedup.ratio:.2f} ({speedup.slowest_turn:.2f}-{speedup.fastest_turn:.2f})" if speedup else "-",
            f"{row.loading.load_ms:.0f}",
            f"{row.loading.first_inference_ms:.1f}",
            f"{row.loading.loaded_rss_bytes / 1e6:.0f}",
            f"{row.peak_rss_bytes / 1e6:.0f}",
        )
    console.print(table)


def _show_pipeline(report: Report, console: Console) -> None:
    table = new_table(
        f"The kiosk's pipeline, one frame of {FRAME_WIDTH}x{FRAME_HEIGHT}, p50 ms (without camera and page)",
        *("file", "threads", "bare inference", *PIPELINE_STEPS, "total p99"),
    )
    for row in report.latency:
        table.add_row(
            row.file,
            str(row.threads),
            f"{row.inference.p50_ms:.2f}",
            *(f"{row.pipeline[step].p50_ms:.2f}" for step in PIPELINE_STEPS),
            f"{row.pipeline['total'].p99_ms:.2f}",
        )
    console.print(table)


def _show_pictures(report: Report, console: Console) -> None:
    if (pictures := report.pictures) is not None:
        console.print(
            f"Paintings: {pictures.published_test} of the {pictures.published_test_listed} published test"
            f" pictures found; {pictures.unseen_artists} of the styles and {pictures.other_styles} of other"
            f" styles by artists not trained on. Not scored: {pictures.trained_not_scored} by artists trained"
            f" on, {pictures.ambiguous_not_scored} by artists of several styles. {len(pictures.skipped)} left"
            " out (the JSON says why).",
            highlight=False,
        )
    if (photographs := report.photographs) is not None:
        console.print(
            f"Photographs: {photographs.unseen} not seen in training or calibration, {photographs.seen} seen;"
            f" {len(photographs.skipped)} left out.",
            highlight=False,
        )


def _show_accuracy(title: str, accuracy: Mapping[str, FileAccuracy], console: Console) -> None:
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
