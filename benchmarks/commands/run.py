"""``python -m benchmarks run``: all files in all runtimes, and a report."""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import Parser, count, finish, new_console, stages

_DESCRIPTION = """\
Runs every file of the bundles in every runtime that can take it, and what a user might take instead (peers), in turns
and each in a process of its own: latency and throughput by MLCommons LoadGen (MLPerf-style, no MLPerf result), memory,
energy where the machine tells; with --data and --photos what each gets right, by the same code path; then the kiosk as
a whole. Writes a JSON report and one HTML page, and says which file to deploy.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks run                                        the kiosk's bundle, without accuracy
  python -m benchmarks run models/default --data paintings paintings-diverse --photos photos
  python -m benchmarks run models/default models/resnet50         two bundles side by side
  python -m benchmarks run --runtimes onnxruntime LiteRT --no-peers --no-kiosk
  python -m benchmarks run models/kiosk --split runs/kiosk        what a run left out of training
  python -m benchmarks run --length full                          minutes for each file

A folder of --data has artists.csv and images/images/First_Last/*.jpg, as the Kaggle set "Best Artworks of All Time".
Pictures that the network was trained on are found by the bundle's manifest and not scored. Every share has its count
and its 95 % interval. Peers are made once and kept in ~/.cache/vernissage/peers.

exit code: 0; 1 if a file's accuracy on the whole published test is not what the manifest claims;
2 if something could not be measured at all.
"""


def main(arguments: list[str]) -> int:
    """Measure, write and show. Returns the exit code."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        # After the options, so that --help and a mistake are answered at once.
        from benchmarks import BenchmarkError, page, report, storage, tables
        from benchmarks.judging import Source
        from benchmarks.latency import LENGTHS
        from benchmarks.machine import Machine
        from benchmarks.run import Options, run

        if options.split and (options.data or options.photos):
            raise BenchmarkError("--split names the pictures; leave out --data and --photos")
        if options.json and options.json.suffix != ".json":
            raise BenchmarkError(f"{options.json}: name a file that ends in .json; the page goes beside it")
        machine = Machine.here()
        name = "+".join(folder.resolve().name for folder in options.bundles)
        target = options.json or storage.default_path(name, machine, "bench", (options.length,))
        storage.check_writable(target)
        with stages() as begin:
            found = run(
                Options(
                    bundles=tuple(options.bundles),
                    pictures=Source(tuple(options.data), options.photos, options.split),
                    length=LENGTHS[options.length],
                    threads=tuple(dict.fromkeys(options.threads)),
                    runtimes=tuple(options.runtimes),
                    peers=options.peers,
                    kiosk=options.kiosk,
                    reference=options.reference,
                    seed=options.seed,
                ),
                begin,
            )
        # The screen first: whatever becomes of the disk, minutes of measuring are not lost.
        tables.show(found, new_console())
        storage.write(found, target)
        html = target.with_suffix(".html")
        storage.write_text(page.render(found), html)
        report.read(target)  # what is on disk is what can be read again
        print(f"all figures: {target}\nthe page: {html}")
        return 1 if found.contradictions else 0

    return finish(work)


def _parser() -> Parser:
    from kiosk.settings import default_bundle

    parser = Parser("run", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "bundles",
        type=Path,
        nargs="*",
        default=[default_bundle()],
        metavar="BUNDLE",
        help=f"folders of model bundles; the first is what the kiosk is run with (default: {default_bundle()})",
    )
    parser.add_argument("--data", type=Path, nargs="+", default=[], metavar="FOLDER", help="folders of paintings")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs that show no painting")
    parser.add_argument(
        "--split", type=Path, metavar="RUN", help="in place of --data and --photos: what a run left out of training"
    )
    parser.add_argument(
        "--length",
        choices=("quick", "test", "full"),
        default="test",
        help="of each row: seconds (test, under five minutes in all), or two minutes (full)",
    )
    parser.add_argument(
        "--threads",
        type=count(64),
        nargs="+",
        default=[],
        metavar="N",
        help="numbers of threads, 1 to 64 (default: one, and all)",
    )
    parser.add_argument(
        "--runtimes",
        nargs="+",
        default=[],
        metavar="NAME",
        help="only those whose names begin so: onnxruntime, LiteRT, OpenVINO, Keras, PyTorch (default: all)",
    )
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="make no other files to compare with")
    parser.add_argument(
        "--no-kiosk", dest="kiosk", action="store_false", help="leave out the kiosk's pipeline and its API"
    )
    parser.add_argument(
        "--reference",
        default="model.fp32.onnx",
        metavar="FILE",
        help="what all times are compared with, in onnxruntime on the processor (default: %(default)s)",
    )
    parser.add_seed()
    parser.add_json("bench")
    return parser
