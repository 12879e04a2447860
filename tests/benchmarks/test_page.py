"""The page of a report: what it says, that it needs no other file, and how it lies on a screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from benchmarks.page import render
from tests.benchmarks.reports import FP32, INT8, ORT, PEER, accuracy, figures, files, report, rows
from tests.visitor import CHROMIUM, FLAGS, NEEDS_CHROMIUM

_VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """The elements of a page, in order, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self._text: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.row_classes: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """With single spaces."""
        return " ".join("".join(self._text).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.elements.append((tag, found))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
            self.row_classes.append(found.get("class", ""))
        elif tag in ("td", "th") and self.tables:
            self.tables[-1][-1].append("")
        elif tag in ("p", "li", "dt", "dd", "h1", "h2", "h3", "small", "text"):
            self._text.append(" ")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self._text.append(data)
            if {"td", "th"} & set(self.open):
                self.tables[-1][-1][-1] += data

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [attributes for found, attributes in self.elements if found == tag]


@cache
def usual() -> str:
    return render(report())


def read(**changes: Any) -> Reader:
    return Reader(render(report(**changes)) if changes else usual())


def main_table(page: Reader) -> list[list[str]]:
    return [[" ".join(cell.split()) for cell in row] for row in page.tables[0]]


def test_it_begins_with_the_recommendation() -> None:
    page = read()
    assert report().recommendation is not None
    assert page.text.index("Deploy model.int8.onnx with 2 threads") < page.text.index("Every file in every runtime")
    assert not page.open  # every element is closed


def test_it_needs_no_network_and_no_script() -> None:
    html = usual()
    page = Reader(html)
    assert not page.of("script") and not page.of("link") and not page.of("img")
    assert not re.search(r"@import|url\((?!#)", html)
    addresses = set(re.findall(r"https?://[^\"'\s<]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, not addresses
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")


def test_it_has_the_plots_and_their_text_is_text() -> None:
    page = read()
    assert len(page.of("svg")) == 3
    assert all(svg["aria-label"] and svg["role"] == "img" for svg in page.of("svg"))
    assert "int8.onnx, onnxruntime CPU, 2 threads" in page.text
    assert "waiting and the rest" in page.text


def test_rows_are_sorted_by_the_90th_percentile() -> None:
    _, heads, *lines = main_table(read())
    place = heads.index("p90")
    assert [float(line[place]) for line in lines] == sorted(float(line[place]) for line in lines)
    assert len(lines) == len(rows())


def test_rows_say_what_they_are() -> None:
    page = read()
    lines = {tuple(line[:3]): line for line in main_table(page)[2:]}
    assert any(f"{INT8} recommended" in key[0] and key[2] == "2" for key in lines)
    assert any(f"{FP32} reference" in key[0] for key in lines)
    assert any(key[0].startswith(f"{PEER} peer") and "OpenVINO's own tool" in key[0] for key in lines)
    assert page.row_classes.count("recommended") == 1


def test_a_row_has_every_figure() -> None:
    page = read(rows=tuple(row.model_copy(update={"millijoules": 12.34}) for row in rows()))
    _, heads, *lines = main_table(page)
    line = dict(zip(heads, next(line for line in lines if "recommended" in line[0]), strict=True))
    assert line == {
        "file": f"{INT8} recommended",
        "runtime": ORT,
        "threads": "2",
        "MB": "3.80",
        "p50": "2.20",
        "p90": "2.42",
        "p90 at most": "2.46",
        "p99": "3.08",
        "times reference": line["times reference"],
        "times limit": "2.2",
        "8 at once, p90 ms": "18.7",
        "offline, a second": "500",
        "load": "50",
        "first": "6.60",
        "start": "40",
        "peak": "90",
        "end": "80",
        "mJ": "12.3",
        "top-1, %": "94.8 91.1 to 97.0",
        "points to float": "-0.9 -2.3 to +0.6",
        "agreement, %": "99.1",
        "logits differ by": "0.25",
    }
    assert re.fullmatch(r"0\.50 0\.\d\d to 0\.\d\d", line["times reference"])


def test_what_was_not_measured_has_no_column_and_no_plot() -> None:
    page = read(
        accuracy={},
        pictures={},
        pipeline=None,
        serving=None,
        rows=tuple(row.model_copy(update={"multi_stream": None, "offline": None}) for row in rows()),
    )
    heads = main_table(page)[1]
    assert not {"top-1, %", "mJ", "offline, a second"} & set(heads)
    assert len(page.of("svg")) == 1
    assert "Left out: no accuracy was measured." in page.text
    assert "Its API was not measured." in page.text


@pytest.mark.parametrize(
    ("sentence", "changes", "says"),
    [
        ("a noisy machine is told", {"unquiet": ("other processes kept 0.50 of a core busy",)}, "was not quiet"),
        ("and why", {"unquiet": ("other processes kept 0.50 of a core busy",)}, "kept 0.50 of a core busy"),
        ("a quiet one too", {}, "The machine was quiet"),
        ("a wrong claim is loud", {"contradictions": ("measured 1/2",)}, "A claim of the bundle is wrong"),
        ("no recommendation is no silence", {"recommendation": None}, "No file is recommended"),
        ("what was refused has its reason", {}, "not installed (pip install ai-edge-litert)"),
        ("notes are there", {}, "no accuracy on photographs: none were named"),
        ("whose figures these are not", {}, "MLPerf-style: this is not an MLPerf result"),
        ("the version that measured", {}, "LoadGen 6.0.17"),
        ("what ratios are against", {}, f"over that of {FP32} in {ORT} with as many threads"),
        ("how long it took", {"seconds": 287.2}, "in 4 min 47 s, length “test”"),
        ("users of the API", {}, "2 with 503"),
        ("sets have their counts", {}, "Published test pictures (230 pictures)"),
        ("styles stand by name", {}, "Abstract Expressionism"),
        ("hold-outs were not measured now", {"recorded_hold_outs": {"int8": figures(200)}}, "not measured now"),
    ],
)  # fmt: skip
def test_it_says(sentence: str, changes: dict[str, Any], says: str) -> None:
    assert says in read(**changes).text, sentence


def test_everything_is_escaped() -> None:
    evil = "<script>alert('$x$ & \"y\"')</script>"
    changed = tuple(file.model_copy(update={"note": evil, "peer": evil}) for file in files())
    page = read(
        files=changed,
        notes=(evil,),
        unquiet=(evil,),
        contradictions=(evil,),
        refused={evil: evil},
        energy=evil,
        recommendation=report().recommendation.model_copy(update={"sentence": evil}),  # type: ignore[union-attr]
    )
    assert not page.of("script")
    assert page.text.count(evil) >= 8


def test_names_are_escaped_in_plots_and_tables() -> None:
    evil = "<b>&$a$.onnx"
    renamed = [file.model_copy(update={"name": evil}) if file.name == INT8 else file for file in files()]
    timed = [row.model_copy(update={"file": evil}) if row.file == INT8 else row for row in rows()]
    scored = {key.replace(INT8, evil): found for key, found in accuracy().items()}
    page = read(files=tuple(renamed), rows=tuple(timed), accuracy=scored)
    assert f"{evil}, onnxruntime CPU" in page.text
    assert all(attributes for attributes in page.of("b"))  # ours have a class


def test_accuracy_that_is_no_figure_is_not_shown() -> None:
    changed = tuple(
        file.model_copy(update={"accuracy_counts": False}) if file.name == PEER else file for file in files()
    )
    _, heads, *lines = main_table(read(files=changed))
    place = heads.index("top-1, %")
    assert {line[place] for line in lines if line[0].startswith(PEER)} == {"–"}  # noqa: RUF001


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


_LABELS = """() => [...document.querySelectorAll('svg[aria-label^="Latency against"] text')]
    .filter(text => text.textContent.includes(', '))
    .map(text => { const box = text.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom] })"""


@NEEDS_CHROMIUM
@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_screens(browser: Browser, tmp_path: Path, width: int) -> None:
    path = tmp_path / "page.html"
    path.write_text(usual(), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert asked == [path.as_uri()]
    # Wide tables scroll in their own container.
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = page.evaluate(_LABELS)
    assert len(boxes) >= 5
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = right <= other[0] + 1 or other[2] <= left + 1 or bottom <= other[1] + 2 or other[3] <= top + 2
            assert apart, "labels overlap"
    page.close()
