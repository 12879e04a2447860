"""``python -m benchmarks pipeline``: from a frame's arrival to its label."""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import Parser, count, finish, new_console, positive, progress_bar, size, stages

_DESCRIPTION = """\
Measures the kiosk as it runs, with its capture process, before a camera that plays rendered frames: from a
frame's arrival to its published label, beside the bare network; processor time and memory; the time to the
right label of a new painting; and label changes while nothing changes.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks pipeline
  python -m benchmarks pipeline models/default --data paintings --minutes 10
  python -m benchmarks pipeline --seconds 20 --cuts 5 --minutes 0.2

The right label of a painting is what the network says of it when it is cut out by the truth; paintings of
which it is not sure are not shown.

exit code: 0; 2 if something could not be measured at all.
"""


def main(arguments: list[str]) -> int:
    """Measure, write and show. Returns the exit code."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        import bundle
        from benchmarks import localization, pipeline, storage
        from benchmarks.facts import BundleFacts
        from benchmarks.machine import Machine

        machine = Machine.here()
        verified = bundle.load(
            options.bundle, lambda file: (file.format, file.precision) == ("onnx", options.precision)
        )
        if options.json:
            storage.check_writable(options.json)
        with progress_bar("paintings") as progress:
            hung, _ = localization.paintings(options.data or [], verified.manifest, options.seed, False, progress)
        with stages() as begin:
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
                stages=begin,
            )
        found = pipeline.Report(
            machine=machine,
            bundle=BundleFacts.of(verified),
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
        target = options.json or storage.default_path(name, machine, "pipeline", pipeline.conditions(found))
        storage.write(found, target)
        pipeline.show(found, new_console())
        print(f"all figures: {target}")
        return 0

    return finish(work)


def _parser() -> Parser:
    parser = Parser("pipeline", _DESCRIPTION, _EXAMPLES)
    parser.add_bundle()
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="folders of paintings (default: drawn)")
    parser.add_argument("--precision", choices=("int8", "fp16", "fp32"), default="int8", help="default: int8")
    parser.add_argument("--threads", type=count(64), metavar="N", help="of the network (default: as the kiosk)")
    parser.add_argument(
        "--size", type=size, default=(1920, 1080), metavar="WxH", help="of the camera's frames (default: 1920x1080)"
    )
    parser.add_argument("--fps", type=positive(240), default=30.0, metavar="N", help="frames a second (default: 30)")
    parser.add_argument(
        "--seconds", type=positive(86_400), default=60.0, metavar="N", help="before one painting (default: 60)"
    )
    parser.add_argument("--cuts", type=count(10_000), default=20, metavar="N", help="to a new painting (default: 20)")
    parser.add_argument(
        "--minutes", type=positive(1440), default=2.0, metavar="N", help="of a noisy still picture (default: 2)"
    )
    parser.add_seed()
    parser.add_json("pipeline")
    return parser
