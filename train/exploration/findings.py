"""What one sees in a survey, in sentences that are computed from its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from train.exploration.survey import HUES, SEVERAL, Survey

# Shares of variance (eta squared) below which a measure is said to tell little, and above which much.
_LITTLE, _MUCH = 0.15, 0.4
# Styles so far apart in their shares of pictures of one shape or size can be told by it.
_GIVES_AWAY = 0.25
# A label with fewer pictures is not compared with others.
_FEWEST = 5


def classes(survey: Survey) -> list[str]:
    """How many pictures there are of each style, and what a network would learn from that alone."""
    of_styles = survey.of_styles
    artists = {survey.pictures[index].painting.artist for index in of_styles}
    sentences = [
        f"{_count(len(survey.pictures), 'picture')}, {len(of_styles):,} of them of the"
        f" {_count(len(survey.styles), 'style')}, by {_count(len(artists), 'artist')}."
    ]
    for folder in survey.folders:
        counts = {style: len(survey.where(style, folder)) for style in survey.styles}
        total = sum(counts.values())
        if not total:
            sentences.append(f"{folder} has no picture of these styles.")
            continue
        largest, smallest = max(counts, key=counts.get), min(counts, key=counts.get)
        sentence = (
            f"{folder}: always answering {largest} would be right for {_percent(counts[largest] / total)} of"
            f" the {_count(total, 'picture')} of the styles, with a mean recall of {_percent(1 / len(counts))}"
        )
        if counts[smallest]:
            ratio = counts[largest] / counts[smallest]
            sentence += f"; there are {ratio:.{int(ratio < 10)}f} times as many pictures of {largest} as of {smallest}"
        else:
            sentence += f"; there is none of {_listed([style for style in counts if not counts[style]])}"
        sentences.append(sentence + ".")
    if several := len(survey.where(SEVERAL)):
        sentences.append(
            f"{_count(several, 'picture')} {_are(several)} by artists of several genres of which one is a style:"
            " neither that style nor none of them, so training leaves them out."
        )
    return sentences


def artists(survey: Survey) -> list[str]:
    """Where one painter stands for a style."""
    sentences = []
    for folder in survey.folders:
        alone, most = {}, {}
        for style in survey.styles:
            counts = Counter(survey.pictures[index].painting.artist for index in survey.where(style, folder))
            if not counts:
                continue
            artist, count = counts.most_common(1)[0]
            if len(counts) == 1:
                alone[style] = artist
            elif count / counts.total() > 0.5:
                most[style] = f"{artist} painted {_percent(count / counts.total())} of {style}"
        if alone:
            names = _listed([f"{style} ({artist})" for style, artist in alone.items()])
            sentences.append(
                f"{folder}: one artist alone stands for {names}; a network can learn the artist or the source"
                " in place of the style, and only artists whom it never saw tell the difference."
            )
        if most:
            sentences.append(f"{folder}: {_listed(list(most.values()))}.")
    return sentences or ["No artist has more than half of the pictures of a style in a folder."]


def grey_levels(survey: Survey, labels: Sequence[str]) -> list[str]:
    """Brightness and contrast by style, and how much they tell."""
    brightness, contrast = _means(survey, survey.brightness, labels), _means(survey, survey.contrast, labels)
    sentences = []
    if len(brightness) > 1:
        dark, light = min(brightness, key=brightness.get), max(brightness, key=brightness.get)
        flat, strong = min(contrast, key=contrast.get), max(contrast, key=contrast.get)
        sentences = [
            f"Darkest on the mean is {dark} (grey {brightness[dark]:.0f} of 255), lightest {light}"
            f" ({brightness[light]:.0f}).",
            f"Least contrast has {flat} (standard deviation {contrast[flat]:.0f} levels within a picture), most"
            f" {strong} ({contrast[strong]:.0f}).",
        ]
    return [*sentences, *_tells(survey, survey.brightness, "mean brightness")]


def colours(survey: Survey, labels: Sequence[str]) -> list[str]:
    """Red against blue, warm hues, saturation, and how much they tell."""
    places = (np.arange(survey.rgb.shape[-1]) + 0.5) * 256 / survey.rgb.shape[-1]
    redness = (survey.rgb[:, 0] - survey.rgb[:, 2]) @ places
    red = _means(survey, redness, labels)
    degrees = (np.arange(HUES) + 0.5) * 360 / HUES
    warm_hues = (degrees < 90) | (degrees > 330)
    saturation = _means(survey, survey.colourfulness, labels)
    sentences = []
    if len(red) > 1:
        most, least = max(red, key=red.get), min(red, key=red.get)
        if red[least] > 0:
            sentences.append("Red is stronger than blue on the mean of every style.")
        sentences.append(
            f"Red less blue is largest for {most} ({red[most]:+.0f} levels), smallest for {least} ({red[least]:+.0f})."
        )
        warm = {}
        for label in red:
            shares = survey.hue[survey.where(label)].sum(axis=0)
            if shares.sum() > 0:
                warm[label] = shares[warm_hues].sum() / shares.sum()
        if warm:
            most, least = max(warm, key=warm.get), min(warm, key=warm.get)
            sentences.append(
                f"Of the coloured pixels of {most}, {_percent(warm[most])} are warm (magenta-red to yellow-green); of"
                f" {least}, {_percent(warm[least])}."
            )
        most, least = max(saturation, key=saturation.get), min(saturation, key=saturation.get)
        sentences.append(
            f"Most saturated is {most} ({_percent(saturation[most])} on the mean), least {least}"
            f" ({_percent(saturation[least])})."
        )
    return [
        *sentences,
        *_tells(survey, survey.colourfulness, "mean saturation"),
        *_tells(survey, redness, "red less blue"),
    ]


def intensity(path: Path, grey: np.ndarray) -> list[str]:
    """One picture's grey levels, uint8 ``[height, width]``."""
    low, middle, high = np.percentile(grey, (5, 50, 95))
    return [
        f"{path.name}: mean {grey.mean():.0f}, median {middle:.0f}, standard deviation {grey.std():.0f}; nine pixels"
        f" of ten lie between {low:.0f} and {high:.0f}. {_percent((grey < 64).mean())} are dark (below 64),"
        f" {_percent((grey >= 192).mean())} light (192 and above)."
    ]


def sizes(survey: Survey, labels: Sequence[str]) -> list[str]:
    """Usual sizes and shapes, and whether the shape gives the style away."""
    sentences = []
    for folder in survey.folders:
        pictures = [survey.pictures[index] for index in survey.where(folder=folder)]
        if not pictures:
            sentences.append(f"{folder}: every picture is left out.")
            continue
        size, count = Counter((picture.width, picture.height) for picture in pictures).most_common(1)[0]
        if count == len(pictures):
            sentences.append(f"{folder}: all pictures are {size[0]} x {size[1]} pixels.")
            continue
        sides = [side for picture in pictures for side in (picture.width, picture.height)]
        square = np.mean([picture.width == picture.height for picture in pictures])
        sentences.append(
            f"{folder}: {_percent(count / len(pictures))} of the pictures are {size[0]} x {size[1]} pixels; sides are"
            f" from {min(sides)} to {max(sides)}, and {_percent(square)} of the pictures are square."
        )
        usual = np.array([(picture.width, picture.height) == size for picture in survey.pictures])
        within = {label: survey.where(label, folder) for label in labels}
        sentences += _given_away(
            {label: float(usual[rows].mean()) for label, rows in within.items() if len(rows) >= _FEWEST},
            f"{size[0]} x {size[1]} pixels in {folder}",
            "the traces of scaling",
        )
    squares = np.array([picture.width == picture.height for picture in survey.pictures], float)
    shares = _means(survey, squares, labels)
    if len(shares) > 1:
        most, least = max(shares, key=shares.get), min(shares, key=shares.get)
        sentences += _given_away(shares, "square", "the shape") or [
            f"The shape tells little: between {_percent(shares[least])} ({least}) and {_percent(shares[most])}"
            f" ({most}) of a style are square."
        ]
    return sentences


def _given_away(shares: dict[str, float], what: str, which: str) -> list[str]:
    """A warning where some labels have far more of a thing that is no style than others."""
    if len(shares) < 2:
        return []
    most, least = max(shares, key=shares.get), min(shares, key=shares.get)
    if shares[most] - shares[least] < _GIVES_AWAY:
        return []
    return [
        f"Mind: {_percent(shares[most])} of {most} and {_percent(shares[least])} of {least} are {what}. A network can"
        f" learn {which}, that is, the source, in place of the style; vary {which} in training."
    ]


def duplicates(survey: Survey) -> list[str]:
    """How many pictures are there twice, and what that does to a split."""
    exact, near = len(survey.exact), len(survey.near)
    sentences = [
        f"{_count(exact, 'file')} {_have(exact)} the content of another, byte for byte, and {_are(exact)} left out."
        if exact
        else "No file has the content of another, byte for byte."
    ]
    if not near:
        return [*sentences, "No pictures of other content look the same."]
    pictures = sum(len(group) for group in survey.near)
    sentences.append(
        f"{_count(near, 'group')} of pictures look the same though their content differs, {pictures:,} pictures in all."
        " Training keeps each group in one part of its split, lest the test set be partly trained on."
    )
    artist = {picture.painting.path: picture.painting.artist for picture in survey.pictures}
    label = {picture.painting.path: picture.label for picture in survey.pictures}
    folder = {picture.painting.path: picture.folder for picture in survey.pictures}
    for what, of in (("artist", artist), ("style", label), ("folder", folder)):
        if across := sum(len({of[path] for path in group}) > 1 for group in survey.near):
            sentences.append(f"{_count(across, 'group')} {'is' if across == 1 else 'are'} of more than one {what}.")
    return sentences


def augmentation(picture: np.ndarray, augmented: np.ndarray, steps: Sequence[str]) -> str:
    """How far `augmented` ``[n, size, size, 3]`` are from `picture` ``[size, size, 3]``, both 0-255."""
    difference = np.abs(augmented.astype(float) - picture).mean(axis=(1, 2, 3))
    shift = augmented.mean(axis=(1, 2, 3)) - picture.mean()
    return (
        f"{_listed(list(steps))}, in this order. A pixel changes by {difference.mean():.0f} of 255 levels on the mean"
        f" ({difference.min():.0f} to {difference.max():.0f} in these {len(augmented)}), the mean brightness of the"
        f" picture by {shift.min():+.0f} to {shift.max():+.0f}."
    )


def _tells(survey: Survey, values: np.ndarray, what: str) -> list[str]:
    """How much of the variance of `values` between pictures lies between the styles (eta squared)."""
    groups = [values[survey.where(style)] for style in survey.styles]
    groups = [group for group in groups if len(group) >= _FEWEST]
    if len(groups) < 2:
        return []
    pooled = np.concatenate(groups)
    if not (total := ((pooled - pooled.mean()) ** 2).sum()) > 0:
        return []
    share = sum(len(group) * (group.mean() - pooled.mean()) ** 2 for group in groups) / total
    how = "little" if share < _LITTLE else "much" if share > _MUCH else "something, and not enough,"
    return [f"The style explains {_percent(share)} of the variance of {what} between pictures: it tells {how} alone."]


def _means(survey: Survey, values: np.ndarray, labels: Sequence[str]) -> dict[str, float]:
    rows = {label: survey.where(label) for label in labels}
    return {label: float(values[where].mean()) for label, where in rows.items() if len(where) >= _FEWEST}


def _percent(share: float) -> str:
    """Whole per cent, and never 0 or 100 for what is only nearly so."""
    if 0 < share < 0.01:
        return "under 1\u00a0%"
    if 0.99 < share < 1:
        return "over 99\u00a0%"
    return f"{100 * share:.0f}\u00a0%"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
