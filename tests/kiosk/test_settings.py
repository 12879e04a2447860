"""Settings: where they are read from, what is refused and how, what is shown and what is kept."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kiosk.settings import (
    LANGUAGES,
    TRAITS,
    Settings,
    SettingsError,
    default_of,
    flag,
    in_words,
    keep,
    read,
    variable,
)

ROOT = Path(__file__).parents[2]
TOKEN = "correct-horse-battery"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings file lies about, and no variable is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kiosk.settings.PLACES", (Path("vernissage.toml"), tmp_path / "etc" / "kiosk.toml"))
    for name in TRAITS:
        monkeypatch.delenv(variable(name), raising=False)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("file", "environment", "flags", "port", "origin"),
    [
        pytest.param("", {}, {}, 8080, None, id="the default"),
        pytest.param("port = 1", {}, {}, 1, "museum.toml", id="the file"),
        pytest.param("port = 1", {"VERNISSAGE_PORT": "2"}, {}, 2, "VERNISSAGE_PORT", id="the environment wins"),
        pytest.param("port = 1", {"VERNISSAGE_PORT": "2"}, {"port": "3"}, 3, "--port", id="the flag wins"),
        pytest.param("port = 1", {"VERNISSAGE_PORT": ""}, {}, 1, "museum.toml", id="an empty variable says nothing"),
    ],
)
def test_the_later_layer_wins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    environment: dict[str, str],
    flags: dict[str, str],
    port: int,
    origin: str | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = read(flags, written(tmp_path / "museum.toml", file))
    assert settings.port == port
    assert (settings.origin("port") or "").endswith(origin or "")
    assert (settings.origin("port") is None) == (origin is None)


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read({}).file is None
    written(tmp_path / "etc" / "kiosk.toml", "port = 1")
    assert read({}).port == 1
    written(tmp_path / "vernissage.toml", "port = 2")
    assert read({}).port == 2
    monkeypatch.setenv("VERNISSAGE_CONFIG", str(written(tmp_path / "named.toml", "port = 3")))
    assert read({}).port == 3
    settings = read({}, written(tmp_path / "flagged.toml", "port = 4"))
    assert (settings.port, settings.file) == (4, tmp_path / "flagged.toml")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        pytest.param("source", 1, "1", id="a number where text is meant"),
        pytest.param("camera_size", "1920x1080", (1920, 1080), id="a size"),
        pytest.param("camera_size", [640, 480], (640, 480), id="a size as TOML has it"),
        pytest.param("exposure", "auto", None, id="an exposure of its own"),
        pytest.param("exposure", "20", 20.0, id="an exposure"),
        pytest.param("region", "0.2,0.1,0.8,0.9", ((0.2, 0.1), (0.8, 0.1), (0.8, 0.9), (0.2, 0.9)), id="a region"),
        pytest.param(
            "region", [0.2, 0.1, 0.8, 0.9], ((0.2, 0.1), (0.8, 0.1), (0.8, 0.9), (0.2, 0.9)), id="as TOML has it"
        ),
        pytest.param("region", "none", None, id="a region taken back"),
        pytest.param("languages", "fr, de en", ("fr", "de", "en"), id="languages in words"),
        pytest.param("languages", ["en", "ar", "en"], ("en", "ar"), id="a language twice"),
        pytest.param("markers", "yes", True, id="a yes"),
        pytest.param("public_url", "http://kiosk.museum:8080/", "http://kiosk.museum:8080", id="an address"),
        pytest.param("least_known", "0.7", 0.7, id="a threshold"),
    ],
)
def test_values_are_taken_as_people_write_them(name: str, text: Any, value: Any) -> None:
    assert getattr(read({name: text}), name) == value


@pytest.mark.parametrize("name", [name for name in TRAITS if name not in {"admin_token", "admin_token_file"}])
def test_every_setting_survives_a_file(tmp_path: Path, name: str) -> None:
    """What `keep` writes is read back the same, also in the environment's form."""
    unusual: dict[str, Any] = {
        "source": "demo",
        "camera_size": "640x480",
        "exposure": 12.5,
        "locate": "never",
        "region": "0.1,0.1 0.9,0.15 0.85,0.9 0.2,0.8",
        "precision": "fp32",
        "threads": 3,
        "least_known": 0.25,
        "language": "fr",
        "languages": "fr en",
        "public_url": "https://museum.example/kiosk",
        "log_format": "json",
        "log_level": "warning",
        "host": "0.0.0.0",
    }
    default = default_of(name)
    value = unusual.get(name, {bool: not default, float: 12.0, int: 7}.get(type(default), "some/where"))  # type: ignore[call-overload]
    more = {"public_url": "http://here"} if name == "take_away" else {}
    settings = Settings(**{name: value}, **more)
    assert getattr(settings, name) != default_of(name)
    path = written(tmp_path / "museum.toml", "")
    settings._file = path
    keep(settings, {name, *more})
    again = read({}, path)
    assert again.model_dump() == settings.model_dump()
    assert again.visible() == settings.visible()


@pytest.mark.parametrize(
    ("file", "environment", "flags", "message"),
    [
        pytest.param(
            "langage = 'fr'", {}, {}, "museum.toml: langage is no setting; did you mean language?", id="an unknown key"
        ),
        pytest.param("port = 'x'", {}, {}, "museum.toml: port: 'x'", id="a bad value in the file"),
        pytest.param("port = ", {}, {}, "museum.toml: no TOML: Invalid value", id="no TOML"),
        pytest.param("[screen]\nlanguage = 'fr'", {}, {}, "museum.toml: screen is no setting", id="a table"),
        pytest.param("", {"VERNISSAGE_PORT": "70000"}, {}, "VERNISSAGE_PORT: '70000'", id="a bad variable"),
        pytest.param(
            "",
            {"VERNISSAGE_PROT": "1"},
            {},
            "VERNISSAGE_PROT is no setting; did you mean VERNISSAGE_PORT?",
            id="unknown",
        ),
        pytest.param(
            "",
            {"VERNISSAGE_FOO": "1"},
            {},
            "VERNISSAGE_FOO is no setting (docs/settings.md",
            id="unknown, near to none",
        ),
        pytest.param("", {}, {"port": "-1"}, "--port: '-1'", id="a bad flag"),
        pytest.param("", {}, {"port": "abc"}, "--port: 'abc': it should be a whole number", id="letters"),
        pytest.param("", {}, {"port": "8080.5"}, "--port: '8080.5': it should be a whole number", id="half a port"),
        pytest.param("", {}, {"idle_s": "long"}, "--idle-s: 'long': it should be a number", id="a word"),
        pytest.param("language = 7", {}, {}, "museum.toml: language: 7: it should be text", id="a number"),
        pytest.param(
            "language = 'xx'", {}, {}, "museum.toml: language: 'xx' is not among languages", id="no such language"
        ),
        pytest.param(
            "language = 'fr'",
            {"VERNISSAGE_LANGUAGES": "en de"},
            {},
            "museum.toml: language: 'fr' is not among languages (en, de); see VERNISSAGE_LANGUAGES",
            id="a language of one place and languages of another",
        ),
        pytest.param("", {}, {"languages": "en,xx"}, "'xx' is not a language of this kiosk", id="no such languages"),
        pytest.param(
            "",
            {},
            {"languages": "fr"},
            "--languages: 'en' is missing, the language that the screen begins with; set language too",
            id="a language left out",
        ),
        pytest.param("", {}, {"take_away": True}, "--take-away: it needs public_url", id="a QR code to nowhere"),
        pytest.param(
            "take_away = true",
            {},
            {"public_url": "none"},
            "museum.toml: take_away: it needs public_url, the address under which visitors' phones reach this kiosk;"
            " see --public-url",
            id="an address taken back",
        ),
        pytest.param("", {}, {"public_url": "museum"}, "--public-url: 'museum' is not an address", id="no address"),
        pytest.param("", {}, {"region": "0,0,2,1"}, "--region: '0,0,2,1' is no region", id="no region"),
        pytest.param("region = [[0, 0], [2, 0], [2, 2], [0, 2]]", {}, {}, "is no region", id="corners outside"),
        pytest.param("region = [[0, 0], [1, 0]]", {}, {}, "is no region", id="two corners"),
        pytest.param("region = [nan, 0, 1, 1]", {}, {}, "is no region", id="no numbers"),
        pytest.param("", {}, {"idle_s": "nan"}, "--idle-s: 'nan'", id="no number"),
        pytest.param("", {}, {"least_known": "1.5"}, "--least-known: '1.5'", id="more than all"),
        pytest.param(
            "", {}, {"markers": "perhaps"}, "--markers: 'perhaps': it should be true or false", id="neither yes nor no"
        ),
        pytest.param("admin_token = 'short'", {}, {}, "museum.toml: admin_token: a token is text of 16", id="a token"),
        pytest.param(
            f"admin_token = '{TOKEN}'",
            {"VERNISSAGE_ADMIN_TOKEN_FILE": "x"},
            {},
            "VERNISSAGE_ADMIN_TOKEN_FILE: give the token or its file, not both",
            id="two tokens",
        ),
        pytest.param(
            "",
            {},
            {"admin_token_file": "none-such"},
            "--admin-token-file: none-such: No such file or directory; make it: openssl rand -base64 24 > none-such",
            id="none",
        ),
        pytest.param(
            "",
            {},
            {"admin_token_file": "."},
            "Is a directory; it must be a file that the kiosk's user may read",
            id="no file",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    environment: dict[str, str],
    flags: dict[str, Any],
    message: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        read(flags, written(tmp_path / "museum.toml", file))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "short" not in str(error.value), "a token is never repeated"


@pytest.mark.parametrize(
    ("file", "flags", "said"),
    [
        pytest.param("port = 'x'", {"port": "1"}, ["museum.toml: port: 'x': it should be"], id="no number"),
        pytest.param(
            "languages = ['xx']", {"languages": "en"}, ["museum.toml: languages: ['xx']: 'xx' is not"], id="no language"
        ),
        pytest.param("port = 2\nidle_s = 60", {"port": "1"}, [], id="nothing wrong"),
        pytest.param(
            "language = 'fr'\nlanguages = ['fr']", {"language": "en", "languages": "en"}, [], id="two that agree"
        ),
    ],
)
def test_a_bad_value_that_is_overruled_is_told(
    tmp_path: Path, file: str, flags: dict[str, str], said: list[str]
) -> None:
    """It does no harm now, and would at the next start without the flag."""
    overruled = read(flags, written(tmp_path / "museum.toml", file)).overruled
    assert len(overruled) == len(said)
    for line, begins in zip(overruled, said, strict=True):
        assert begins in line
        assert "\n" not in line
        assert f"--{next(iter(flags))} overrules it" in line


def test_none_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "vernissage.toml", "port = 2")
    assert read({}, Path("none")).port == 8080
    monkeypatch.setenv("VERNISSAGE_CONFIG", "none")
    assert read({}).file is None


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file.*--config"):
        read({}, tmp_path / "none.toml")


def test_the_command_line_tells_of_a_mistake_and_exits_with_2(tmp_path: Path) -> None:
    path = written(tmp_path / "museum.toml", "colour = 'red'")
    command = [sys.executable, "-m", "kiosk", "--config", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"{path}: colour is no setting" in done.stderr


def test_a_bad_token_points_to_no_flag() -> None:
    """There is none for it."""
    command = [sys.executable, "-m", "kiosk", "--config", "none"]
    environment = os.environ | {"VERNISSAGE_ADMIN_TOKEN": "short"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert "make one: openssl rand" in done.stderr
    assert "--help" not in done.stderr


def test_the_token_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path / "token", f"{TOKEN}\n")
    token = read({"admin_token_file": str(path)}).admin_token
    assert token is not None
    assert token.get_secret_value() == TOKEN


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    file = written(tmp_path / "museum.toml", f"admin_token = '{TOKEN}'\nsource = 'rtsp://me:secret@camera/live'")
    settings = read({}, file)
    assert settings.source == "rtsp://me:secret@camera/live"
    for text in (repr(settings), str(settings), str(settings.visible())):
        assert TOKEN not in text
    assert settings.visible()["source"] == "rtsp://***@camera/live"
    assert set(settings.visible()) == set(TRAITS) - {"admin_token"}


def test_keeping_changes_what_was_changed_and_leaves_the_rest(tmp_path: Path) -> None:
    file = written(
        tmp_path / "museum.toml",
        "# The kiosk in the foyer.\nport = 80   # ask the porter\nidle_s = 60\nregion = '0.1,0.1,0.9,0.9'\n",
    )
    file.chmod(0o640)
    settings = read({}, file).changed(idle_s=90, region=None, language="de", languages="de en")
    assert keep(settings, {"idle_s", "region", "language", "languages"}) == file
    assert file.read_text() == (
        "# The kiosk in the foyer.\nport = 80   # ask the porter\nidle_s = 90\n"
        'language = "de"\nlanguages = ["de", "en"]\n'
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["museum.toml"]


def test_keeping_makes_a_file_where_there_was_none(tmp_path: Path) -> None:
    assert keep(read({}).changed(language="it"), {"language"}) == tmp_path / "vernissage.toml"
    assert read({}).language == "it"


def test_what_cannot_be_kept_leaves_the_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "museum.toml", "port = 80\n")
    settings = read({}, file).changed(language="it")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match="the settings cannot be written: No space left on device"):
        keep(settings, {"language"})
    assert file.read_text() == "port = 80\n"
    assert [path.name for path in tmp_path.iterdir()] == ["museum.toml"]


def test_a_token_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="admin_token is not written"):
        keep(Settings(admin_token=TOKEN), {"admin_token"})  # type: ignore[arg-type]  # text becomes a secret
    assert not list(tmp_path.iterdir())


def test_a_change_is_checked_like_a_start(tmp_path: Path) -> None:
    settings = read({"port": "81"}, written(tmp_path / "museum.toml", "language = 'fr'"))
    changed = settings.changed(idle_s="30")
    assert (changed.port, changed.language, changed.idle_s, changed.file) == (81, "fr", 30.0, settings.file)
    assert changed.origin("idle_s") is None
    assert changed.origin("port") == "--port"
    with pytest.raises(SettingsError, match="idle_s: '1'") as error:
        settings.changed(idle_s="1")
    assert error.value.field == "idle_s"
    with pytest.raises(SettingsError, match="langage is no setting; did you mean language"):
        settings.changed(langage="fr")


def test_the_documentation_lists_every_setting_as_it_is() -> None:
    """Each row: the name, its flag, the default and the meaning, in the order of the class."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert [row[0] for row in rows] == list(TRAITS)
    for name, flagged, default, live, about in rows:
        trait, field = TRAITS[name], Settings.model_fields[name]
        assert flagged == (f"`{flag(name)}`" if trait.flag else "-")
        expected = "models/default" if name == "bundle" else in_words(name, default_of(name))
        assert default == f"`{expected}`"
        assert live == ("at once" if trait.live else "next start")
        assert about == (field.description or "").replace("|", "\\|")


def test_the_documentation_says_what_none_takes_back() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"^- `none` takes back (?:.|\n  )*", text, re.MULTILINE)
    taken = set()
    for name in TRAITS:
        with contextlib.suppress(SettingsError):
            taken |= {name} if getattr(read({name: "none"}, Path("none")), name) is None else set()
    assert set(re.findall(r"`(\w+)`", told)) & TRAITS.keys() == taken


def test_help_names_every_flag() -> None:
    command = [sys.executable, "-m", "kiosk", "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name, trait in TRAITS.items():
        assert bool(re.search(rf"^  {flag(name)}[ ,\n]", text, re.MULTILINE)) == trait.flag


def test_all_languages_are_offered() -> None:
    assert Settings().languages == LANGUAGES
    assert len(LANGUAGES) == 9
