"""``python -m benchmarks``: the command line of the benchmarks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

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
  python -m benchmarks locate --help                       does the kiosk find the painting?
  python -m benchmarks pipeline --help                     from a frame's arrival to its label

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
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in _COMMANDS:
        return _COMMANDS[arguments[0]](arguments[1:])
    options = _parser().parse_args(arguments)
    # After the options, so that --help and a mistake are answered at once.
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
    tables.show(found, _console())
    print(f"all figures: {target}")
    return 1 if contradictions else 0


_LOCATE = """\
Measures where locators find the paintings of synthetic scenes, whose truth is exact: plain ones, hard ones,
and rooms without any painting; and what that is worth to the classifier where the paintings have labels.
"""

_LOCATE_EXAMPLES = """\
examples:
  python -m benchmarks locate                              on canvases that are drawn
  python -m benchmarks locate models/default --data paintings --scenes 500
  python -m benchmarks locate --locator classical --show /tmp/wrong

Of the folders of --data the published test pictures are hung, which neither the classifier nor the locator
was trained on; where there are none, the paintings of the styles by artists not trained on.

exit code: 0; 2 if something could not be measured at all.
"""


def _locate(arguments: list[str]) -> int:
    options = _locate_parser().parse_args(arguments)
    import bundle
    from benchmarks import localization, report
    from benchmarks.machine import Machine
    from kiosk.classifier import ClassifierError

    machine = Machine.here()
    try:
        verified = bundle.load(options.bundle, lambda file: file.format == "onnx")
        tried, notes = localization.locators(verified, options.locator)
        if options.json:
            report.check_writable(options.json)
        if options.show:
            localization.check_show(options.show)
        with _progress("paintings") as progress:
            hung, facts = localization.paintings(
                options.data or [], verified.manifest, options.seed, options.everything, progress
            )
        with _progress("scenes") as progress:
            figures, accuracy, classifier = localization.measure(
                verified, tried, hung, options.scenes, options.seed, options.show, progress
            )
        found = localization.Report(
            machine=machine,
            bundle=report.BundleFacts.of(verified),
            seed=options.seed,
            scenes=options.scenes,
            paintings=facts,
            locators=figures,
            accuracy=accuracy,
            classifier=classifier,
            notes=notes,
        )
        name = verified.manifest.name
        target = options.json or report.default_path(name, machine, "locate", localization.conditions(found))
        report.write(found, target)
    except (
        bundle.BundleError,
        bundle.CatalogueError,
        bundle.PictureError,
        ClassifierError,
        localization.LocalizationError,
        report.ReportError,
    ) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nbenchmarks: stopped; nothing was written", file=sys.stderr)
        return 130
    localization.show(found, _console())
    print(f"all figures: {target}")
    return 0


_PIPELINE = """\
Measures the kiosk as it runs, with its capture process, before a camera that plays rendered frames: from a
frame's arrival to its published label, beside the bare network; processor time and memory; the time to the
right label of a new painting; and label changes while nothing changes.
"""

_PIPELINE_EXAMPLES = """\
examples:
  python -m benchmarks pipeline
  python -m benchmarks pipeline models/default --data paintings --minutes 10
  python -m benchmarks pipeline --seconds 20 --cuts 5 --minutes 0.2

The right label of a painting is what the network says of it when it is cut out by the truth; paintings of
which it is not sure are not shown.

exit code: 0; 2 if something could not be measured at all.
"""


def _pipeline(arguments: list[str]) -> int:
    options = _pipeline_parser().parse_args(arguments)
    from contextlib import ExitStack

    import bundle
    from benchmarks import localization, pipeline, report
    from benchmarks.machine import Machine
    from kiosk.classifier import ClassifierError

    machine = Machine.here()
    try:
        verified = bundle.load(
            options.bundle, lambda file: (file.format, file.precision) == ("onnx", options.precision)
        )
        if options.json:
            report.check_writable(options.json)
        with _progress("paintings") as progress:
            hung, _ = localization.paintings(options.data or [], verified.manifest, options.seed, False, progress)
        with ExitStack() as stack:

            def bar(title: str) -> Callable[[int, int], None]:
                stack.close()  # the bar before
                return stack.enter_context(_progress(title))

            steady, cuts, still = pipeline.measure(
                verified,
                options.precision,
                hung,
                size=options.size,
                rate_fps=options.fps,
                threads=options.threads,
                seconds=options.seconds,
                cuts=options.cuts,
                minutes=options.minutes,
                seed=options.seed,
                stages=bar,
            )
        found = pipeline.Report(
            machine=machine,
            bundle=report.BundleFacts.of(verified),
            file=verified.file(options.precision).path,
            threads=options.threads,
            width=options.size[0],
            height=options.size[1],
            rate_fps=options.fps,
            seed=options.seed,
            steady=steady,
            cuts=cuts,
            still=still,
            notes=(),
        )
        name = verified.manifest.name
        target = options.json or report.default_path(name, machine, "pipeline", pipeline.conditions(found))
        report.write(found, target)
    except (
        bundle.BundleError,
        bundle.CatalogueError,
        bundle.PictureError,
        ClassifierError,
        localization.LocalizationError,
        pipeline.PipelineError,
        report.ReportError,
    ) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nbenchmarks: stopped; nothing was written", file=sys.stderr)
        return 130
    pipeline.show(found, _console())
    print(f"all figures: {target}")
    return 0


def _console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


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


def _bundle_parser(command: str, description: str, examples: str) -> argparse.ArgumentParser:
    from kiosk.settings import default_bundle

    parser = _Parser(
        prog=f"python -m benchmarks {command}".rstrip(),
        description=description,
        epilog=examples,
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
    return parser


def _locate_parser() -> argparse.ArgumentParser:
    parser = _bundle_parser("locate", _LOCATE, _LOCATE_EXAMPLES)
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="folders of paintings (default: drawn)")
    parser.add_argument("--everything", action="store_true", help="hang also paintings that were trained on")
    parser.add_argument(
        "--scenes", type=_count(100_000), default=300, metavar="N", help="scenes of each kind (default: 300)"
    )
    parser.add_argument("--seed", type=_count(2**31), default=1, metavar="S", help="of all scenes (default: 1)")
    parser.add_argument(
        "--locator", choices=("classical", "network", "both"), default="both", help="which to try (default: both)"
    )
    parser.add_argument(
        "--show", type=Path, metavar="FOLDER", help="write scenes that went wrong there (outside the checkout)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where the figures go (default: reports/locate-....json)"
    )
    return parser


def _pipeline_parser() -> argparse.ArgumentParser:
    parser = _bundle_parser("pipeline", _PIPELINE, _PIPELINE_EXAMPLES)
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="folders of paintings (default: drawn)")
    parser.add_argument("--precision", choices=("int8", "fp16", "fp32"), default="int8", help="default: int8")
    parser.add_argument("--threads", type=_count(64), metavar="N", help="of the network (default: as the kiosk)")
    parser.add_argument(
        "--size", type=_size, default=(1920, 1080), metavar="WxH", help="of the camera's frames (default: 1920x1080)"
    )
    parser.add_argument("--fps", type=_positive(240), default=30.0, metavar="N", help="frames a second (default: 30)")
    parser.add_argument(
        "--seconds", type=_positive(86_400), default=60.0, metavar="N", help="before one painting (default: 60)"
    )
    parser.add_argument("--cuts", type=_count(10_000), default=20, metavar="N", help="to a new painting (default: 20)")
    parser.add_argument(
        "--minutes", type=_positive(1440), default=2.0, metavar="N", help="of a noisy still picture (default: 2)"
    )
    parser.add_argument("--seed", type=_count(2**31), default=1, metavar="S", help="of all pictures (default: 1)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where the figures go (default: reports/pipeline-....json)"
    )
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 64):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 1920x1080")
    return int(width), int(height)


def _positive(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, up to {most:g}")
        return value

    return parse


def _parser() -> argparse.ArgumentParser:
    parser = _bundle_parser("", _DESCRIPTION, _EXAMPLES)
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


_COMMANDS: dict[str, Callable[[list[str]], int]] = {"locate": _locate, "pipeline": _pipeline}


if __name__ == "__main__":
    sys.exit(main())
