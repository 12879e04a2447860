"""The chapters of the page, from the survey to the networks: what is drawn, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np

import bundle
from train.augmentation import AUGMENTATIONS
from train.dataset import OTHER
from train.exploration import charts, drawings, findings, sheets
from train.exploration.errors import ExplorationError
from train.exploration.page import Chapter, Image, Listing, Table, write_page
from train.exploration.survey import Survey, measure
from train.networks import NETWORKS
from train.progress import progress
from train.recipes import RECIPES

# The pictures of a contact sheet, in rows of four: enough to see a style, few enough to see each.
_SAMPLED, _COLUMNS = 12, 4
# Pairs and groups of duplicates that are shown; all are listed.
_SHOWN_GROUPS = 12
# Augmented pictures beside the one they are made of: three rows of four in all.
_AUGMENTED = 11
# Side of the pictures that are augmented, in pixels.
_AUGMENTED_SIZE = 256
# Side of the input of a network that no recipe uses, in pixels: ImageNet's usual one.
_USUAL_SIZE = 224


def write(
    folder: Path,
    catalogue: bundle.Catalogue,
    folders: Sequence[Path],
    styles: Sequence[str],
    seed: int,
    networks: Sequence[str] | None = None,
) -> None:
    """Write charts, sheets and the page of a `catalogue` of `folders` into `folder`.

    `networks` are names of `train.networks.NETWORKS`, None is all. Raises `ExplorationError`.
    """
    networks = list(NETWORKS) if networks is None else networks
    if unknown := set(networks) - set(NETWORKS):
        raise ExplorationError(f"no network {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    with progress("measuring") as step:
        survey = measure(catalogue, folders, styles, step)
    parts = (
        partial(_classes, folder, survey),
        partial(_artists, folder, survey),
        partial(_sampled, folder, survey, seed),
        partial(_intensity, folder, survey, seed),
        partial(_greys, folder, survey),
        partial(_colours, folder, survey),
        partial(_sizes, folder, survey),
        partial(_duplicates, folder, survey, seed),
        partial(_augmentations, folder, survey, seed),
        partial(_networks, folder, len(styles), networks),
        partial(_left_out, survey),
    )
    chapters = []
    with progress("drawing") as step:
        for number, part in enumerate(parts):
            step(number, len(parts))
            chapters.append(part())
        step(len(parts), len(parts))
        summary = (
            f"{len(survey.pictures):,} pictures from {' and '.join(survey.folders)}; seed {seed}. Bands and grey lines"
            f" in the histograms reach from the {charts.BAND[0]}th to the {charts.BAND[1]}th percentile of the"
            " pictures; the highest go on above the chart."
        )
        write_page(folder, summary, chapters)


def _classes(folder: Path, survey: Survey) -> Chapter:
    image = _chart(folder / "styles.png", "Pictures by style", charts.pictures_by_style, survey)
    rows = tuple(
        (label, *(len(survey.where(label, name)) for name in survey.folders), len(survey.where(label)))
        for label in survey.labels
    )
    table = Table("Pictures by style as a table", ("style", *survey.folders, "in all"), rows)
    return Chapter("Classes", findings.classes(survey), [image], [table])


def _artists(folder: Path, survey: Survey) -> Chapter:
    images = []
    for number, name in enumerate(survey.folders, start=1):
        pictures = [survey.pictures[index] for index in survey.where(folder=name)]
        if not pictures:
            continue
        artists = len({picture.painting.artist for picture in pictures})
        title = f"Pictures by artist in {name}"
        if artists > charts.MAX_ARTISTS:
            title += f": the {charts.MAX_ARTISTS} of {artists} with most"
        images.append(_chart(folder / f"artists-{number}.png", title, charts.pictures_by_artist, survey, name))
    return Chapter("Artists", findings.artists(survey), images)


def _sampled(folder: Path, survey: Survey, seed: int) -> Chapter:
    generator = np.random.default_rng(seed)
    images = []
    for number, label in enumerate(_compared(survey), start=1):
        rows = survey.where(label)
        chosen = generator.choice(rows, min(_SAMPLED, len(rows)), replace=False)
        paintings = [survey.pictures[index].painting for index in chosen]
        cells = [(sheets.thumbnail(painting.path), painting.artist) for painting in paintings]
        path = folder / f"sample-{number}-{bundle.style_identifier(label)}.png"
        sheets.sheet(path, [[cell] for cell in cells], _COLUMNS)
        images.append(Image(path, f"{label}: {len(cells)} of {len(rows):,}", "sheet"))
    return Chapter("A few pictures of each style", ["Drawn by lot; each picture has the same chance."], images)


def _greys(folder: Path, survey: Survey) -> Chapter:
    labels = _compared(survey)
    image = _chart(folder / "grey.png", "Grey levels by style, mean and band", charts.grey_levels, survey, labels)
    return Chapter("Grey levels", findings.grey_levels(survey, labels), [image])


def _colours(folder: Path, survey: Survey) -> Chapter:
    labels = _compared(survey)
    images = [
        _chart(folder / "rgb.png", "Red, green and blue by style, mean and band", charts.colour_levels, survey, labels),
        _chart(folder / "hue.png", "Hue of coloured pixels by style, mean and band", charts.hues, survey, labels),
        _chart(folder / "saturation.png", "Saturation by style, mean and band", charts.saturations, survey, labels),
    ]
    return Chapter("Colours", findings.colours(survey, labels), images)


def _intensity(folder: Path, survey: Survey, seed: int) -> Chapter:
    path = _one_picture(survey, seed)
    grey = cv2.cvtColor(bundle.read(path), cv2.COLOR_RGB2GRAY)
    image = _chart(folder / "intensity.png", "In grey, and the histogram of its levels", charts.intensity, grey)
    return Chapter("One picture's intensities", findings.intensity(path, grey), [image])


def _sizes(folder: Path, survey: Survey) -> Chapter:
    labels = _compared(survey)
    images = [
        _chart(folder / "sizes.png", "Sizes; larger discs are more pictures", charts.sizes, survey),
        _chart(folder / "aspects.png", "Width by height, by style", charts.aspects, survey, labels),
    ]
    return Chapter("Sizes and shapes", findings.sizes(survey, labels), images)


def _duplicates(folder: Path, survey: Survey, seed: int) -> Chapter:
    generator = np.random.default_rng(seed)
    images, listings = [], []
    for name, title, groups in (
        ("exact", "Same content", survey.exact),
        ("near", "Other content, same look", survey.near),
    ):
        if not groups:
            continue
        chosen = generator.choice(len(groups), min(_SHOWN_GROUPS, len(groups)), replace=False)
        shown = [groups[index][:_COLUMNS] for index in sorted(chosen)]
        path = folder / f"duplicates-{name}.png"
        sheets.sheet(path, [[(sheets.thumbnail(path), path.name) for path in group] for group in shown], _COLUMNS)
        images.append(Image(path, f"{title}: {len(shown)} of {len(groups):,}", "sheet"))
        listings.append(Listing(title, tuple(map(_equation, groups))))
    return Chapter("Duplicates", findings.duplicates(survey), images, listings=listings)


def _augmentations(folder: Path, survey: Survey, seed: int) -> Chapter:
    path = _one_picture(survey, seed)
    pixels = bundle.prepare(bundle.read(path), _AUGMENTED_SIZE)
    batch = np.repeat(pixels[None].astype("float32"), _AUGMENTED, axis=0)
    images, sentences = [], [f"{path.name}, and {_AUGMENTED} pictures made of it by each augmentation of the recipes."]
    for name, make in AUGMENTATIONS.items():
        augmentation = make(seed)
        made = keras.ops.convert_to_numpy(augmentation(batch, training=True)).clip(0, 255).astype(np.uint8)
        cells = [(pixels, "the picture"), *((picture, str(number)) for number, picture in enumerate(made, start=1))]
        sheet = folder / f"augmentation-{name}.png"
        sheets.sheet(sheet, [[cell] for cell in cells], _COLUMNS)
        images.append(Image(sheet, f"Augmentation {name}", "sheet"))
        steps = [type(layer).__name__ for layer in augmentation.layers]
        sentences.append(f"{name}: {findings.augmentation(pixels, made, steps)}")
    return Chapter("Augmentation", sentences, images)


def _networks(folder: Path, outputs: int, names: Sequence[str]) -> Chapter:
    sentences, tables = ["What each network of train/networks.py is built of, stage by stage."], []
    for name in names:
        size = next((recipe.size for recipe in RECIPES.values() if recipe.network == name), _USUAL_SIZE)
        network = NETWORKS[name](size, outputs)
        path = folder / f"network-{name}.png"
        why_not = drawings.draw(network, path)
        drawing = Image(path, f"The layers or stages of {name}", "drawing") if why_not is None else None
        if why_not and why_not not in sentences:
            sentences.append(why_not)
        stages = drawings.stages(network)
        title = (
            f"{name}: {network.count_params():,} parameters in {len(network.layers)} layers, for pictures of"
            f" {size} x {size}"
        )
        rows = tuple((stage.name, stage.kinds, len(stage.layers), stage.shape, stage.parameters) for stage in stages)
        tables.append(Table(title, ("stage", "kinds of layers", "layers", "gives", "parameters"), rows, drawing))
        del network
        keras.backend.clear_session()  # nine networks at a time would take more memory than a laptop has
    return Chapter("Networks", sentences, tables=tables)


def _left_out(survey: Survey) -> Chapter:
    if not survey.skipped:
        return Chapter("Files left out", ["Every file could be read and has an artist in artists.csv."])
    lines = tuple(map(str, survey.skipped))
    return Chapter(
        "Files left out",
        ["Of these, nothing is in the figures above. Files with the content of another are among the duplicates."],
        listings=[Listing("Left out, and why", lines)],
    )


def _equation(group: Sequence[Path]) -> str:
    """The names of files that show the same, with their artist's folder once where it is one."""
    if len({path.parent for path in group}) == 1:
        return f"{group[0].parent.name}: {' = '.join(path.name for path in group)}"
    return " = ".join(f"{path.parent.name}/{path.name}" for path in group)


def _one_picture(survey: Survey, seed: int) -> Path:
    """A picture of a style, drawn by lot."""
    return survey.pictures[np.random.default_rng(seed).choice(survey.of_styles)].painting.path


def _compared(survey: Survey) -> tuple[str, ...]:
    """The labels that are compared in histograms: the styles, and none of them."""
    return tuple(label for label in survey.labels if label in (*survey.styles, OTHER))


def _chart(path: Path, title: str, draw: Callable[..., None], *arguments: object) -> Image:
    draw(path, *arguments)
    return Image(path, title, "chart")
