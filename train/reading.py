"""From folders to a `Dataset`: what a run reads, and what of it was left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import bundle
from train.dataset import Dataset, Fold, HoldOut, assemble, parse_combinations, single_styles
from train.progress import console, progress
from train.recipes import STYLES

ALL_STYLES = "all"


@dataclass(frozen=True)
class Sources:
    """What a run is made from. Two runs with equal sources see the same pictures in the same parts."""

    folders: tuple[Path, ...]
    """Of paintings; the first is split by picture, the others by artist."""
    seed: int
    photographs: Path | None = None
    """Folder of pictures that show no painting."""
    unseen: tuple[Path, ...] = ()
    """Folders of paintings that are never trained on: all their artists are held out."""
    hold_out: HoldOut = field(default_factory=HoldOut)
    fold: Fold | None = None
    styles: tuple[str, ...] = STYLES
    """Genres of the folders, or ``("all",)``: those that some artist has as the only one."""
    combine: tuple[str, ...] = ()
    """Classes to merge, each written ``Cubism+Expressionism=Modern``."""

    def describe(self) -> dict[str, Any]:
        """For ``run.json``."""
        return {
            "data": [str(folder) for folder in self.folders],
            "photographs": str(self.photographs) if self.photographs else None,
            "unseen_folders": [str(folder) for folder in self.unseen],
            "hold_out": {**asdict(self.hold_out), "names": sorted(self.hold_out.names)},
            "fold": asdict(self.fold) if self.fold else None,
            "wanted_styles": list(self.styles),
            "combine": list(self.combine),
            "seed": self.seed,
        }


def read(sources: Sources) -> Dataset:
    """Read, label and divide; says what was left out, one line each.

    Raises `bundle.CatalogueError` or `DatasetError`, each with a one-line message.
    """
    catalogues = []
    for folder in (*sources.folders, *sources.unseen):
        with progress(f"reading {folder}") as step:
            catalogues.append(bundle.read_catalogue([folder], step))
        for skipped in catalogues[-1].skipped:
            console.print(f"left out: {skipped}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    photographs: dict[Path, str] = {}
    if sources.photographs:
        with progress(f"reading {sources.photographs}") as step:
            photographs, left_out = bundle.read_photographs(sources.photographs, step)
        for skipped in left_out:
            console.print(f"left out: {skipped}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    hold_out = sources.hold_out
    if sources.unseen:
        never_trained = catalogues[len(sources.folders) :]
        names = {painting.artist for catalogue in never_trained for painting in catalogue.paintings}
        hold_out = replace(hold_out, names=hold_out.names | names)
    styles = single_styles(catalogues[0]) if sources.styles == (ALL_STYLES,) else sources.styles
    dataset = assemble(
        (*sources.folders, *sources.unseen),
        catalogues,
        photographs,
        styles,
        hold_out,
        sources.seed,
        combine=parse_combinations(sources.combine) or None,
        fold=sources.fold,
    )
    for skipped in dataset.left_out:
        console.print(f"left out: {skipped}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    return dataset
