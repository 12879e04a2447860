"""The page: chapters of sentences, images, tables and lists in one HTML file that needs no other."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image as PillowImage

PAGE = "index.html"
# The page begins with it: only a folder with such a page is ever replaced.
_MARK = "<!-- written by python -m train explore -->"
# Of the JPEG copies of contact sheets in the page: PNG would make it ten times as large.
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Image:
    """A PNG file of the output folder."""

    path: Path
    title: str
    kind: Literal["chart", "sheet", "drawing"]
    """A chart has a second file for dark pages, a sheet shows paintings, a drawing may be long."""

    @property
    def light(self) -> str:
        """As a data URI."""
        return _jpeg(self.path) if self.kind == "sheet" else _png(self.path)

    @property
    def dark(self) -> str | None:
        """As a data URI, where there is one."""
        return _png(self.path.with_stem(f"{self.path.stem}-dark")) if self.kind == "chart" else None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, so that the page does not jump while it loads."""
        with PillowImage.open(self.path) as image:
            return image.size


@dataclass(frozen=True)
class Table:
    """Rows of text or numbers, folded away; numbers are set to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    drawing: Image | None = None
    """What the rows say, as a picture above them."""


@dataclass(frozen=True)
class Listing:
    """Lines of text that are folded away where they are many."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Chapter:
    """One part of the page."""

    title: str
    sentences: Sequence[str]
    images: Sequence[Image] = ()
    tables: Sequence[Table] = ()
    listings: Sequence[Listing] = ()

    @property
    def anchor(self) -> str:
        """Its name in links."""
        return "".join(character if character.isalnum() else "-" for character in self.title.lower())


def write_page(folder: Path, summary: str, chapters: Sequence[Chapter]) -> None:
    """Write ``index.html`` into `folder`, with all images inside it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names of files and artists come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template("page.html").render(summary=summary, chapters=chapters)
    (folder / PAGE).write_text(f"<!doctype html>\n{_MARK}\n{html}\n", encoding="utf-8")


def is_exploration(folder: Path) -> bool:
    """Whether a folder holds an earlier exploration."""
    page = folder / PAGE
    return page.is_file() and _MARK in page.read_text("utf-8", errors="replace")[:200]


def _png(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _jpeg(path: Path) -> str:
    content = io.BytesIO()
    with PillowImage.open(path) as image:
        image.convert("RGB").save(content, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
