"""``python -m benchmarks compare``: what changed between two reports beyond noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import Parser, finish, new_console

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.comparison import Change, Comparison

_DESCRIPTION = """\
Says what changed between two reports of `run` beyond noise: of one machine before and after something, or of two
machines. On one machine that was quiet both times, milliseconds count; otherwise the ratios to the reference do, which
was timed in turns with every file.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks compare reports/monday.json reports/tuesday.json
  python -m benchmarks compare reports/minipc.json reports/raspberry.json
  python -m benchmarks compare main.json branch.json --json changes.json      in CI

exit code: 0 if nothing got worse; 1 if something got worse beyond noise; 2 if the files cannot be compared.
"""

_COLOURS = {"worse": "red", "better": "green", "told": "yellow", "same": "dim"}


_COLUMNS = {
    "p50": "p50 ms",
    "p90": "p90 ms",
    "ratio": "ratio to the reference",
    "times the limit": "times the limit",
    "offline": "offline a second",
    "load": "load ms",
    "peak memory": "peak MB",
}


def main(arguments: list[str]) -> int:
    """Read, compare and show. Returns the exit code."""
    parser = Parser("compare", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("before", type=Path, metavar="A.json", help="the earlier report, or the first machine's")
    parser.add_argument("after", type=Path, metavar="B.json", help="the later report, or the second machine's")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all changes there, too")
    options = parser.parse_args(arguments)

    def work() -> int:
        # After the options, so that --help and a mistake are answered at once.
        from benchmarks import report, storage
        from benchmarks.comparison import compare

        if options.json is not None:
            storage.check_writable(options.json)
        found = compare(report.read(options.before), report.read(options.after))
        if options.json is not None:
            storage.write(found, options.json)
        _show(found, new_console())
        return 1 if found.worse else 0

    return finish(work)


def _show(found: Comparison, console: Console) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)

    say(f"A: {found.before}\nB: {found.after}")
    for line in found.conditions:
        say(f"first of all: {line}", "yellow")
    _show_rows(found, console)
    _show_accuracy(found, console)
    for line in found.not_compared:
        say(f"not compared: {line}", "yellow")
    for key in found.came:
        say(f"new: {key}")
    for key in found.went:
        if key not in found.lost:
            say(f"gone: {key} (it was not tried)", "yellow")
    if found.recommendation is not None:
        say(f"recommendation: {found.recommendation}", "bold")
    for compared in (*found.rows, *found.accuracy):
        for change in compared.changes:
            # What the table has is not said again.
            if change.verdict == "told" and change.quantity not in _COLUMNS:
                say(f"differs: {compared.key}: {change}")
    for line in found.better:
        say(f"better: {line}", "green")
    for line in found.worse:
        say(f"WORSE: {line}", "red")
    say(_summary(found), "bold")


def _summary(found: Comparison) -> str:
    judged = " No latency was judged." if found.judged == "nothing" else ""
    return _verdict(found) + judged


def _verdict(found: Comparison) -> str:
    if found.worse:
        return f"{_counted(len(found.worse), 'figure')} got worse beyond noise, {len(found.better)} better."
    if found.better:
        return f"Nothing got worse beyond noise; {_counted(len(found.better), 'figure')} got better."
    if found.told or found.came or found.went or found.recommendation is not None:
        return "Nothing got worse or better beyond noise."
    return "Nothing changed beyond noise."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _show_rows(found: Comparison, console: Console) -> None:
    from benchmarks.tables import new_table

    first = {"ratio": _COLUMNS["ratio"]} if found.ratios_first else {}
    columns = {name: title for name, title in (first | _COLUMNS).items() if any(row.change(name) for row in found.rows)}
    judged = {"times": "milliseconds count", "ratios": "ratios count", "nothing": "no latency counts"}[found.judged]
    table = new_table(f"A, then B, and how many times as much ({judged})", "row", *columns.values())
    for row in found.rows:
        table.add_row(row.key, *(_cell(row.change(name)) for name in columns))
    console.print(table)


def _show_accuracy(found: Comparison, console: Console) -> None:
    from benchmarks.tables import new_table

    quantities = list(dict.fromkeys(change.quantity for row in found.accuracy for change in row.changes))
    if not quantities:
        return
    table = new_table("Accuracy, %: A, then B, and the difference in points", "file and runtime", *quantities)
    for row in found.accuracy:
        table.add_row(row.key, *(_cell(row.change(name)) for name in quantities))
    console.print(table)


def _cell(change: Change | None) -> str:
    if change is None:
        return "-"
    if change.unit == "%":
        text = f"{change.before:.1f} → {change.after:.1f} ({change.after - change.before:+.1f})"
    else:
        text = f"{change.before:.3g} → {change.after:.3g} (x{change.times:.2f})"
    colour = _COLOURS[change.verdict]
    return f"[{colour}]{text}[/{colour}]"
