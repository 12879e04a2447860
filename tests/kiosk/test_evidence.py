"""Where a style is seen: from the network's map to a part of the painting that can be named."""

import numpy as np
import pytest

import bundle
from kiosk.classifier import Classifier, ClassifierError, Scores
from kiosk.evidence import Evidence, Where
from kiosk.judge import Finding
from kiosk.smoothing import Smoother
from tests.stand_in import GREEN, SIZE, STYLES, painting, write_bundle


def maps(*places: tuple[int, int], size: int = 8, faint: float = 0.1, style: int = 1) -> np.ndarray:
    """Maps ``[size, size, 6]``: little everywhere, much at the places (row, column) and their neighbours."""
    found = np.full((size, size, len(STYLES)), -1.0, np.float32)
    found[..., style] = faint
    for row, column in places:
        found[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2, style] = 4.0
    return found


@pytest.mark.parametrize(
    ("places", "where"),
    [
        pytest.param([(0, 0)], "top_left", id="one corner"),
        pytest.param([(1, 3), (1, 4)], "top", id="the upper part"),
        pytest.param([(0, 7)], "top_right", id="to the right is to the right"),
        pytest.param([(4, 1)], "left", id="the left side"),
        pytest.param([(3, 3), (4, 4)], "centre", id="the middle"),
        pytest.param([(4, 6)], "right", id="the right side"),
        pytest.param([(7, 0)], "bottom_left", id="down is down"),
        pytest.param([(6, 3), (6, 4)], "bottom", id="the lower part"),
        pytest.param([(7, 7)], "bottom_right", id="the last corner"),
        pytest.param([], "everywhere", id="flat"),
        pytest.param([(r, c) for r in (1, 4, 6) for c in (1, 4, 6)], "everywhere", id="all over"),
    ],
)
def test_the_part_that_speaks_most_is_named(places: list[tuple[int, int]], where: str) -> None:
    evidence = Evidence.of(maps(*places), 1, "Cubism")
    assert evidence is not None
    assert evidence.where == where


def test_of_a_ring_the_empty_middle_is_not_named() -> None:
    ring = [(r, c) for r in range(8) for c in range(8) if r in (0, 7) or c in (0, 7)]
    found = np.zeros((8, 8, 6), np.float32)
    for row, column in ring:
        found[row, column, 1] = 1
    evidence = Evidence.of(found, 1, "Cubism")
    assert evidence is not None
    assert evidence.where != Where.CENTRE


def test_the_json_holds_shares_of_the_strongest_place() -> None:
    evidence = Evidence.of(maps((0, 0), faint=1.0), 1, "Cubism")
    assert evidence is not None
    body = evidence.to_json()
    assert (body["style"], body["rows"], body["columns"], body["where"]) == ("Cubism", 8, 8, "top_left")
    assert body["shares"][0][0] == 1.0
    assert body["shares"][7][7] == 0.25


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13, 20])
def test_maps_of_any_size_are_given_in_at_most_eight_rows(size: int) -> None:
    evidence = Evidence.of(maps((0, 0), size=size), 1, "Cubism")
    assert evidence is not None
    assert len(evidence.shares) == len(evidence.shares[0]) == min(size, 8)
    assert all(0 <= share <= 1 for row in evidence.shares for share in row)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(-1.0, id="all against it"),
        pytest.param(0.0, id="nothing"),
        pytest.param(np.nan, id="no number"),
        pytest.param(np.inf, id="infinite"),
    ],
)
def test_what_speaks_for_nothing_is_no_evidence(values: float) -> None:
    assert Evidence.of(np.full((8, 8, 6), values, np.float32), 1, "Cubism") is None


def test_the_part_that_was_named_stays_while_it_is_nearly_the_strongest() -> None:
    both = maps((0, 0), (7, 7))
    both[7, 7, 1] = 4.2
    assert Evidence.of(both, 1, "Cubism", None).where == "bottom_right"  # type: ignore[union-attr]
    assert Evidence.of(both, 1, "Cubism", Where.TOP_LEFT).where == "top_left"  # type: ignore[union-attr]
    assert Evidence.of(maps((7, 7)), 1, "Cubism", Where.TOP_LEFT).where == "bottom_right"  # type: ignore[union-attr]


def finding(places: list[tuple[int, int]], named: int = 1, broken: bool = False) -> Finding:
    probabilities = np.full(len(STYLES), 0.02, np.float32)
    probabilities[named] = 0.9
    found = maps(*places, style=named)
    if broken:
        found[0, 0, 0] = np.nan
    return Finding(None, Scores(probabilities, 0.99, np.ones(4, np.float32), found), {})


RULE = bundle.KnownRule(method="test", threshold=0.5)


def test_the_evidence_is_averaged_over_a_view() -> None:
    smoother = Smoother(STYLES, RULE)
    for turn in range(20):
        answer = smoother.update(finding([(0, 0)]), turn / 12)
    assert answer.evidence is not None and answer.evidence.where == "top_left"
    answer = smoother.update(finding([(7, 7)]), 20 / 12)
    assert answer.evidence.where == "top_left", "one look among twenty"
    answer = smoother.update(finding([(7, 7)], broken=True), 21 / 12)
    assert answer.evidence is not None, "a map that is no numbers is left out"
    for turn in range(22, 200):
        answer = smoother.update(finding([(7, 7)]), turn / 12)
    assert answer.evidence is not None and answer.evidence.where == "bottom_right"


def test_another_painting_brings_its_own_evidence() -> None:
    smoother = Smoother(STYLES, RULE)
    for turn in range(20):
        smoother.update(finding([(0, 0)]), turn / 12)
    for turn in range(20, 30):
        found = finding([(7, 7)], named=3)
        scores = Scores(
            found.scores.probabilities,
            0.99,
            -np.ones(4, np.float32),
            found.scores.evidence,  # type: ignore[union-attr]
        )
        answer = smoother.update(Finding(None, scores, {}), turn / 12, is_new=turn == 20)
    assert answer.evidence is not None
    assert (answer.evidence.style, answer.evidence.where) == ("Pop Art", "bottom_right")


def test_a_bundle_that_promises_evidence_must_have_it(tmp_path) -> None:
    outputs = tuple(name for name in bundle.OUTPUTS if name != "evidence")
    folder = write_bundle(tmp_path / "bundle", outputs=outputs)
    with pytest.raises(ClassifierError, match="no output evidence"):
        Classifier(bundle.load(folder), "int8", 1)
    manifest = folder / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"evidence": true', '"evidence": false'))
    classifier = Classifier(bundle.load(folder), "int8", 1)
    classifier.warm_up()
    assert classifier.classify(painting(GREEN, SIZE, SIZE)).evidence is None
