"""``python -m benchmarks profile``: where onnxruntime's time goes, by operator."""

from __future__ import annotations

from benchmarks.commands import Parser, count, finish, new_console

_DESCRIPTION = """\
Runs one ONNX file of a bundle in onnxruntime, on the processor and with the settings of the kiosk, and prints what each
operator of the graph takes as onnxruntime runs it: fused, and laid out anew.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks profile
  python -m benchmarks profile models/resnet50 --file model.fp32.onnx --threads 2 --top 30
"""


def main(arguments: list[str]) -> int:
    """Measure and show. Returns the exit code."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        import bundle
        from benchmarks import profile

        verified = bundle.load(options.bundle, lambda file: file.path == options.file)
        if not any(file.format == "onnx" for file in verified.files):
            held = ", ".join(file.path for file in verified.manifest.files if file.format == "onnx")
            raise bundle.BundleError(f"{options.bundle}: no ONNX file {options.file} (it holds {held or 'none'})")
        found = profile.nodes(verified.contents[options.file], options.threads, options.runs)
        profile.show(f"{options.file}, threads: {options.threads}", found, options.top, new_console())
        return 0

    return finish(work)


def _parser() -> Parser:
    parser = Parser("profile", _DESCRIPTION, _EXAMPLES)
    parser.add_bundle()
    parser.add_argument(
        "--file", default="model.int8.onnx", metavar="FILE", help="of the bundle (default: %(default)s)"
    )
    parser.add_argument("--threads", type=count(64), default=1, metavar="N", help="default: 1")
    parser.add_argument("--runs", type=count(100_000), default=300, metavar="N", help="pictures (default: 300)")
    parser.add_argument("--top", type=count(10_000), default=12, metavar="N", help="nodes to list (default: 12)")
    return parser
