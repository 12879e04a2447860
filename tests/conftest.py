from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import bundle
from kiosk.settings import Settings
from kiosk.station import Station
from kiosk.web import create_app
from tests.commands import run
from tests.paintings import write_paintings
from tests.scripted import showing
from tests.stand_in import GREEN, painting, write_bundle


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid bundle with the stand-in model, int8 and fp32."""
    return write_bundle(tmp_path_factory.mktemp("models") / "stand-in", precisions=("int8", "fp32"))


@pytest.fixture
def station(bundle_folder: Path) -> Iterator[Station]:
    """A running kiosk in front of a green painting."""
    station = Station(bundle.load(bundle_folder), Settings(threads=1), showing(painting(GREEN)))
    station.open()
    station.load()
    yield station
    station.close()


@pytest.fixture
def app(station: Station) -> Flask:
    return create_app(station)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn paintings in the layout of the published set."""
    return write_paintings(tmp_path_factory.mktemp("data") / "paintings")


@pytest.fixture(scope="session")
def cnn_run(paintings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the published CNN on them."""
    runs = tmp_path_factory.mktemp("runs")
    done = run("train", "--recipe", "cnn", "--data", paintings, "--runs", runs, "--epochs", 3, "--seed", 1)
    assert done.returncode == 0, done.stderr
    return runs / "cnn"
