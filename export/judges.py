"""By which pictures files are calibrated, chosen and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

import bundle
from bundle import runtimes
from export.loading import load
from export.search import Fit
from train.calibration import Calibration
from train.dataset import Dataset, Part


@dataclass(frozen=True)
class Judges:
    """The pictures by which files are calibrated, chosen and judged, and what the Keras network says of them."""

    dataset: Dataset
    pixels: npt.NDArray[np.uint8]
    """``[n, size, size, 3]``, in the order of `dataset`."""
    test: npt.NDArray[np.int64]
    """Rows of the published split's test pictures."""
    test_reference: npt.NDArray[np.float32]
    """The Keras network's logits of the styles for them."""
    validation: Dataset
    validation_rows: npt.NDArray[np.int64]
    validation_reference: npt.NDArray[np.float32]
    """The Keras network's logits of the styles for the validation pictures."""
    views: npt.NDArray[np.uint8]
    """The published split's validation pictures once more, changed a little: see `_views`."""
    views_reference: npt.NDArray[np.float32]
    """The Keras network's logits of the styles for them."""
    training: npt.NDArray[np.uint8]
    """Training pictures, to find ranges by; the first of them are of all labels too."""
    training_reference: npt.NDArray[np.float32]
    """All the Keras network's logits for them."""
    photographed: npt.NDArray[np.uint8] | None = None
    """The validation pictures once more, as a camera gives them, where the recipe is for these too."""

    @property
    def calibrations(self) -> list[npt.NDArray[np.uint8]]:
        """All training pictures, and a quarter of them: more pictures find more of the rare values that widen a
        range, which is not always better."""
        few = self.training[: max(16, len(self.training) // 64 * 16)]
        return [self.training, few] if len(few) < len(self.training) else [self.training]

    @classmethod
    def of(
        cls,
        network: Any,
        dataset: Dataset,
        pixels: npt.NDArray[np.uint8],
        training: npt.NDArray[np.uint8],
        photographed: npt.NDArray[np.uint8] | None = None,
    ) -> Self:
        """`dataset` and `pixels` hold the test part, the validation part and whatever else is measured."""
        test = dataset.where(lambda example: example.part is Part.TEST)
        rows = dataset.where(lambda example: example.part is Part.VALIDATION)
        styles = len(dataset.styles)
        published = dataset.where(lambda example: example.part is Part.VALIDATION and example.published)
        views = _views(pixels[published])

        def reference(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            logits: npt.NDArray[np.float32] = network.predict(pictures.astype(np.float32), batch_size=32, verbose=0)
            return logits

        return cls(
            dataset,
            pixels,
            test,
            reference(pixels[test])[:, :styles],
            Dataset(dataset.styles, tuple(dataset.examples[row] for row in rows)),
            rows,
            reference(pixels[rows])[:, :styles],
            views,
            reference(views)[:, :styles],
            training,
            reference(training),
            photographed,
        )

    def calibrate(self, content: bytes, format: runtimes.Format) -> Calibration:
        """The calibration of a file that gives raw logits, by the validation pictures, photographed ones among them
        where there are any."""
        model = load(content, format)
        photographed = None if self.photographed is None else _logits(model, self.photographed)
        return Calibration.fit(self.validation, _logits(model, self.pixels[self.validation_rows]), photographed)

    def fit_without_shift(self, content: bytes, format: runtimes.Format) -> tuple[Fit, npt.NDArray[np.float32]]:
        """How a file will do once its head is less by a shift, and this shift, ``[classes]``: what the mean of its
        logits over the training pictures is greater by than the Keras network's. Rounding before a ReLU makes what
        is near nought greater (bias correction, Nagel et al. 2019, arXiv 1906.04721, section 4.2, here of the last
        layer alone)."""
        model = load(content, format)
        shift: npt.NDArray[np.float32] = (_logits(model, self.training) - self.training_reference).mean(axis=0)
        styles = len(self.dataset.styles)
        of_styles = self.validation.labels < styles
        fit = Fit.of(
            (_logits(model, self.pixels[self.validation_rows[of_styles]]) - shift)[:, :styles],
            self.validation_reference[of_styles],
            self.validation.labels[of_styles],
            np.array([example.published for example in self.validation.examples])[of_styles],
            (_logits(model, self.views) - shift)[:, :styles],
            self.views_reference,
        )
        return fit, shift


def _logits(model: runtimes.Runtime, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return runtimes.run_in_batches(model, pixels, ["outputs"])["outputs"]


def _views(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pictures ``[n, size, size, 3]`` mirrored, and nine tenths of them from each corner, ``[5 n, size, size, 3]``.

    How many answers int8 turns depends on the few pictures whose two highest logits are nearly the same. A view
    has them nearly the same elsewhere, so that with views more such cases are counted.
    """
    size = pictures.shape[1]
    part = size * 9 // 10
    corners = [(top, left) for top in (0, size - part) for left in (0, size - part)]
    cut_out = [bundle.prepare(p[top : top + part, left : left + part], size) for top, left in corners for p in pictures]
    return np.stack([*pictures[:, :, ::-1], *cut_out])
