"""The chapters as ``docs/reproduction.md`` and as one web page that needs nothing beside it."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image, UnidentifiedImageError

from train.report.chapters import Block, Chapter, Heading, Items, Mistakes, Plots, Table, Text, chapters
from train.report.reading import ReportError
from train.report.results import SCHEMA_VERSION

TITLE = "The reproduction, measured"
PLOTS = "results"
"""Folder of the plots and of the figures, beside the document."""

_THUMBNAIL_PIXELS = 220
_TEXT_WIDTH = 116


def document(results: Mapping[str, Any]) -> str:
    """``reproduction.md``, from the results alone: the same results give the same text."""
    parts = [
        f"# {TITLE}",
        "<!-- Made by `python -m train report` from results/reproduction.json: do not edit by hand. -->",
        "\n".join(f"- [{chapter.title}](#{_slug(chapter.title)})" for chapter in chapters(results)),
    ]
    for chapter in chapters(results):
        parts.append(f"## {chapter.title}")
        parts += [_markdown(block) for block in chapter.blocks]
    return "\n\n".join(parts) + "\n"


def page(results: Mapping[str, Any], plots: Path, thumbnails: Mapping[str, bytes]) -> str:
    """The web page with the plots of the folder `plots` inside it, and `thumbnails` (JPEG by content
    hash) beside the mistakes."""
    environment = Environment(
        loader=PackageLoader("train.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    environment.tests["prose"] = lambda cell: len(cell) > 60
    inlined = {
        figure.file: _data_url((plots / figure.file).read_bytes(), "image/png")
        for chapter in chapters(results)
        for block in chapter.blocks
        if isinstance(block, Plots)
        for figure in block.figures
    }
    pictures = {sha256: _data_url(jpeg, "image/jpeg") for sha256, jpeg in thumbnails.items()}
    shown: list[Chapter] = chapters(results)
    template = environment.get_template("page.html.j2")
    return template.render(title=TITLE, chapters=shown, kind=lambda b: type(b).__name__, plots=inlined, thumbs=pictures)


def thumbnails(results: Mapping[str, Any], runs: Path) -> dict[str, bytes]:
    """Small JPEGs of the mistaken pictures by content hash, of those that still lie where a run read them."""
    wanted = {mistake["sha256"] for run in results["runs"] for mistake in run.get("mistakes", ())}
    found: dict[str, bytes] = {}
    for run in results["runs"]:
        missing = {mistake["sha256"] for mistake in run.get("mistakes", ())} & (wanted - found.keys())
        if not missing:
            continue
        try:
            with (runs / run["run"] / "split.csv").open(newline="", encoding="utf-8") as file:
                paths = {row["sha256"]: Path(row["path"]) for row in csv.DictReader(file) if row["sha256"] in missing}
        except (OSError, KeyError, csv.Error):
            continue
        for sha256, path in paths.items():
            # A path is relative to the folder where training was called, most often the parent of `runs`.
            for candidate in (path, runs.resolve().parent / path):
                if sha256 not in found and (jpeg := _thumbnail(candidate)):
                    found[sha256] = jpeg
    return found


def load_results(path: Path, way_out: str) -> dict[str, Any]:
    """An earlier ``reproduction.json``; raises `ReportError`, which ends with the `way_out`."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        version = results["schema_version"]
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; {way_out}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path}: no results of a report; {way_out}") from error
    if version != SCHEMA_VERSION:
        raise ReportError(f"{path}: of version {version}, and this program reads {SCHEMA_VERSION}; {way_out}")
    if missing := {"published", "styles", "recipes", "runs", "comparisons", "left_out"} - results.keys():
        raise ReportError(f"{path}: lacks {', '.join(sorted(missing))}; {way_out}")
    return results


def dump(results: Mapping[str, Any]) -> str:
    """The results as JSON, with a list of numbers on one line, so that a matrix can be read."""
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    return re.sub(r"\[\s+([-\d.,\se]+?)\s+\]", lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def write(path: Path, text: str) -> None:
    """Write whole or not at all; raises `ReportError`."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise ReportError(f"{path}: cannot be written ({error.strerror})") from error


def _markdown(block: Block) -> str:
    match block:
        case Text(text):
            return _wrap(_safe(text))
        case Heading(text):
            return f"### {_safe(text)}"
        case Items(items):
            return "\n".join(_wrap(_safe(item), "- ") for item in items)
        case Table(header, rows):
            return _markdown_table(header, rows)
        case Plots(plots):
            return "\n\n".join(f"![{plot.caption}]({PLOTS}/{plot.file})\n\n*{plot.caption}.*" for plot in plots)
        case Mistakes(title, mistakes):
            rows = tuple((f"`{m['file']}`", m["truth"], m["answer"], f"{m['confidence']:.1%}") for m in mistakes)
            return f"### {_safe(title)}\n\n" + _markdown_table(("file", "truth", "answer", "confidence"), rows)
    raise TypeError(f"no such block: {block}")


def _markdown_table(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        "| " + " | ".join(_safe(cell).replace("|", "\\|").replace("\n", "<br>") for cell in line) + " |"
        for line in lines
    )


def _safe(text: str) -> str:
    """Text that cannot turn into tags or entities: devices, notes and reasons come from outside."""
    return re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", re.sub(r"&(?=#?\w+;)", "&amp;", text))


def _wrap(text: str, bullet: str = "") -> str:
    lines, line = [], bullet
    indent = " " * len(bullet)
    for word in text.split():
        if len(line) + len(word) > _TEXT_WIDTH and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return "\n".join([*lines, line.rstrip()])


def _slug(title: str) -> str:
    """The address that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _inline(text: str) -> Markup:
    """Backticks, emphasis and line breaks as HTML; all else escaped."""
    safe = str(escape(text))
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    safe = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe)
    return Markup(safe.replace("\n", "<br>"))  # all of it was escaped above


def _data_url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _thumbnail(path: Path) -> bytes | None:
    try:
        with Image.open(path) as image:
            image.draft("RGB", (_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
            small = image.convert("RGB")
            small.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=72)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return buffer.getvalue()
