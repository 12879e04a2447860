"""``python -m train report``: the command line of the report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

EXAMPLES = """\
examples:
  python -m train report
  python -m train report --note resnet50_pretrained="no ImageNet weights for ResNet50 can be had here" \\
      --note resnet50_fine_tuned="needs the pre-trained network"
  python -m train report --keep              # recipes without a run here keep the figures of the earlier report
  python -m train report --from-json         # the documents again, from docs/results/reproduction.json
  python -m train report --runs /mnt/runs --out /tmp/docs --html /tmp/report.html

It reads every finished run (runs/NAME/ with run.json, split.csv, outputs.npy and calibration.json;
the paintings may be gone) and writes

  docs/results/reproduction.json   every figure
  docs/results/*.png               plots of them
  docs/reproduction.md             the report, made from that JSON alone
  runs/report/index.html           the same as one page, with small pictures of the worst mistakes

In the table stands the run of a recipe that bears its name. Runs with a group of artists held out
(--hold-out-artists K/N) and folds of a cross-validation are pooled. What `python -m train ablate`
wrote to docs/results/ablation.json is taken in.

Runs need not be on one machine. With --keep, what was not trained here stays as the earlier
docs/results/reproduction.json has it: a recipe's run on the published split, its groups of artists held out
and its folds, each for itself. Recipes are compared across machines by the pictures that each had wrong;
of reports made before these were written down, by their counts alone.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the report; 0, or 2 with one line on what is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m train report",
        description="Measure all finished runs beside the published figures, and say what that shows.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="where the document goes (default: docs)")
    parser.add_argument(
        "--html", type=Path, default=Path("runs/report/index.html"), help="the page (default: runs/report/index.html)"
    )
    parser.add_argument(
        "--note", action="append", default=[], metavar='RECIPE="TEXT"', help="why there is no run, or a remark"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="recipes without a run here keep their figures of OUT/results/reproduction.json: for reports made from"
        " the runs of several machines",
    )
    parser.add_argument(
        "--from-json",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FILE",
        help="make the documents from this file instead of runs (default: OUT/results/reproduction.json)",
    )
    options = parser.parse_args(arguments)

    # scikit-learn and matplotlib take seconds to import; --help and mistakes should not wait for them.
    from train.report.reading import ReportError

    try:
        notes = _notes(options.note)
        if options.from_json is not None:
            if notes:
                raise ReportError("--note goes into the figures, and --from-json changes none: give one of the two")
            if options.keep:
                raise ReportError("--keep adds to figures of runs, and --from-json reads no runs: give one of the two")
            _remake(options.from_json, options.runs, options.out, options.html)
        else:
            _make(options.runs, options.out, options.html, notes, options.keep)
    except ReportError as error:
        print(f"report: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nreport: stopped", file=sys.stderr)
        return 130
    return 0


def _notes(given: Sequence[str]) -> dict[str, str]:
    from train.recipes import RECIPES
    from train.report.published import TITLES
    from train.report.reading import ReportError

    notes = {}
    for note in given:
        recipe, separator, text = note.partition("=")
        if not separator or not text.strip():
            raise ReportError(f'--note {note}: write --note RECIPE="why it was not run"')
        known = TITLES.keys() | RECIPES.keys()
        if recipe.strip() not in known:
            raise ReportError(f"--note {recipe.strip()}: no such recipe (there are {', '.join(sorted(known))})")
        notes[recipe.strip()] = " ".join(text.split())
    return notes


def _make(runs_folder: Path, out: Path, html: Path, notes: Mapping[str, str], keep: bool) -> None:
    from train.report import results
    from train.report.document import PLOTS, dump, load_results, write
    from train.report.reading import ReportError, read_ablation, read_runs

    target = out / PLOTS / "reproduction.json"
    # Before the runs are measured, which takes a while: a missing file should not wait for that.
    earlier = load_results(target, "without --keep it is made from the runs here alone") if keep else None
    runs, left_out = read_runs(runs_folder)
    for run in left_out:
        print(f"left out: {run['run']}: {run['reason']}", file=sys.stderr)
    if not runs:
        raise ReportError(f"{runs_folder}: no finished run that can be measured; `make train` makes one")
    found = results.compute(runs, left_out, notes)
    if earlier is not None:
        found = _kept(found, earlier)
    found |= {"ablation": read_ablation(out / PLOTS / "ablation.json")}
    write(target, dump(found))
    print(f"{len(runs)} runs of {len({run.recipe for run in runs})} recipes: {target}")
    _publish(found, runs_folder, out, html)


def _kept(found: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """`found` with what only the `earlier` report has; says what that is."""
    from train.report.keeping import PARTS, keep, kept_parts

    parts = kept_parts(found, earlier)
    kept = ", ".join(f"{name} ({', '.join(PARTS[part] for part in of)})" for name, of in parts.items())
    print(f"kept of the earlier report: {kept or 'nothing, as all of it was made anew'}")
    return keep(found, earlier)


def _remake(path: Path, runs_folder: Path, out: Path, html: Path) -> None:
    from train.report.document import PLOTS, load_results

    source = out / PLOTS / "reproduction.json" if path == Path() else path
    _publish(load_results(source, "without --from-json it is made from runs"), runs_folder, out, html)


def _publish(found: Mapping[str, Any], runs_folder: Path, out: Path, html: Path) -> None:
    from train.report.document import PLOTS, document, page, thumbnails, write
    from train.report.figures import draw
    from train.report.reading import ReportError

    try:
        draw(found, out / PLOTS)
    except OSError as error:
        raise ReportError(f"{out / PLOTS}: cannot be written ({error.strerror})") from error
    write(out / "reproduction.md", document(found))
    write(html, page(found, out / PLOTS, thumbnails(found, runs_folder)))
    print(f"written: {out / 'reproduction.md'}, {html}")
