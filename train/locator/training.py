"""Training of the locator: scenes drawn by processes beside it, epochs that can be resumed, and what came out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict

import cv2
import keras
import numpy as np

import bundle
from train import fitting
from train.dataset import PHOTOGRAPH, Dataset, Part
from train.locator import network as locating
from train.locator.scenes import Scene, Stock, draw
from train.locator.targets import batches, inputs, sides
from train.machine import Meter, device, mixed_precision, versions
from train.pipeline import dataset_fingerprint
from train.progress import console, progress
from train.reading import Sources, read
from train.recipes import LOCATOR_NETWORK, LocatorRecipe
from train.run import Run, RunError, sha256_of, write_json

# Pixels of a painting's longer side; one hangs no larger than that in a scene.
_LONGEST = 256

# Scenes that the run is judged by, and the share of the paintings that hang in them alone.
_JUDGED, _JUDGED_SHARE = 768, 0.1


LOSSES = {"maps": locating.loss, "sides": locating.loss_of_sides}


def train(run: Run, sources: Sources, recipe: LocatorRecipe, start: Run | None = None) -> None:
    """Train `recipe` into `run`, from the weights of `start` on; raises `RunError`, or as `reading.read` does."""
    # As they will be read again: JSON has no tuples.
    facts = json.loads(json.dumps({"recipe": asdict(recipe), "kind": "locator", **sources.describe()}))
    if run.facts_path.exists():
        if {name: run.facts.get(name) for name in facts} != facts:
            raise RunError(f"{run.folder} was begun with other settings; give another --name, or remove it")
        if run.finished:
            console.print(f"{run.folder} is finished already", markup=False)
            return
    dataset = read(sources)
    meter = Meter()
    stock, judged = stocks(dataset, sources.seed)
    run.record(**facts, state="training", device=device(), versions=versions(), dataset=dataset_fingerprint(dataset))

    keras.utils.set_random_seed(sources.seed)
    with mixed_precision():
        network = locating.network(pretrained=start is None)
    if start is not None:
        _check(start)
        network.load_weights(start.weights_path)
    frozen = [layer for layer in network.layers if layer.name.startswith(recipe.frozen)]
    for layer in frozen:
        layer.trainable = False
    network.compile(optimizer=fitting.optimizer(recipe, recipe.epochs * recipe.steps), loss=LOSSES)
    checkpoint = fitting.Checkpoint(run.folder)
    first = 0
    if checkpoint.last.exists():
        network = keras.models.load_model(
            checkpoint.last, custom_objects={function.__name__: function for function in LOSSES.values()}
        )
        first = int(network.optimizer.iterations) // recipe.steps
    checkpoint.resume(first)
    console.print(
        f"{len(stock.paintings)} paintings, {len(stock.photographs)} photographs; frozen: {len(frozen)} layers"
    )
    with batches(stock, recipe.batch, sources.seed, first * recipe.steps) as drawn, progress("training") as step:
        network.fit(
            drawn,
            epochs=recipe.epochs,
            initial_epoch=first,
            steps_per_epoch=recipe.steps,
            shuffle=False,
            verbose=0,
            callbacks=[
                keras.callbacks.CSVLogger(run.folder / "log.csv", append=first > 0),
                checkpoint,
                fitting.Notice(lambda done: step(done, recipe.epochs)),
            ],
        )
    network.save_weights(run.weights_path)
    write_json(run.metrics_path, judge(network, judged, sources.seed))
    run.record(
        state="finished", weights_sha256=sha256_of(run.weights_path), weights_from=LOCATOR_NETWORK, **meter.read()
    )
    shutil.rmtree(run.folder / "checkpoint", ignore_errors=True)
    console.print(f"finished: {run.folder}; next: python -m export locator {run.folder.name} --bundle models/default")


def rebuild(run: Run) -> keras.Model:
    """The trained network of a finished run, in float32, checked against the hash of its weights."""
    _check(run)
    network = locating.network(pretrained=False)
    network.load_weights(run.weights_path)
    return network


def _check(run: Run) -> None:
    if run.facts.get("kind") != "locator":
        raise RunError(f"{run.folder} is no run of a locator; python -m train locator makes one")
    run.check_weights()


def judge(network: keras.Model, stock: Stock, seed: int) -> dict[str, float]:
    """How well the network finds canvases in scenes with paintings that it never saw: a single look each."""
    scenes = [draw(np.random.default_rng((seed, 1, number)), stock) for number in range(_JUDGED)]
    given = locating.decode(network.predict(np.stack([inputs(scene) for scene in scenes]), batch_size=64, verbose=0))
    scores, corners = (keras.ops.convert_to_numpy(given[name]) for name in ("score", "corners"))
    overlaps, reported, empty = [], 0, 0
    for scene, score, quads in zip(scenes, scores, corners, strict=True):
        best = int(score.argmax())
        if not len(scene.canvases):
            if not len(scene.doubtful):
                empty += 1
                reported += bool(score.max() > 0.5)
            continue
        quad = quads.reshape(-1, 4, 2)[best].astype(np.float32)
        best_overlap = max(overlap(quad, canvas) for canvas in scene.canvases)
        overlaps.append(best_overlap if score.max() > 0.5 else 0.0)
    return {
        "scenes": _JUDGED,
        "median_iou": float(np.median(overlaps)),
        "iou_over_85": float(np.mean(np.array(overlaps) >= 0.85)),
        "found": float(np.mean(np.array(overlaps) > 0.5)),
        "side_error": side_error(keras.ops.convert_to_numpy(given["sides"]), scenes),
        "reported_where_nothing_is": reported / max(empty, 1),
    }


def side_error(given: np.ndarray, scenes: Sequence[Scene]) -> float:
    """The median distance of the sides of canvases in close-ups from where they are, in shares of the picture;
    `given` ``[n, 4, FINE]`` is the network's output."""
    told = np.stack([sides(scene) for scene in scenes])
    return float(np.median(np.abs(given - told[..., 0])[told[..., 1] > 0]))


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two quads in shares of a picture."""
    # OpenCV rounds less where numbers are not tiny.
    first, second = (np.asarray(quad * 1000, np.float32) for quad in (first, second))
    shared, _ = cv2.intersectConvexConvex(first, second)
    return shared / max(abs(cv2.contourArea(first)) + abs(cv2.contourArea(second)) - shared, 1e-6)


def stocks(dataset: Dataset, seed: int) -> tuple[Stock, Stock]:
    """Paintings and photographs to train on, and others to judge by. No test picture is among them."""
    allowed = [example for example in dataset.examples if example.part in (Part.TRAIN, Part.VALIDATION)]
    chosen = np.random.default_rng(seed).random(len(allowed)) < _JUDGED_SHARE
    parts: dict[tuple[bool, bool], list[np.ndarray]] = {}
    with progress("reading pictures") as step:
        for number, (example, judged) in enumerate(zip(allowed, chosen, strict=True)):
            pixels = bundle.read(example.path)
            scale = _LONGEST / max(pixels.shape[:2])
            if scale < 1:
                pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            parts.setdefault((example.label == PHOTOGRAPH, bool(judged)), []).append(pixels)
            step(number + 1, len(allowed))
    return (
        Stock(parts.get((False, False), []), parts.get((True, False), [])),
        Stock(parts.get((False, True), []), parts.get((True, True), [])),
    )
