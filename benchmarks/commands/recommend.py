"""``python -m benchmarks recommend``: which file and how many threads, and both into the kiosk's settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.commands import Parser, finish, new_console, stages

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.report import Report
    from kiosk.settings import Settings

_DESCRIPTION = """\
Times the ONNX files of a bundle on this machine as the kiosk would run them, with one thread and with all, and chooses
the quickest that is as accurate as float: by the bundle's own figures, or by --data measured here. Writes `precision`
and `threads` to the kiosk's settings file and leaves all else in it as it is. Takes under two minutes without --data;
stop the kiosk meanwhile, or it is measured too.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks recommend                                      the bundle that the kiosk's settings name
  python -m benchmarks recommend --config /etc/vernissage/kiosk.toml
  python -m benchmarks recommend --dry-run                            measure and say, write nothing
  python -m benchmarks recommend models/resnet50 --set-bundle         and make that bundle the kiosk's

A bundle that is not the kiosk's is measured, and the lines to use it are shown; only --set-bundle writes them.

exit code: 0; 1 if a bundle that is not the kiosk's was measured, so that nothing was written; 2 if nothing can be
recommended or written.
"""


def main(arguments: list[str]) -> int:
    """Measure, say and write. Returns the exit code."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        from kiosk.settings import read

        # First of all: what is wrong with the settings is known at once, not after a minute.
        settings = read({}, options.config)
        folder = options.bundle or settings.bundle

        # After the options, so that --help and a mistake are answered at once.
        from benchmarks import BenchmarkError
        from benchmarks.judging import Source
        from benchmarks.latency import LENGTHS
        from benchmarks.run import Options, run
        from benchmarks.tables import say

        with stages() as begin:
            found = run(
                Options(
                    bundles=(folder,),
                    pictures=Source(tuple(options.data)),
                    length=LENGTHS["quick"],
                    runtimes=("onnxruntime",),
                    peers=False,
                    kiosk=False,
                ),
                begin,
            )
        console = new_console()
        _show(found, console)
        if found.recommendation is None:
            raise BenchmarkError(
                f"{folder}: nothing can be recommended: for none of its files is the accuracy known, so that a quicker"
                " one may be a worse one; name folders of paintings with --data"
            )
        if found.contradictions:
            raise BenchmarkError(f"{folder}: nothing was written: its manifest claims what is not so (see above)")
        say(console, "bold", found.recommendation.sentence)
        return _write(found, folder, settings, options.set_bundle, options.dry_run, console)

    return finish(work)


def _parser() -> Parser:
    parser = Parser("recommend", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "bundle",
        type=Path,
        nargs="?",
        metavar="BUNDLE",
        help="folder of the model bundle (default: the one that the kiosk's settings name)",
    )
    parser.add_argument("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="folders of paintings")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the kiosk's settings file (default: as the kiosk finds it: VERNISSAGE_CONFIG, vernissage.toml,"
        " /etc/vernissage/kiosk.toml)",
    )
    parser.add_argument("--set-bundle", action="store_true", help="also make BUNDLE the kiosk's")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    return parser


def _show(found: Report, console: Console) -> None:
    from benchmarks.tables import new_table, say

    chosen = found.recommendation
    table = new_table("One picture, as the kiosk runs it", "file", "threads", "p50 ms", "p90 ms", "MB", "peak MB", "")
    for row in sorted(found.rows, key=lambda row: row.single_stream.p90_ms):
        is_chosen = chosen is not None and (row.file, row.runtime, row.threads) == (
            chosen.file,
            chosen.runtime,
            chosen.threads,
        )
        table.add_row(
            row.file,
            str(row.threads or "its own"),
            f"{row.single_stream.p50_ms:.2f}",
            f"{row.single_stream.p90_ms:.2f}",
            f"{found.file(row.file).size_bytes / 1e6:.1f}",
            f"{row.peak_rss_bytes / 1e6:.0f}",
            "recommended" if is_chosen else "",
            style="bold" if is_chosen else None,
        )
    console.print(table)
    for line in found.unquiet:
        say(console, "yellow", f"not quiet: {line}")
    for line in found.contradictions:
        say(console, "red", f"WRONG: {line}")


def _write(found: Report, folder: Path, settings: Settings, set_bundle: bool, dry_run: bool, console: Console) -> int:
    from benchmarks.tables import say
    from kiosk import settings as kiosk_settings

    chosen = found.recommendation
    assert chosen is not None
    values: dict[str, object] = {"precision": chosen.precision, "threads": chosen.threads or None}
    own = folder.resolve() == settings.bundle.resolve()
    if set_bundle:
        values["bundle"] = folder.resolve()
    new = settings.changed(**values)
    lines = [
        f"{name}: {kiosk_settings.in_words(name, getattr(settings, name))} ({_origin(settings, name)})"
        f" -> {kiosk_settings.in_words(name, getattr(new, name))}"
        for name in values
    ]
    target = settings.file or kiosk_settings.PLACES[0].absolute()
    if not own and not set_bundle:
        wanted = {**values, "bundle": folder.resolve()}
        say(console, "", f"{target}: not written: the kiosk's bundle is {settings.bundle}, not {folder}.")
        say(console, "", "To use it there: the same again with --set-bundle, or these lines in that file:")
        for name, value in wanted.items():
            if value is not None:
                say(console, "", f"  {name} = {_toml(value)}")
        return 0 if dry_run else 1
    if dry_run:
        say(console, "", f"{target}: would be written:")
    else:
        target = kiosk_settings.keep(new, values)
        say(console, "", f"{target}: written; the kiosk takes it at its next start:")
    for line in lines:
        say(console, "", f"  {line}")
    for name in values:
        origin = settings.origin(name)
        if origin == kiosk_settings.variable(name):
            # What the environment says wins over the file, for whoever has the same environment as this command.
            print(
                f"benchmarks: {origin} is set in this environment and overrules {name} in the file; unset it",
                file=sys.stderr,
            )
    return 0


def _toml(value: object) -> str:
    import tomlkit

    return tomlkit.item(str(value) if isinstance(value, Path) else value).as_string()


def _origin(settings: Settings, name: str) -> str:
    return settings.origin(name) or "the default"
