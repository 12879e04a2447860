from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import bundle
from benchmarks import latency, limit
from benchmarks.__main__ import main
from benchmarks.latency import Length
from tests.stand_in import BLUE, GREEN, GREY, RED, encoded, painting, write_bundle

# Of this colour the stand-in is surer than of any other (flat, for dabs would be clipped).
SCARLET = (250, 5, 5)

Colour = tuple[int, int, int]


@dataclass
class Museum:
    """Folders of paintings and photographs that are drawn by a test, and their content hashes."""

    data: Path
    photos: Path
    hashes: dict[str, str] = field(default_factory=dict)
    """By name of the picture."""
    _genres: dict[str, str] = field(default_factory=dict)

    def hang(self, artist: str, genre: str, **pictures: Colour) -> None:
        """Paint `pictures` by `artist`."""
        self._genres[artist] = genre
        folder = self.data / "images" / "images" / artist.replace(" ", "_")
        folder.mkdir(parents=True)
        for name, colour in pictures.items():
            self._paint(folder / f"{name}.png", colour)
        with (self.data / "artists.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("name", "genre"), *self._genres.items()])

    def photograph(self, **pictures: Colour) -> None:
        """Take `pictures` that show no painting."""
        self.photos.mkdir(parents=True, exist_ok=True)
        for name, colour in pictures.items():
            self._paint(self.photos / f"{name}.png", colour)

    def _paint(self, path: Path, colour: Colour) -> None:
        content = encoded(painting(colour, 64, 64, seed=len(self.hashes)), "PNG")
        path.write_bytes(content)
        self.hashes[path.stem] = hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="session")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Museum:
    """One artist trained on, some not, each picture with an answer that its colour foretells."""
    root = tmp_path_factory.mktemp("museum")
    museum = Museum(root / "paintings", root / "photos")
    museum.hang("Tina Trained", "Impressionism", test_right=RED, test_wrong=GREEN, trained=RED)
    museum.hang("Other Tina Trained", "Other", same_artist_elsewhere=GREY)
    museum.hang("Ulf Unseen", "Expressionism", unseen_1=BLUE, unseen_2=BLUE, unseen_3=BLUE, unseen_wrong=RED)
    museum.hang("Una Unseen", "Cubism", unseen_4=GREEN, unseen_5=GREEN)
    museum.hang("Bo Both", "Impressionism,Cubism", neither=RED)
    museum.hang("Tom Negative", "Baroque", trained_negative=GREY)
    museum.hang("Otto Other", "Baroque,Rococo", other_1=GREY, other_2=GREY, other_bold=SCARLET)
    museum.photograph(**{f"wall_{i}": GREY for i in range(5)}, **{f"bus_{i}": RED for i in range(4)})
    artist = museum.data / "images" / "images" / "Ulf_Unseen"
    (artist / "broken.jpg").write_bytes(b"no picture")
    (artist / "zz_copy.png").write_bytes((artist / "unseen_1.png").read_bytes())
    return museum


@pytest.fixture
def make_bundle(tmp_path: Path, museum: Museum) -> Callable[..., Path]:
    """A stand-in bundle that says it was trained on the museum's Tina and Tom; further keywords replace
    fields of its manifest."""

    def make(*precisions: str, claim: tuple[int, int] | None = None, **fields: Any) -> Path:
        folder = write_bundle(tmp_path / "stand-in", precisions=precisions or ("int8",))  # type: ignore[arg-type]
        path = folder / "bundle.json"
        manifest = json.loads(path.read_text())
        manifest["dataset"] |= {
            "artists": ["Tina Trained", "Tom Negative"],
            "test_sha256": [museum.hashes["test_right"], museum.hashes["test_wrong"]],
            "photographs_seen_share": 0.5,
        }
        if claim is not None:
            manifest["files"][0]["metrics"]["published_test"] = styles_claim(*claim)
        path.write_text(json.dumps(manifest | fields))
        return folder

    return make


def styles_claim(correct: int, total: int) -> dict[str, Any]:
    """What a manifest says of a set of pictures."""
    count = bundle.Count(correct=correct, total=total)
    return bundle.StyleMetrics(
        pictures="claimed", accuracy=count, recall={"Cubism": count}, mean_recall=count.rate, ece=0.1
    ).model_dump()


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str
    report: dict[str, Any]
    """Empty where none was written."""


@pytest.fixture
def bench(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """Run `run` of the command line on the files alone, in onnxruntime, with the fewest queries. What the machine can
    multiply has tests of its own."""
    shortest = Length(
        name="quick", turns=2, single_stream_turn_s=0.01, multi_stream_turn_s=0.0, offline_tests=0, offline_test_s=0.0
    )
    monkeypatch.setitem(latency.LENGTHS, "quick", shortest)
    monkeypatch.setattr(limit, "measure_peak", lambda precision, threads: None)

    def run(*arguments: object) -> Outcome:
        target = tmp_path / "report.json"
        flags = ("--length", "quick", "--threads", "1", "--no-peers", "--no-kiosk", "--json", str(target))
        runtimes = () if "--runtimes" in arguments else ("--runtimes", "onnxruntime")
        try:
            code = main(["run", *map(str, arguments), *flags, *runtimes])
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        report = json.loads(target.read_text()) if target.is_file() else {}
        return Outcome(code, printed.out, printed.err, report)

    return run
