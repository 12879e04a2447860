"""`recommend`, with files that are really timed, and settings files of a test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import latency, limit
from benchmarks import run as measuring
from benchmarks.__main__ import main
from benchmarks.latency import Length
from benchmarks.report import Report
from kiosk.settings import read
from tests.benchmarks.conftest import styles_claim
from tests.benchmarks.reports import report
from tests.stand_in import write_bundle

_LINES = '# of the hall\nsource = "demo"  # no camera yet\nprecision = "int8"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle whose files are as accurate as each other, by its manifest."""
    folder = write_bundle(tmp_path / "stand-in", precisions=("fp32", "int8"))
    path = folder / "bundle.json"
    manifest = json.loads(path.read_text())
    for file in manifest["files"]:
        file["metrics"]["published_test"] = styles_claim(9, 10)
    path.write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def settings_file(tmp_path: Path, folder: Path) -> Path:
    path = tmp_path / "kiosk.toml"
    path.write_text(f'{_LINES}bundle = "{folder}"\n')
    return path


@pytest.fixture
def recommend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in an empty folder, with the fewest queries."""
    shortest = Length(
        name="quick", turns=3, single_stream_turn_s=0.01, multi_stream_turn_s=0.0, offline_tests=0, offline_test_s=0.0
    )
    monkeypatch.setitem(latency.LENGTHS, "quick", shortest)
    monkeypatch.setattr(limit, "measure_peak", lambda precision, threads: None)
    for name in os.environ:
        if name.startswith("VERNISSAGE_"):
            monkeypatch.delenv(name)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["recommend", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[Report], None]:
    """Let the run find a report that a test has drawn."""

    def let(found: Report) -> None:
        monkeypatch.setattr(measuring, "run", lambda options, stages: found)

    return let


def test_it_times_and_writes(recommend: Callable[..., tuple[int, str, str]], folder: Path, settings_file: Path) -> None:
    code, out, _ = recommend("--config", settings_file)
    assert code == 0, out
    written = settings_file.read_text()
    assert written.startswith('# of the hall\nsource = "demo"  # no camera yet\n')
    settings = read({}, settings_file)
    chosen = next(line for line in out.splitlines() if line.startswith("Deploy model."))
    assert f"Deploy model.{settings.precision}.onnx with {settings.threads} thread" in chosen
    assert f"{settings_file}: written" in out
    assert f"precision: int8 ({settings_file}) -> {settings.precision}" in out
    assert f"threads: none (the default) -> {settings.threads}" in out
    untouched = [line for line in written.splitlines() if not line.startswith(("precision", "threads"))]
    assert untouched == ["# of the hall", 'source = "demo"  # no camera yet', f'bundle = "{folder}"']


def test_it_cannot_recommend_what_nobody_has_judged(
    recommend: Callable[..., tuple[int, str, str]], tmp_path: Path, settings_file: Path
) -> None:
    before = settings_file.read_text()
    code, _, err = recommend(write_bundle(tmp_path / "unjudged"), "--config", settings_file)
    assert code == 2
    assert "nothing can be recommended" in err.splitlines()[-1]
    assert settings_file.read_text() == before


def test_a_dry_run_writes_nothing(
    recommend: Callable[..., tuple[int, str, str]],
    measured: Callable[[Report], None],
    settings_file: Path,
) -> None:
    measured(report())
    before = settings_file.read_text()
    code, out, _ = recommend("--config", settings_file, "--dry-run")
    assert code == 0 and "would be written" in out
    assert "threads: none (the default) -> 2" in out
    assert settings_file.read_text() == before


def test_a_bundle_that_is_not_the_kiosks_is_written_only_when_asked_for(
    recommend: Callable[..., tuple[int, str, str]],
    measured: Callable[[Report], None],
    settings_file: Path,
    tmp_path: Path,
) -> None:
    measured(report())
    before = settings_file.read_text()
    code, out, _ = recommend(tmp_path / "other", "--config", settings_file)
    assert code == 1 and "not written: the kiosk's bundle is" in out
    lines = [line.strip() for line in out.splitlines() if line.startswith("  ")]
    assert lines == ['precision = "int8"', "threads = 2", f'bundle = "{tmp_path / "other"}"']
    assert settings_file.read_text() == before

    assert recommend(tmp_path / "other", "--config", settings_file, "--set-bundle")[0] == 0
    settings = read({}, settings_file)
    assert (settings.bundle, settings.precision, settings.threads) == (tmp_path / "other", "int8", 2)


def test_without_a_file_one_is_made_where_the_kiosk_looks(
    recommend: Callable[..., tuple[int, str, str]], measured: Callable[[Report], None]
) -> None:
    measured(report())
    if Path("/etc/vernissage/kiosk.toml").is_file():
        pytest.skip("this machine has a kiosk's settings")
    assert recommend()[0] == 0
    assert Path("vernissage.toml").read_text() == 'precision = "int8"\nthreads = 2\n'


def test_it_warns_of_an_environment_that_overrules_the_file(
    recommend: Callable[..., tuple[int, str, str]],
    measured: Callable[[Report], None],
    settings_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured(report())
    monkeypatch.setenv("VERNISSAGE_THREADS", "1")
    code, _, err = recommend("--config", settings_file)
    assert code == 0
    assert "VERNISSAGE_THREADS is set in this environment and overrules threads" in err


def test_a_wrong_claim_is_not_deployed(
    recommend: Callable[..., tuple[int, str, str]], measured: Callable[[Report], None], settings_file: Path
) -> None:
    measured(report(contradictions=("model.int8.onnx: measured 1/2",)))
    before = settings_file.read_text()
    code, out, err = recommend("--config", settings_file)
    assert code == 2 and "WRONG: model.int8.onnx" in out and "nothing was written" in err
    assert settings_file.read_text() == before


def test_bad_settings_are_told_before_anything_is_measured(
    recommend: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("threads = 900\n")
    code, _, err = recommend("--config", bad)
    assert code == 2 and err.count("\n") == 1 and str(bad) in err
