"""The texts on styles: our own in ``styles/<language>.toml``, and a museum's that replace them line by line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from kiosk.words import LANGUAGES

_OURS = Path(__file__).parent / "styles"

# Characters of one text: three times ours. More would not fit beside a picture, at whatever size.
_MOST = 800


class TextsError(ValueError):
    """A file of texts cannot be used; the message is one line with file and place."""


@dataclass(frozen=True)
class StyleText:
    """What the screen says about one style."""

    name: str
    years: str = ""
    """Where and when, in a few words."""
    about: str = ""
    """Two sentences on the style."""
    look_for: str = ""
    """What to look for in a picture, in sentences of their own."""


class Texts:
    """The texts of all languages, read and checked once."""

    def __init__(self, by_language: Mapping[str, Mapping[str, StyleText]]) -> None:
        self._by_language = by_language

    @classmethod
    def load(cls, folder: Path | None = None, styles: Iterable[str] = ()) -> Self:
        """Read our texts and those in `folder`, whose files are named like ours (``fr.toml``) and replace what they
        name. `styles` are identifiers that may be named there beside those of our texts. Raises `TextsError`."""
        by_language = {}
        ours = {code: _read(_OURS / f"{code}.toml") for code in LANGUAGES if (_OURS / f"{code}.toml").is_file()}
        for code in LANGUAGES:
            # Where a language lacks a style, its English text is better than none.
            texts = {style: StyleText(**lines) for style, lines in {**ours["en"], **ours.get(code, {})}.items()}
            by_language[code] = texts
        if folder is not None:
            for code, tables in _museums(folder, {*ours["en"], *styles}).items():
                texts = by_language[code]
                for style, lines in tables.items():
                    texts[style] = replace(texts.get(style, StyleText(lines.get("name", style))), **lines)
        return cls(by_language)

    def of(self, language: str, styles: Mapping[str, str]) -> dict[str, StyleText]:
        """The texts in `language` for `styles`, display names by identifier; one without a text has its name."""
        texts = self._by_language[language]
        return {identifier: texts.get(identifier, StyleText(name)) for identifier, name in styles.items()}


def as_json(texts: Mapping[str, StyleText]) -> dict[str, dict[str, str]]:
    """Texts by identifier, as the page takes them."""
    return {identifier: asdict(text) for identifier, text in texts.items()}


def _museums(folder: Path, styles: set[str]) -> dict[str, dict[str, dict[str, str]]]:
    if not folder.is_dir():
        raise TextsError(f"{folder} is not a folder; texts must name one with files such as en.toml")
    found = {}
    for path in sorted(folder.glob("*.toml")):
        if path.stem not in LANGUAGES:
            raise TextsError(f"{path}: {path.stem!r} is not a language of this kiosk; there are {', '.join(LANGUAGES)}")
        found[path.stem] = _read(path, styles)
    if not found:
        raise TextsError(f"{folder} holds no texts; a file is named after its language, such as en.toml")
    return found


def _read(path: Path, styles: set[str] | None = None) -> dict[str, dict[str, str]]:
    """The tables of a file, checked: all lines are known and texts; of `styles` alone, if given."""
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TextsError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TextsError(f"{path} is not TOML: {error}") from error
    lines = [field.name for field in fields(StyleText)]
    for style, table in tables.items():
        if not isinstance(table, dict):
            raise TextsError(f"{path}: {style} must be a table, [{style}]")
        if styles is not None and style not in styles:
            raise TextsError(f"{path}: [{style}] is not a style; there are {', '.join(sorted(styles))}")
        for line, text in table.items():
            if line not in lines:
                raise TextsError(f"{path}: [{style}] has {line}; it may have {', '.join(lines)}")
            if not isinstance(text, str) or not text.strip() or len(text) > _MOST:
                raise TextsError(f"{path}: [{style}] {line} must be a text of 1 to {_MOST} characters")
    return tables
