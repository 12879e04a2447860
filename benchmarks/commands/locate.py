"""``python -m benchmarks locate``: does the kiosk find the painting?"""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import Parser, count, finish, new_console, progress_bar

_DESCRIPTION = """\
Measures where locators find the paintings of synthetic scenes, whose truth is exact: plain ones, hard ones,
and rooms without any painting; and what that is worth to the classifier where the paintings have labels.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks locate                              on canvases that are drawn
  python -m benchmarks locate models/default --data paintings --scenes 500
  python -m benchmarks locate --locator classical --show /tmp/wrong

Of the folders of --data the published test pictures are hung, which neither the classifier nor the locator
was trained on; where there are none, the paintings of the styles by artists not trained on.

exit code: 0; 2 if something could not be measured at all.
"""


def main(arguments: list[str]) -> int:
    """Measure, write and show. Returns the exit code."""
    options = _parser().parse_args(arguments)

    def work() -> int:
        import bundle
        from benchmarks import localization, storage
        from benchmarks.facts import BundleFacts
        from benchmarks.machine import Machine

        machine = Machine.here()
        verified = bundle.load(options.bundle, lambda file: file.format == "onnx")
        tried, notes = localization.locators(verified, options.locator)
        if options.json:
            storage.check_writable(options.json)
        if options.show:
            localization.check_show(options.show)
        with progress_bar("paintings") as progress:
            hung, facts = localization.paintings(
                options.data or [], verified.manifest, options.seed, options.everything, progress
            )
        with progress_bar("scenes") as progress:
            figures, accuracy, classifier = localization.measure(
                verified, tried, hung, options.scenes, options.seed, options.show, progress
            )
        found = localization.Report(
            machine=machine,
            bundle=BundleFacts.of(verified),
            seed=options.seed,
            scenes=options.scenes,
            paintings=facts,
            locators=figures,
            accuracy=accuracy,
            classifier=classifier,
            notes=notes,
        )
        name = verified.manifest.name
        target = options.json or storage.default_path(name, machine, "locate", localization.conditions(found))
        storage.write(found, target)
        localization.show(found, new_console())
        print(f"all figures: {target}")
        return 0

    return finish(work)


def _parser() -> Parser:
    parser = Parser("locate", _DESCRIPTION, _EXAMPLES)
    parser.add_bundle()
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", help="folders of paintings (default: drawn)")
    parser.add_argument("--everything", action="store_true", help="hang also paintings that were trained on")
    parser.add_argument(
        "--scenes", type=count(100_000), default=300, metavar="N", help="scenes of each kind (default: 300)"
    )
    parser.add_argument(
        "--locator", choices=("classical", "network", "both"), default="both", help="which to try (default: both)"
    )
    parser.add_argument(
        "--show", type=Path, metavar="FOLDER", help="write scenes that went wrong there (outside the checkout)"
    )
    parser.add_seed()
    parser.add_json("locate")
    return parser
