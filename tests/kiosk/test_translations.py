"""The languages of the screen: nothing is missing, nothing is left in English, files agree with what they come from.

After a change of the English words `kiosk.words` says what to do.
"""

from __future__ import annotations

import io
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import check_and_call_extract_file
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from kiosk.words import LANGUAGES, direction, tag

ROOT = Path(__file__).parents[2]
TRANSLATIONS, STYLES = ROOT / "kiosk/translations", ROOT / "kiosk/styles"
OTHERS = ["fr", "de", "es", "it", "nl", "ja", "zh", "ar"]

# Characters of a text in parts of the English one: less says less, and more would not fit beside a picture. Japanese
# and Chinese write a word with one or two; Arabic writes decades out.
LEAST, MOST = 0.6, 1.7
LEAST_OF, MOST_OF = {"ja": 0.15, "zh": 0.15, "ar": 0.5}, {"ja": 0.8, "zh": 0.8, "ar": 2.3}
SHORT = 16  # characters by which any text may be longer or shorter: short ones vary more

ENGLISH = re.compile(r"\b(the|and|with|from|that|this|you|your)\b", re.IGNORECASE)  # no words of other languages
SENTENCE = re.compile(r"[.!?。\uff01\uff1f\u061f]$")

# What a language's printers do not do, by language; "" is every one.
BAD = {
    "": r"""['"]|\.\.\.|\s\s|^\s|\s$""",
    "fr": r"[^\u202f][?!;»]|«[^\u202f\u00a0]|[^\u00a0]:",
    "de": r"\s[?!;:]",
    "es": r"\s[?!;:]|^[^¿]*\?|^[^¡]*!",
    "it": r"\s[?!;:]",
    "nl": r"\s[?!;:]",
    "ja": r"[,;?!]|[.:](?!\d)|[\u3040-\u30ff\u4e00-\u9fff] [\u3040-\u30ff\u4e00-\u9fff]",
    "zh": r"[,;?!]|[.:](?!\d)|[\u4e00-\u9fff] [\u4e00-\u9fff]",
    "ar": r"[,;?]",
}


def catalog(path: Path, language: str | None = None) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def messages(found: Catalog) -> dict[str, Message]:
    return {str(message.id): message for message in found if message.id}


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def style_texts(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((STYLES / f"{language}.toml").read_text(encoding="utf-8"))


def pairs(language: str) -> Iterator[tuple[str, str, str]]:
    """Everything that the screen says: where it stands, the English text, the text in `language`."""
    for message in messages(catalog(po(language), language)).values():
        yield f"messages.po: {message.id}", str(message.id), str(message.string)
    ours = style_texts(language)
    for style, lines in style_texts("en").items():
        for line, english in lines.items():
            yield f"{language}.toml: [{style}] {line}", english, ours[style][line]


def po(language: str) -> Path:
    return TRANSLATIONS / language / "LC_MESSAGES/messages.po"


def test_all_languages_are_there() -> None:
    assert [*LANGUAGES] == ["en", *OTHERS]
    assert {path.parents[1].name for path in TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")} == {*OTHERS}
    assert {path.stem for path in STYLES.glob("*.toml")} == {*LANGUAGES}


def test_the_template_holds_the_words_of_the_source() -> None:
    methods, options = parse_mapping_cfg(io.StringIO((ROOT / "kiosk/babel.cfg").read_text(encoding="utf-8")))  # type: ignore[no-untyped-call]
    found = {
        message: comments
        for path in sorted((ROOT / "kiosk").rglob("*.py"))
        for _, _, message, comments, _ in check_and_call_extract_file(
            path, methods, options, None, {"_": None}, ["Translators:"], True, dirpath=ROOT
        )
    }
    template = messages(catalog(TRANSLATIONS / "messages.pot"))
    assert {*template} == {*found}, "extract the words again: kiosk/words.py says how"
    for text, message in template.items():
        assert " ".join(message.auto_comments) == " ".join(found[text]), text


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated(language: str) -> None:
    template = messages(catalog(TRANSLATIONS / "messages.pot"))
    translated = catalog(po(language), language)
    ours = messages(translated)
    assert {*ours} == {*template}
    assert not translated.obsolete
    assert [text for text, message in ours.items() if not str(message.string).strip() or message.fuzzy] == []
    for text, message in ours.items():
        assert placeholders(str(message.string)) == placeholders(text), text


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_words_are_those_of_the_source(language: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalog(po(language), language))
    assert po(language).with_suffix(".mo").read_bytes() == compiled.getvalue(), "run pybabel compile"


def test_the_kiosk_says_them(client: FlaskClient) -> None:
    english = client.get("/api/words/en").get_json()["words"]
    for language in OTHERS:
        said = client.get(f"/api/words/{language}").get_json()
        ours = messages(catalog(po(language), language))
        assert said["words"] == {key: ours[text].string for key, text in english.items()}
        assert {style["identifier"]: style["name"] for style in said["styles"]} == {
            style: lines["name"] for style, lines in style_texts(language).items()
        }


@pytest.mark.parametrize("language", OTHERS)
def test_every_style_has_all_its_texts(language: str) -> None:
    english, ours = style_texts("en"), style_texts(language)
    assert {style: [*lines] for style, lines in ours.items()} == {style: [*lines] for style, lines in english.items()}


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english(language: str) -> None:
    left = [
        where
        for where, english, text in pairs(language)
        # One word may be the same in two languages, and a movement may keep its English name.
        if ENGLISH.search(text) or (text == english and " " in english and english != "Pop Art")
    ]
    assert left == []


@pytest.mark.parametrize("language", OTHERS)
def test_texts_are_about_as_long_as_the_english_ones(language: str) -> None:
    least, most = LEAST_OF.get(language, LEAST), MOST_OF.get(language, MOST)
    odd = [
        f"{where}: {len(text)} characters for {len(english)}"
        for where, english, text in pairs(language)
        if not (
            min(least * len(english), len(english) - SHORT)
            <= len(text)
            <= max(most * len(english), len(english) + SHORT)
        )
    ]
    assert odd == []


@pytest.mark.parametrize("language", OTHERS)
def test_sentences_end_as_the_english_ones_do(language: str) -> None:
    # The page sets sentences one after the other: "Look first at the upper left." and what to look for there.
    odd = [
        where
        for where, english, text in pairs(language)
        if bool(SENTENCE.search(english)) != bool(SENTENCE.search(text))
    ]
    assert odd == []


@pytest.mark.parametrize("language", OTHERS)
def test_texts_are_set_as_the_language_sets_them(language: str) -> None:
    # Numbers stand in for what the page fills in.
    texts = [(where, re.sub(r"\{\w+\}", "1", text)) for where, _, text in pairs(language)]
    assert [where for where, text in texts if re.search(BAD[""], text) or re.search(BAD[language], text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_direction_and_the_name_are_those_that_babel_knows(language: str) -> None:
    locale = Locale.parse(tag(language), sep="-")
    assert direction(language) == locale.text_direction
    assert LANGUAGES[language].casefold() == str(Locale.parse(language).get_display_name()).casefold()


def test_arabic_is_written_from_right_to_left() -> None:
    assert [language for language in LANGUAGES if direction(language) == "rtl"] == ["ar"]
