"""The texts on styles: ours, and a museum's that replace them."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

import bundle
from kiosk import settings
from kiosk.settings import Settings
from kiosk.station import Station
from kiosk.texts import Texts, TextsError
from kiosk.web import create_app
from kiosk.words import LANGUAGES, WORDS, direction, tag
from tests.scripted import showing
from tests.stand_in import RED, STYLES, painting

NAMES = {bundle.style_identifier(name): name for name in STYLES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_style_has_all_its_texts(language: str) -> None:
    texts = Texts.load().of(language, NAMES)
    assert list(texts) == list(NAMES)
    for text in texts.values():
        assert text.name and text.years and text.about and text.look_for


def test_english_names_are_those_of_the_api() -> None:
    assert {style: text.name for style, text in Texts.load().of("en", NAMES).items()} == NAMES


@pytest.mark.parametrize("style", NAMES)
def test_english_says_two_sentences_about_a_style(style: str) -> None:
    about = Texts.load().of("en", NAMES)[style].about
    assert sum(about.count(mark) for mark in (". ", "? ", "! ")) + 1 == 2
    assert about.endswith(".")


def test_a_style_that_nobody_has_written_about_has_its_name() -> None:
    texts = Texts.load().of("fr", {"op_art": "Op Art"})
    assert (texts["op_art"].name, texts["op_art"].about) == ("Op Art", "")


def write(folder: Path, name: str, content: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_a_museum_replaces_line_by_line(tmp_path: Path) -> None:
    folder = write(tmp_path / "texts", "en.toml", '[cubism]\nabout = "Ours hangs in room 4. Do go and see it."\n')
    texts = Texts.load(folder)
    assert texts.of("en", NAMES)["cubism"].about == "Ours hangs in room 4. Do go and see it."
    assert texts.of("en", NAMES)["cubism"].years == Texts.load().of("en", NAMES)["cubism"].years
    assert texts.of("en", NAMES)["pop_art"] == Texts.load().of("en", NAMES)["pop_art"]
    assert texts.of("fr", NAMES) == Texts.load().of("fr", NAMES)


def test_a_museum_writes_about_a_style_of_its_own_model(tmp_path: Path) -> None:
    folder = write(tmp_path / "texts", "en.toml", '[op_art]\nname = "Op Art"\nabout = "It moves. You do not."\n')
    assert Texts.load(folder, ["op_art"]).of("en", {"op_art": "Op Art"})["op_art"].about == "It moves. You do not."


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("en.toml", "[cubism", "en.toml is not TOML", id="half a file"),
        pytest.param("en.toml", '[cubizm]\nname = "x"', r"\[cubizm\] is not a style; there are .*cubism", id="a slip"),
        pytest.param("en.toml", '[cubism]\nyear = "1907"', r"\[cubism\] has year; it may have .*years", id="no line"),
        pytest.param("en.toml", "[cubism]\nyears = 1907", "years must be a text", id="a number"),
        pytest.param("en.toml", '[cubism]\nabout = " "', "about must be a text", id="nothing"),
        pytest.param("en.toml", f'[cubism]\nabout = "{"x" * 900}"', "of 1 to 800 characters", id="a book"),
        pytest.param("en.toml", 'cubism = "cubes"', r"cubism must be a table", id="no table"),
        pytest.param("pl.toml", '[cubism]\nname = "Kubizm"', "'pl' is not a language", id="another language"),
        pytest.param("notes.txt", "", "holds no texts", id="no texts"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(TextsError, match=message) as error:
        Texts.load(write(tmp_path / "texts", name, content))
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TextsError, match="is not a folder"):
        Texts.load(tmp_path / "none")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TextsError, match="is not TOML"):
        Texts.load(tmp_path)


def test_words_and_settings_know_the_same_languages() -> None:
    assert tuple(LANGUAGES) == settings.LANGUAGES
    assert [direction(code) for code in ("en", "ar")] == ["ltr", "rtl"]
    assert tag("zh") == "zh-Hans"


# --- over HTTP


@pytest.fixture
def generous(bundle_folder: Path) -> FlaskClient:
    told = Settings(threads=1, take_away=True, public_url="https://kiosk.example", language="de")
    return create_app(Station(bundle.load(bundle_folder), told, showing(painting(RED)))).test_client()


def test_settings_for_the_page(client: FlaskClient) -> None:
    body = client.get("/api/settings").get_json()
    assert [entry["code"] for entry in body["languages"]] == list(LANGUAGES)
    assert body["languages"][-1] == {"code": "ar", "name": "العربية", "tag": "ar", "direction": "rtl"}
    assert (body["language"], body["speech"], body["take_away"]) == ("en", False, False)
    assert all(body[name] > 0 for name in ("idle_s", "reset_s", "attract_s"))
    assert body["own_pictures"] is True
    assert set(body) == {
        *("version", "language", "languages", "idle_s", "reset_s", "attract_s"),
        *("speech", "take_away", "own_pictures"),
    }


@pytest.mark.parametrize(
    ("query", "language"),
    [
        pytest.param("", "de", id="as the settings say"),
        pytest.param("?lang=fr", "fr", id="as the visitor says"),
        pytest.param("?lang=xx", "de", id="none that is spoken"),
        pytest.param("?lang=../en", "de", id="no code at all"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/styles/cubism"])
def test_the_language_of_a_page(generous: FlaskClient, path: str, query: str, language: str) -> None:
    page = generous.get(path + query)
    assert page.status_code == 200
    assert f'lang="{language}"' in page.text.split("<head>")[0]
    assert Texts.load().of(language, NAMES)["cubism"].years in page.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_words_in_a_language(client: FlaskClient, language: str) -> None:
    body = client.get(f"/api/words/{language}").get_json()
    assert set(body["words"]) == set(WORDS)
    assert all(body["words"].values())
    assert [style["key"] for style in body["styles"]] == list(STYLES)
    assert client.get("/api/words/xx").status_code == 404


@pytest.mark.parametrize("path", ["/styles/cubism", "/styles/cubism/qr.svg"])
def test_nothing_to_take_along_by_default(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/styles/none", "/styles/none/qr.svg", "/styles/%2e%2e"])
def test_no_page_about_what_is_no_style(generous: FlaskClient, path: str) -> None:
    assert generous.get(path).status_code == 404


def test_the_square_holds_the_address_of_the_page(generous: FlaskClient) -> None:
    cv2 = pytest.importorskip("cv2")
    import numpy as np
    import segno

    response = generous.get("/styles/cubism/qr.svg?lang=fr")
    assert response.mimetype == "image/svg+xml"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    # The drawing is segno's; that what it was given is readable is tried with another reader.
    address = "https://kiosk.example/styles/cubism?lang=fr"
    code = segno.make(address, error="m", micro=False)
    modules = np.array([list(row) for row in code.matrix_iter(scale=8, border=4)], np.uint8)
    read, _, _ = cv2.QRCodeDetector().detectAndDecode(np.where(modules, 0, 255).astype(np.uint8))
    assert read == address
    size = code.symbol_size(border=4)[0]
    assert f'width="{size}" height="{size}"' in response.text
