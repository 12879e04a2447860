"""The administrator's page by its HTTP API, and the exchange of the bundle behind it."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import bundle
from kiosk.admin import desk as desk_module
from kiosk.admin import door as door_module
from kiosk.answer import Status
from kiosk.logs import journal
from kiosk.settings import Settings, default_bundle, read
from kiosk.station import Station
from kiosk.upload import MAX_UPLOAD_BYTES
from kiosk.web import create_app
from tests.scripted import showing
from tests.stand_in import GREEN, STYLES, painting, until, write_bundle

TOKEN = "correct-horse-battery"


@dataclass
class Administrator:
    """Somebody before the page, with the cookies and the CSRF token of one browser."""

    client: FlaskClient
    token: str = ""

    def come(self) -> str:
        page = self.client.get("/admin")
        assert page.status_code == 200
        found = re.search(r'<meta name="csrf-token" content="([^"]+)">', page.text)
        assert found
        self.token = found[1]
        return page.text

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> TestResponse:
        headers = {"X-CSRFToken": self.token, **more.pop("headers", {})}
        return self.client.open(f"/admin/api/{path}", method=method, json=body, headers=headers, **more)

    def sign_in(self, token: str = TOKEN) -> TestResponse:
        self.come()
        answer = self.ask("POST", "sign-in", {"token": token})
        if answer.status_code == 200:
            self.come()
        return answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "museum.toml"
    path.write_text(f'# in the foyer\nadmin_token = "{TOKEN}"\nbundles = "{tmp_path / "bundles"}"\nidle_s = 60\n')
    return path


@pytest.fixture
def station(tmp_path: Path, file: Path) -> Iterator[Station]:
    """A running kiosk before a green painting, with a choice of bundles."""
    first = write_bundle(tmp_path / "bundles" / "first", precisions=("int8", "fp32"))
    write_bundle(tmp_path / "bundles" / "second", name="another")
    settings = read({"threads": "1", "bundle": str(first)}, file)
    station = Station(bundle.load(first), settings, showing(painting(GREEN)))
    station.open()
    station.load()
    yield station
    station.close()


@pytest.fixture
def someone(station: Station) -> Administrator:
    """Nobody has signed in yet."""
    return Administrator(create_app(station).test_client())


@pytest.fixture
def admin(someone: Administrator) -> Administrator:
    assert someone.sign_in().status_code == 200
    return someone


# --- the door --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/admin", "/admin/api/settings", "/admin/static/admin.css", "/admin/"])
def test_without_a_token_there_is_no_page(bundle_folder: Path, path: str) -> None:
    client = create_app(Station(bundle.load(bundle_folder), source=showing(painting(GREEN)))).test_client()
    assert client.get(path).status_code == 404


def test_the_door_and_the_desk(someone: Administrator) -> None:
    assert "Token" in someone.come()
    assert someone.sign_in("wrong" * 5).status_code == 401
    assert "Token" in someone.come()
    assert someone.sign_in().status_code == 200
    assert "Draw a region" in someone.come()
    assert someone.ask("POST", "sign-out").status_code == 200
    assert "Token" in someone.come()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "settings"),
        ("GET", "log"),
        ("GET", "bundles"),
        ("GET", "cameras"),
        ("PATCH", "settings"),
        ("POST", "keep"),
        ("POST", "undo"),
        ("POST", "bundles"),
        ("POST", "restart"),
        ("POST", "sign-out"),
    ],
)
def test_nothing_works_without_a_session(someone: Administrator, method: str, path: str) -> None:
    someone.come()
    answer = someone.ask(method, path, {} if method != "GET" else None)
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "signed_out"


def test_the_cookie_is_for_this_page_alone(someone: Administrator) -> None:
    someone.come()
    cookie = someone.ask("POST", "sign-in", {"token": TOKEN}).headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/admin"))
    assert TOKEN not in cookie


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"X-CSRFToken": ""}, 403, "csrf", id="no CSRF token"),
        pytest.param({"X-CSRFToken": "made.up.token"}, 403, "csrf", id="one that is made up"),
        pytest.param({"Origin": "https://evil.example"}, 403, "cross_origin", id="from another site"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, "cross_origin", id="the browser says so itself"),
        pytest.param({"Host": "evil.example"}, 403, "foreign_host", id="under another name"),
        pytest.param({}, 200, None, id="as it should be"),
    ],
)
def test_what_changes_something_comes_from_the_page(
    admin: Administrator, station: Station, headers: dict[str, str], status: int, code: str | None
) -> None:
    answer = admin.ask("PATCH", "settings", {"idle_s": 70}, headers=headers)
    assert answer.status_code == status, answer.text
    assert code is None or answer.get_json()["error"]["code"] == code
    assert station.settings.idle_s == (70 if status == 200 else 60)


def test_a_csrf_token_is_good_for_its_own_session_alone(admin: Administrator, station: Station) -> None:
    other = Administrator(admin.client.application.test_client())
    other.come()
    other.token, stolen = admin.token, other.token
    assert other.ask("POST", "sign-in", {"token": TOKEN}).status_code == 403
    admin.token = stolen
    assert admin.ask("POST", "restart").status_code == 403
    assert not station.restarting.is_set()


def test_the_visitors_page_needs_none_of_this(admin: Administrator) -> None:
    assert admin.client.post("/api/classify", data=b"x").status_code == 400


def test_wrong_tokens_are_limited(someone: Administrator, station: Station) -> None:
    statuses = [someone.sign_in("wrong" * 5).status_code for _ in range(12)]
    assert statuses == [401] * 5 + [429] * 7
    assert someone.sign_in().status_code == 429, "the right one waits too"
    elsewhere = Administrator(someone.client.application.test_client())
    elsewhere.come()
    answer = elsewhere.ask("POST", "sign-in", {"token": TOKEN}, environ_base={"REMOTE_ADDR": "127.0.0.9"})
    assert answer.status_code == 200, "another address does not"
    text = station.metrics.text().decode()
    assert 'vernissage_admin_sign_ins_total{result="refused"} 5.0' in text
    assert 'vernissage_admin_sign_ins_total{result="limited"} 8.0' in text
    assert 'vernissage_admin_sign_ins_total{result="accepted"} 1.0' in text


@pytest.mark.parametrize("body", [None, [], {}, {"token": None}, {"token": 7}, {"token": "ü" * 20}])
def test_a_strange_sign_in_is_a_client_error(someone: Administrator, body: object) -> None:
    someone.come()
    assert someone.ask("POST", "sign-in", body).status_code in {400, 401}


HOSTILE = [
    pytest.param(b'{"%s": "\\ud800"}', id="half a character"),
    pytest.param(b'{"%s": "\\ud83d x \\ude00"}', id="two halves apart"),
    pytest.param(b'{"\\udfff": "%s"}', id="a name of half a character"),
    pytest.param(b'{"%s": "\\u0000\\u001b[2J"}', id="control characters"),
    pytest.param(b'{"%s": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", id="nested"),
    pytest.param(b'{"%s": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", id="nested objects"),
    pytest.param(b'{"%s": NaN}', id="no number"),
    pytest.param(b'{"%s": -Infinity}', id="endless"),
    pytest.param(b'{"%s": 1e999}', id="too large a number"),
    pytest.param(b'{"%s": ' + b"9" * 10_000 + b"}", id="many digits"),
    pytest.param(b'{"%s": "' + b"x" * 1_000_000 + b'"}', id="a long text"),
    pytest.param(b'{"%s": "x"', id="cut off"),
    pytest.param(b"\xff\xfe%s", id="not UTF-8"),
    pytest.param(b"x" * (MAX_UPLOAD_BYTES + 1), id="too many bytes"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_sign_in_is_a_client_error(someone: Administrator, text: bytes) -> None:
    someone.come()
    told = {"X-CSRFToken": someone.token, "Content-Type": "application/json"}
    answer = someone.client.post("/admin/api/sign-in", data=text.replace(b"%s", b"token"), headers=told)
    assert answer.status_code in {400, 401, 413}
    assert answer.get_json()["error"]["message"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    ("method", "path", "name"),
    [("PATCH", "settings", b"source"), ("PATCH", "settings", b"idle_s"), ("POST", "bundles", b"folder")],
)
def test_a_hostile_change_is_a_client_error(
    admin: Administrator, station: Station, method: str, path: str, name: bytes, text: bytes
) -> None:
    before = station.settings
    told = {"X-CSRFToken": admin.token, "Content-Type": "application/json"}
    answer = admin.client.open(f"/admin/api/{path}", method=method, data=text.replace(b"%s", name), headers=told)
    assert answer.status_code in {400, 409, 413, 422}, answer.text
    assert answer.get_json()["error"]["message"]
    assert station.settings is before


def test_a_session_ends_by_itself(admin: Administrator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert admin.ask("GET", "settings").status_code == 200
    monkeypatch.setattr(door_module, "SESSION_S", 0.05)
    time.sleep(0.1)
    assert admin.ask("GET", "settings").status_code == 401


def test_nothing_is_kept_by_caches(admin: Administrator) -> None:
    for path in ("/admin", "/admin/api/settings"):
        headers = admin.client.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert "unsafe" not in headers["Content-Security-Policy"]


# --- settings --------------------------------------------------------------------------------------


def test_settings_are_shown_without_secrets(admin: Administrator) -> None:
    answer = admin.ask("GET", "settings")
    assert TOKEN not in answer.text
    body = answer.get_json()
    facts = {fact["name"]: fact for fact in body["facts"]}
    assert body["values"]["idle_s"] == 60
    assert facts["idle_s"]["origin"] == body["file"]
    assert facts["threads"]["origin"] == "--threads"
    assert facts["admin_token"]["text"] == "set"
    assert (facts["idle_s"]["least"], facts["idle_s"]["most"]) == (5, 3600)
    assert body["unkept"] == body["waiting"] == []


def test_a_change_is_in_force_at_once_and_kept_on_request(admin: Administrator, station: Station, file: Path) -> None:
    before = file.read_text()
    body = admin.ask("PATCH", "settings", {"language": "fr", "idle_s": 90, "precision": "fp32"}).get_json()
    assert (body["unkept"], body["waiting"]) == (["precision", "language", "idle_s"], ["precision"])
    assert next(fact["origin"] for fact in body["facts"] if fact["name"] == "language") is None
    public = admin.client.get("/api/settings").get_json()
    assert (public["language"], public["idle_s"]) == ("fr", 90)
    assert file.read_text() == before
    body = admin.ask("POST", "keep").get_json()
    assert (body["unkept"], body["file"]) == ([], str(file))
    assert {fact["origin"] for fact in body["facts"] if fact["name"] in {"language", "idle_s"}} == {str(file)}
    assert file.read_text().startswith("# in the foyer\n")
    assert read({}, file).changed(threads=1, bundle=station.folder).model_dump() == station.settings.model_dump()


def test_a_qr_code_that_no_phone_can_open_is_told(admin: Administrator) -> None:
    wanted = {"take_away": True, "public_url": "http://kiosk.museum.example:8080"}
    assert admin.ask("GET", "settings").get_json()["doubts"] == []
    (doubt,) = admin.ask("PATCH", "settings", wanted).get_json()["doubts"]
    assert "phones cannot open" in doubt
    assert "install.sh --network" in doubt


def test_numbers_are_kept_as_people_write_them(admin: Administrator, file: Path) -> None:
    """A page has one kind of numbers; a file where 60 became 77.0 looks as if something had gone wrong."""
    before = file.read_text().replace("idle_s = 60\n", "")
    numbers = {
        **{"camera_rate": 25, "exposure": 12.5, "threads": 2, "least_known": 1},
        **{"idle_s": 77, "reset_s": 30.0, "attract_s": 33},
    }
    assert admin.ask("PATCH", "settings", numbers).status_code == 200
    assert admin.ask("POST", "keep").status_code == 200
    kept = set(file.read_text().removeprefix(before).splitlines())
    assert kept == {
        *("camera_rate = 25", "exposure = 12.5", "threads = 2", "least_known = 1"),
        *("idle_s = 77", "reset_s = 30", "attract_s = 33"),
    }


def test_what_was_not_kept_can_be_undone(admin: Administrator, station: Station) -> None:
    admin.ask("PATCH", "settings", {"language": "fr", "region": "0.1,0.1,0.9,0.9"})
    assert station.settings.region is not None
    assert admin.ask("POST", "undo").get_json()["unkept"] == []
    assert (station.settings.language, station.settings.region) == ("en", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"idle_s": 1}, "idle_s: 1: it should be greater", id="too short"),
        pytest.param({"region": "0,0,2,2"}, "region: '0,0,2,2' is no region", id="no region"),
        pytest.param({"source": "missing.mp4"}, "missing.mp4", id="no source"),
        pytest.param({"precision": "int8-qat"}, "no onnx file of precision int8-qat", id="no such file in the bundle"),
        pytest.param({"language": "fr", "languages": "en"}, "'fr' is not among", id="a language left out"),
        pytest.param({"colour": "red"}, "colour cannot be set", id="no setting"),
        pytest.param({"key": "none"}, "key cannot be set", id="whose signatures are taken"),
        pytest.param({"bundles": "/"}, "bundles cannot be set", id="which folders are read"),
        pytest.param({"bundle": "/tmp"}, "bundle cannot be set", id="a bundle past its trial"),
        pytest.param({"host": "0.0.0.0"}, "host cannot be set", id="who may come"),
        pytest.param({"admin_token": "x" * 20}, "admin_token cannot be set", id="the token"),
    ],
)
def test_a_bad_change_changes_nothing(
    admin: Administrator, station: Station, change: dict[str, Any], message: str
) -> None:
    before = station.settings
    answer = admin.ask("PATCH", "settings", change | {"attract_s": 30})
    assert answer.status_code == 422
    assert message in answer.get_json()["error"]["message"]
    assert station.settings is before


def test_a_file_that_cannot_be_written_is_said(
    admin: Administrator, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    admin.ask("PATCH", "settings", {"language": "fr"})
    monkeypatch.setattr("os.fsync", full)
    answer = admin.ask("POST", "keep")
    assert answer.status_code == 409
    assert "No space left on device" in answer.get_json()["error"]["message"]
    assert admin.ask("GET", "settings").get_json()["unkept"] == ["language"]


def test_thresholds_take_effect_at_the_next_frame(admin: Administrator, station: Station) -> None:
    until(lambda: station.state()["style"] == "Cubism")
    admin.ask("PATCH", "settings", {"least_known": 1})
    until(lambda: station.state()["style"] is None)
    admin.ask("PATCH", "settings", {"least_known": "none"})
    until(lambda: station.state()["style"] == "Cubism")


def test_a_region_is_looked_at_from_the_next_frame_on(admin: Administrator, station: Station) -> None:
    admin.ask("PATCH", "settings", {"region": "0.25,0.25,0.75,0.75"})
    until(lambda: station.state()["view"] == "region")
    assert station.state()["region"] == [[80, 80], [240, 80], [240, 240], [80, 240]]
    until(lambda: station.state()["style"] == "Cubism")


def test_another_source_is_read_at_once(admin: Administrator, station: Station) -> None:
    until(lambda: station.camera.frames > 3)
    admin.ask("PATCH", "settings", {"source": "demo"})
    until(lambda: station.state()["source"]["kind"] == "demo" and station.state()["camera"] == "live", timeout_s=20)
    shown = station.watcher.showing.version
    until(lambda: station.watcher.showing.version > shown + 2)
    admin.ask("PATCH", "settings", {"source": "/dev/video987"})
    until(lambda: station.state()["camera"] == "searching" and station.state()["camera_fault"] == "no_camera")


def test_cameras_are_listed(admin: Administrator) -> None:
    assert isinstance(admin.ask("GET", "cameras").get_json()["cameras"], list)


def test_every_language_has_its_own_name() -> None:
    assert set(desk_module.LANGUAGE_NAMES) == set(Settings().languages)


# --- log and restart -------------------------------------------------------------------------------


def test_the_log_is_shown_from_a_line_on(admin: Administrator, station: Station) -> None:
    import logging

    logging.getLogger().addHandler(journal)  # as `kiosk.logs.set_up` does, without taking pytest's log away
    try:
        logging.getLogger("kiosk.test").warning("the lens cap \x1b[31m is on\nor the light is off")
        lines = admin.ask("GET", "log").get_json()["lines"]
        assert lines[-1]["message"] == "the lens cap \\x1b[31m is on\\x0aor the light is off"
        assert (lines[-1]["level"], lines[-1]["logger"]) == ("warning", "kiosk.test")
        newest = lines[-1]["number"]
        assert admin.ask("GET", f"log?after={newest}").get_json()["lines"] == []
        assert admin.ask("GET", f"log?after={newest - 1}&least=error").get_json()["lines"] == []
        assert admin.ask("GET", "log?least=loud").status_code == 400
        for number in range(600):
            logging.getLogger("kiosk.test").warning("line %d", number)
        assert len(admin.ask("GET", "log").get_json()["lines"]) == 500
    finally:
        logging.getLogger().removeHandler(journal)


def test_a_restart_is_asked_for(admin: Administrator, station: Station) -> None:
    assert admin.ask("POST", "restart").status_code == 202
    assert station.restarting.is_set()


# --- bundles ---------------------------------------------------------------------------------------


def exchanged(admin: Administrator, folder: str) -> dict[str, Any]:
    """How the exchange for `folder` ended."""
    begun = admin.ask("POST", "bundles", {"folder": folder})
    assert begun.status_code == 202, begun.text
    until(lambda: not admin.ask("GET", "bundles").get_json()["busy"], timeout_s=20)
    ended: dict[str, Any] = admin.ask("GET", "bundles").get_json()["exchange"]
    return ended


def test_a_bundle_is_exchanged_without_a_gap(admin: Administrator, station: Station) -> None:
    until(lambda: station.state()["style"] == "Cubism")
    seen, version = [], station.watcher.showing.version
    begun = admin.ask("POST", "bundles", {"folder": "second"})
    assert begun.status_code == 202
    while admin.ask("GET", "bundles").get_json()["busy"] or len(seen) < 30:
        showing = station.watcher.wait_newer(version, 1)
        assert showing.version > version, "frames go on being judged"
        version = showing.version
        seen.append(showing.answer)
    assert {answer.style for answer in seen} == {"Cubism"}
    assert admin.ask("GET", "bundles").get_json()["exchange"]["step"] == "done"
    assert station.state()["model"]["name"] == "another"
    assert station.settings.bundle.name == "second"
    body = admin.ask("POST", "keep").get_json()
    assert Path(body["values"]["bundle"]).name == "second"
    assert b'vernissage_bundle_swaps_total{result="done"} 1.0' in station.metrics.text()


def test_the_choice_is_listed(admin: Administrator, tmp_path: Path) -> None:
    (tmp_path / "bundles" / "empty").mkdir()
    write_bundle(tmp_path / "bundles" / "third", styles=(*STYLES[:5], "Ukiyo-e"))
    found = admin.ask("GET", "bundles").get_json()
    offers = {offer["folder"]: offer for offer in found["bundles"]}
    assert list(offers) == ["first", "second", "third", str(default_bundle())], "and the one that ships"
    assert offers["first"]["in_use"]
    assert (offers["second"]["name"], offers["second"]["fault"], offers["second"]["signed"]) == ("another", None, False)
    assert "other styles" in offers["third"]["fault"]


@pytest.mark.parametrize("folder", ["", ".", "..", "../bundles/second", "/etc", "none", "empty"])
def test_only_what_is_offered_can_be_chosen(admin: Administrator, tmp_path: Path, folder: str) -> None:
    (tmp_path / "bundles" / "empty").mkdir()
    assert admin.ask("POST", "bundles", {"folder": folder}).status_code == 409


def test_there_is_always_a_way_back(tmp_path: Path) -> None:
    """To the bundle of the start, which does not lie in the folder of bundles."""
    home = write_bundle(tmp_path / "program" / "shipped")
    write_bundle(tmp_path / "bundles" / "second", name="another")
    file = tmp_path / "museum.toml"
    file.write_text(f'admin_token = "{TOKEN}"\nbundles = "{tmp_path / "bundles"}"\n')
    # As somebody types it who starts the kiosk by hand.
    typed = Path(os.path.relpath(home))
    station = Station(bundle.load(typed), read({"bundle": str(typed)}, file), showing(painting(GREEN)))
    station.open()
    station.load()
    admin = Administrator(create_app(station).test_client())
    admin.sign_in()
    until(lambda: station.state()["style"] == "Cubism")
    assert [offer["folder"] for offer in admin.ask("GET", "bundles").get_json()["bundles"] if offer["in_use"]] == [
        str(typed.absolute())
    ]
    assert exchanged(admin, "second")["step"] == "done"
    assert admin.ask("GET", "settings").get_json()["unkept"] == ["bundle"]
    assert exchanged(admin, str(typed.absolute()))["step"] == "done"
    assert (station.state()["model"]["name"], station.settings.bundle) == ("stand-in", typed)
    assert admin.ask("GET", "settings").get_json()["unkept"] == []
    station.close()


def test_undo_brings_the_bundle_back_too(admin: Administrator, station: Station) -> None:
    until(lambda: station.state()["style"] == "Cubism")
    assert exchanged(admin, "second")["step"] == "done"
    admin.ask("PATCH", "settings", {"language": "fr"})
    assert admin.ask("POST", "undo").status_code == 200
    until(lambda: not admin.ask("GET", "bundles").get_json()["busy"], timeout_s=20)
    found = admin.ask("GET", "bundles").get_json()
    assert (found["exchange"]["folder"], found["exchange"]["step"]) == ("first", "done")
    assert (station.state()["model"]["name"], station.settings.language) == ("stand-in", "en")
    assert admin.ask("GET", "settings").get_json()["unkept"] == []


def altered(folder: Path) -> None:
    path = folder / "model.int8.onnx"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def another_reference(folder: Path) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    rows = manifest["files"][0]["reference"]["probabilities"]
    manifest["files"][0]["reference"]["probabilities"] = [row[1:] + row[:1] for row in rows]
    (folder / "bundle.json").write_text(json.dumps(manifest))


def without_reference(folder: Path) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["files"][0]["reference"] = None
    (folder / "bundle.json").write_text(json.dumps(manifest))


def without_outputs(folder: Path) -> None:
    shutil.rmtree(folder)
    write_bundle(folder, outputs=("probabilities", "known"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(altered, "has another SHA-256", id="a bit was changed"),
        pytest.param(another_reference, "answers wrongly on this machine", id="it fails its parity check"),
        pytest.param(without_reference, "no reference answers", id="it has none"),
        pytest.param(without_outputs, "no output embedding", id="it breaks the contract"),
    ],
)
def test_a_bundle_that_fails_is_refused_and_the_label_stays(
    admin: Administrator, station: Station, tmp_path: Path, spoil: Any, reason: str
) -> None:
    until(lambda: station.state()["style"] == "Cubism")
    spoil(tmp_path / "bundles" / "second")
    ended = exchanged(admin, "second")
    assert ended["step"] == "refused"
    assert reason in ended["reason"]
    assert "\n" not in ended["reason"]
    assert str(tmp_path) not in ended["reason"], "its folder is told beside it"
    assert (station.state()["style"], station.state()["model"]["name"]) == ("Cubism", "stand-in")
    assert station.settings.bundle.name == "first"
    assert admin.ask("GET", "settings").get_json()["unkept"] == []


def test_a_bundle_that_is_not_signed_is_refused_where_signatures_are_asked_for(
    admin: Administrator, station: Station, tmp_path: Path
) -> None:
    pytest.importorskip("model_signing")
    station.change(key=tmp_path / "key.pem")
    ended = exchanged(admin, "second")
    assert ended["step"] == "refused"
    assert "not signed" in ended["reason"]


def test_a_network_that_fails_in_use_is_rolled_back(admin: Administrator, station: Station, tmp_path: Path) -> None:
    """It answers the reference pictures right, and gives no number for what hangs before the camera."""
    until(lambda: station.state()["style"] == "Cubism")
    write_bundle(tmp_path / "bundles" / "blind", name="blind", green=math.nan)
    statuses, version = set(), station.watcher.showing.version
    assert admin.ask("POST", "bundles", {"folder": "blind"}).status_code == 202
    while admin.ask("GET", "bundles").get_json()["busy"]:
        showing = station.watcher.wait_newer(version, 1)
        version = showing.version
        statuses.add((showing.answer.status, showing.answer.style))
    ended = admin.ask("GET", "bundles").get_json()["exchange"]
    assert ended["step"] == "rolled_back"
    assert "it gave no numbers" in ended["reason"]
    assert statuses == {(Status.RECOGNISED, "Cubism")}, "visitors have seen nothing of it"
    assert (station.state()["model"]["name"], station.settings.bundle.name) == ("stand-in", "first")
    assert b'vernissage_bundle_swaps_total{result="rolled_back"} 1.0' in station.metrics.text()


def test_a_network_that_knows_less_takes_the_label_back(admin: Administrator, station: Station, tmp_path: Path) -> None:
    until(lambda: station.state()["style"] == "Cubism")
    write_bundle(tmp_path / "bundles" / "modest", green=0.1)
    assert exchanged(admin, "modest")["step"] == "done"
    until(lambda: station.state()["style"] is None)


def test_one_exchange_at_a_time(admin: Administrator) -> None:
    answers = [admin.ask("POST", "bundles", {"folder": name}).status_code for name in ("second", "first")]
    assert answers == [202, 409]
    until(lambda: not admin.ask("GET", "bundles").get_json()["busy"], timeout_s=20)
