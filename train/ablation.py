"""``python -m train ablate``: what each part of the recipe `kiosk` gives on artists never trained on."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

EXAMPLES = """\
examples:
  python -m train ablate --data paintings paintings-diverse --photos photos

Each variant is the recipe `kiosk` with one choice undone. All are fitted on the same frozen features
and judged on the same disjoint groups of artists, each held out in turn; what the groups give is pooled.
Judged are the files, and once more the pictures as a camera gives them.
Writes docs/results/ablation.json, which `python -m train report` takes in.
"""

# What is told of the recipe -> the fields of `Recipe` that undo it.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "the recipe": {},
    "no outputs for painters": {"painter_share": None},
    "no outputs for painters, every picture alike": {"painter_share": None, "artist_power": 1.0},
    "every picture alike": {"artist_power": 1.0},
    "Expressionism weighs like the others": {"style_weights": ()},
    "no views of a camera": {"clean_share": 1.0},
    "no views of a camera, the penalty that is best without": {
        "clean_share": 1.0,
        "probe_penalty": 0.3,
        "painter_penalty": 0.03,
    },
    "three times the penalty": {"probe_penalty": 0.3, "painter_penalty": 0.009},
    "a third of the penalty": {"probe_penalty": 0.03, "painter_penalty": 0.001},
    "three levels of the network": {"network": "efficientnet_lite0"},
    "no pictures of other styles trained on": {"other_share": 0.0},
}
BASELINE = "plain linear probe on the last features"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and judge all variants; 0, or 2 with one line on what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m train ablate",
        description="Measure what each part of the recipe `kiosk` gives.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FOLDER", help="folders of paintings")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs that show no painting")
    parser.add_argument("--groups", type=int, default=4, metavar="N", help="groups of artists (default: 4)")
    parser.add_argument("--seed", type=int, default=2021, help="of the split (default: 2021)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where features are kept (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("docs/results/ablation.json"), metavar="FILE")
    options = parser.parse_args(arguments)
    if options.groups < 2:
        parser.error("--groups must be at least 2")

    import bundle
    from train.dataset import DatasetError
    from train.reading import Sources
    from train.run import write_json

    sources = Sources(tuple(options.data), options.seed, options.photos)
    try:
        results = compare(sources, options.groups, options.runs / "views")
    except (bundle.CatalogueError, DatasetError) as error:
        print(f"ablate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nablate: stopped", file=sys.stderr)
        return 130
    write_json(options.out, results)
    print(f"written: {options.out}")
    return 0


def compare(sources: Any, groups: int, store: Path) -> dict[str, Any]:
    """Figures of all variants: ``{"groups": ..., "variants": {name: {figure: value}}}``."""
    import bundle
    from train import evaluation, fitting, reading
    from train.calibration import Calibration
    from train.dataset import HoldOut
    from train.networks import BACKBONE_FEATURES
    from train.progress import console
    from train.recipes import RECIPES

    recipes = {name: dataclasses.replace(RECIPES["kiosk"], **changes) for name, changes in VARIANTS.items()}
    measured: dict[str, list[bundle.Metrics]] = {name: [] for name in (BASELINE, *recipes)}
    photographed: dict[str, list[bundle.Metrics]] = {name: [] for name in recipes}
    for group in range(1, groups + 1):
        dataset = reading.read(dataclasses.replace(sources, hold_out=HoldOut.parse(f"{group}/{groups}")))
        features = {}
        for name, recipe in recipes.items():
            if recipe.network not in features:
                features[recipe.network] = _features(store, dataset, recipe, sources.seed)
            found = features[recipe.network]
            sees_views = recipe.clean_share < 1
            kernel, bias = fitting.fit_probe(found if sees_views else found[0], dataset, recipe)
            outputs = fitting.outputs_of(dataset, recipe)
            files, views = (outputs.merge(found[view] @ kernel + bias) for view in (0, 1))
            calibration = Calibration.fit(dataset, files, views if sees_views else None)
            measured[name].append(evaluation.measure_logits(dataset, files, calibration))
            photographed[name].append(evaluation.measure_logits(dataset, views, calibration))
            console.print(f"group {group}: {name}: {_in_short(measured[name][-1])}", highlight=False)
        recipe = recipes["the recipe"]
        plain = features[recipe.network][0][:, : BACKBONE_FEATURES[recipe.network]]
        logits = fitting.baseline_probe(plain, dataset, recipe)
        measured[BASELINE].append(evaluation.measure_logits(dataset, logits, Calibration.fit(dataset, logits)))
    pooled = {name: evaluation.pool(metrics) for name, metrics in measured.items()}
    for name, metrics in pooled.items():
        console.print(f"{name}: {_in_short(metrics)}", highlight=False)
    return {
        "groups": groups,
        "seed": sources.seed,
        "variants": {
            name: _figures(metrics)
            | {"groups": [_figures(m)["unseen_mean_recall"] for m in measured[name]]}
            | _of_photographed(evaluation.pool(photographed.get(name, [])))
            for name, metrics in pooled.items()
        },
    }


def _of_photographed(metrics: Any) -> dict[str, Any]:
    figures = _figures(metrics)
    return {f"photographed_{key}": figures[key] for key in ("unseen_mean_recall", "published_accuracy")}


def _features(store: Path, dataset: Any, recipe: Any, seed: int) -> Any:
    """Frozen embeddings ``[1 + views, n, d]`` of all pictures, from the store that training keeps."""
    import numpy as np

    from train import networks
    from train.progress import progress
    from train.views import open_views

    network = networks.NETWORKS[recipe.network](recipe.size, 1)
    networks.load_pretrained(network, recipe.network, None)
    with progress(f"pictures through {recipe.network}") as step:
        return open_views(store, dataset, recipe, network, seed, step).astype(np.float32)


def _figures(metrics: Any) -> dict[str, Any]:
    test, unseen = metrics.published_test, metrics.unseen_artists
    others, photographs = metrics.other_styles, metrics.not_paintings
    return {
        "published_accuracy": test.accuracy.rate if test else None,
        "unseen_mean_recall": unseen.mean_recall if unseen else None,
        "unseen_recall": {style: count.rate for style, count in unseen.recall.items() if count.total} if unseen else {},
        "other_styles_auroc": others.auroc if others else None,
        "photographs_called_a_style": 1 - photographs.refused.rate if photographs else None,
    }


def _in_short(metrics: Any) -> str:
    found = _figures(metrics)
    words = {"unseen_mean_recall": "unseen artists", "published_accuracy": "published", "other_styles_auroc": "AUROC"}
    return ", ".join(f"{words[key]} {found[key]:.3f}" for key in words if found[key] is not None)


if __name__ == "__main__":
    sys.exit(main())
