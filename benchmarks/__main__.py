"""``python -m benchmarks``: the command line of the benchmarks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import bundle
    from benchmarks.division import Division, Photographs
    from benchmarks.report import PhotographCounts, Pictures

_DESCRIPTION = """\
Compares the files of a bundle on this machine: latency, memory and size of the ONNX files, and with
--data and --photos what all files get right, TFLite ones in LiteRT. Tables go to standard output, all
figures to a JSON file.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks models/default                      latency, memory and size alone
  python -m benchmarks models/default --data paintings paintings-diverse --photos photos
  python -m benchmarks models/default --threads 1 2 4 --rounds 50
  python -m benchmarks models/default --data paintings --json today.json

A folder of --data has artists.csv and images/images/First_Last/*.jpg, as the Kaggle set
"Best Artworks of All Time". Pictures that the network was trained on are found by the bundle's
manifest and not scored. Every share has its count and its 95 % interval.

exit code: 0; 1 if a file's accuracy on the whole published test is not what the manifest claims;
2 if something could not be measured at all.
"""

# A screen that is no terminal (a file, a pipe) gets tables this wide, in characters.
_WIDTH = 160


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"benchmarks: {message} (--help shows examples)\n")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write. Returns the exit code; every expected failure is one line and 2."""
    options = _parser().parse_args(arguments)
    # After the options, so that --help and a mistake are answered at once.
    from rich.console import Console

    import bundle
    from benchmarks import accuracy, latency, report, tables
    from benchmarks.division import Division, DivisionError, Photographs
    from benchmarks.machine import Machine

    machine = Machine.here()
    try:
        verified = bundle.load(options.bundle)
        files = tuple(file for file in verified.files if file.format == "onnx")
        if not files:
            raise bundle.BundleError(f"{options.bundle}: the bundle holds no ONNX file")
        manifest = verified.manifest
        target = options.json or report.default_path(manifest.name, machine)
        report.check_writable(target)
        if options.photos and not options.photos.is_dir():
            raise DivisionError(f"{options.photos}: no such folder; --photos names a folder of photographs")

        # Pictures before clocks: a wrong folder is found out at once.
        catalogue = division = photographs = None
        if options.data:
            with _progress("reading paintings") as progress:
                catalogue = bundle.read_catalogue(options.data, progress)
            division = Division.of(catalogue.paintings, manifest)
        if options.photos:
            with _progress("reading photographs") as progress:
                photographs = Photographs.read(options.photos, manifest.dataset.photographs_seen_share, progress)
        if options.data or options.photos:
            accuracy.check_loadable(verified)
        with _progress("timing") as progress:
            timed = latency.measure(
                options.bundle, files, tuple(dict.fromkeys(options.threads)), options.rounds, progress
            )
        scored: dict[str, accuracy.FileAccuracy] = {}
        if division is not None or photographs is not None:
            with _progress("scoring pictures") as progress:
                scored = accuracy.measure(verified, division, photographs, progress)

        contradictions, notes = report.find_contradictions(manifest, scored)
        if catalogue is None:
            notes.append("no accuracy on paintings: name folders of paintings with --data")
        elif division is not None and division.empty:
            notes.append(
                f"no accuracy: {', '.join(map(str, options.data))} has none of the {division.test_listed}"
                " published test pictures, and no painting of a style by an artist who was not trained on"
            )
        if not any(file.precision == "fp32" for file in files):
            notes.append("the bundle has no fp32 file: no ratios and no differences")
        found = report.Report(
            machine=machine,
            bundle=report.BundleFacts.of(verified),
            rounds=options.rounds,
            latency=tuple(timed),
            pictures=_pictures(options.data, catalogue, division) if catalogue and division else None,
            photographs=_photographs(options.photos, photographs) if photographs else None,
            accuracy=scored,
            recorded_hold_outs={
                name: accuracy.FileAccuracy.recorded(metrics) for name, metrics in manifest.hold_outs.items()
            },
            notes=tuple(notes),
            contradictions=tuple(contradictions),
        )
        found.write(target)
    except (
        bundle.BundleError,
        bundle.CatalogueError,
        accuracy.AccuracyError,
        latency.LatencyError,
        report.ReportError,
        DivisionError,
    ) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nbenchmarks: stopped; nothing was written", file=sys.stderr)
        return 130
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    tables.show(found, console)
    print(f"all figures: {target}")
    return 1 if contradictions else 0


def _pictures(folders: list[Path], catalogue: bundle.Catalogue, division: Division) -> Pictures:
    from benchmarks.report import Pictures

    return Pictures(
        folders=tuple(map(str, folders)),
        published_test=len(division.test),
        published_test_listed=division.test_listed,
        unseen_artists=len(division.unseen),
        other_styles=len(division.others),
        trained_not_scored=division.trained,
        ambiguous_not_scored=division.ambiguous,
        skipped=tuple(map(str, catalogue.skipped)),
    )


def _photographs(folder: Path, photographs: Photographs) -> PhotographCounts:
    from benchmarks.report import PhotographCounts

    seen = sum(photograph.seen for photograph in photographs.photographs)
    return PhotographCounts(
        folder=str(folder),
        unseen=len(photographs.photographs) - seen,
        seen=seen,
        skipped=tuple(map(str, photographs.skipped)),
    )


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, gone when the work is done; none where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _parser() -> argparse.ArgumentParser:
    from kiosk.__main__ import default_bundle

    parser = _Parser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "bundle",
        type=Path,
        nargs="?",
        default=default_bundle(),
        metavar="BUNDLE",
        help="folder of the model bundle (default: %(default)s)",
    )
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="folders of paintings")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs that show no painting")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where the figures go (default: reports/bench-....json)"
    )
    parser.add_argument(
        "--threads",
        type=_count(64),
        nargs="+",
        default=[1, 2],
        metavar="N",
        help="numbers of intra-op threads to time with, 1 to 64 (default: 1 2)",
    )
    parser.add_argument(
        "--rounds",
        type=_count(10_000),
        default=20,
        metavar="N",
        help="turns of each file, 25 inferences and 10 whole pipelines each (default: 20)",
    )
    return parser


def _count(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {most}")
        return int(text)

    return parse


if __name__ == "__main__":
    sys.exit(main())
