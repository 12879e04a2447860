"""The install script, as somebody runs it who has read no line of it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.commands import ROOT

SCRIPTS = [ROOT / "deploy/install.sh", ROOT / "deploy/screen/vernissage-screen"]


def install(*arguments: object, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "deploy/install.sh", *map(str, arguments)],
        # Far from the checkout, and with nobody to answer a question.
        cwd="/",
        stdin=subprocess.DEVNULL,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("there is no shellcheck here")
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_shell_can_read_it(script: Path) -> None:
    assert os.access(script, os.X_OK)
    shell = script.read_text().splitlines()[0].removeprefix("#!")
    assert subprocess.run([shell, "-n", script]).returncode == 0


def test_help_says_what_there_is() -> None:
    done = install("--help")
    assert done.returncode == 0
    for word in (
        "--no-screen",
        "--network",
        "--wheels",
        "--destdir",
        "--dry-run",
        "--uninstall",
        "--purge",
        "examples:",
    ):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--screan"], "--screan is no option", id="a slip of the finger"),
        pytest.param(["--wheels"], "--wheels needs a folder", id="no folder"),
        pytest.param(["--dry-run", "--wheels="], "--wheels needs a folder", id="an empty folder"),
        pytest.param(["--dry-run", "--destdir="], "--destdir needs a folder", id="an empty root"),
        pytest.param(["--wheels", "/nowhere"], "/nowhere is no folder", id="a folder that is not there"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str) -> None:
    done = install(*arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


needs_systemd = pytest.mark.skipif(shutil.which("systemctl") is None, reason="there is no systemctl here")


def files(root: Path) -> dict[str, str]:
    """Every file with what is in it, every link with where it leads."""
    return {
        str(path.relative_to(root)): os.readlink(path) if path.is_symlink() else path.read_bytes().hex()  # noqa: PTH115
        for path in root.rglob("*")
        if (path.is_symlink() or path.is_file()) and ".venv" not in path.parts and path.suffix != ".pyc"
    }


@pytest.fixture
def no_pip(tmp_path: Path) -> dict[str, str]:
    """A `python3` whose environments get no packages: what pip does is the lock file's matter, and takes a minute."""
    stand_in = tmp_path / "bin" / "python3"
    stand_in.parent.mkdir()
    stand_in.write_text(
        "#!/bin/sh\n"
        'if [ "$1 $2" = "-m venv" ]; then\n'
        '  mkdir -p "$3/bin" "$3/lib"; printf "#!/bin/sh\\nexit 0\\n" >"$3/bin/python"; chmod +x "$3/bin/python"\n'
        f'else exec {shutil.which("python3")} "$@"; fi\n'
    )
    stand_in.chmod(0o755)
    return {"PATH": f"{stand_in.parent}:{os.environ['PATH']}"}


@needs_systemd
@pytest.mark.parametrize(
    ("wheels", "way_out"),
    [
        pytest.param(False, "give --wheels FOLDER", id="no network"),
        pytest.param(True, "fetch them anew", id="no wheels"),
    ],
)
def test_packages_that_cannot_be_had_end_with_the_way_out(
    tmp_path: Path, no_pip: dict[str, str], wheels: bool, way_out: str
) -> None:
    stand_in = tmp_path / "bin" / "python3"
    stand_in.write_text(stand_in.read_text().replace("exit 0", "exit 1"))
    (tmp_path / "wheels").mkdir()
    more = ["--wheels", tmp_path / "wheels"] if wheels else []
    done = install("--destdir", tmp_path / "image", *more, environment=no_pip)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("install.sh: the Python packages could not be installed")
    assert way_out in last
    assert "pip download" in last
    assert not (tmp_path / "image/opt/vernissage").exists()


@needs_systemd
def test_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    root = tmp_path / "image"
    done = install("--dry-run", "--destdir", root)
    assert done.returncode == 0, done.stderr
    assert "vernissage.service" in done.stdout
    assert not root.exists()


@needs_systemd
def test_an_image_is_made_twice_the_same_and_undone(tmp_path: Path, no_pip: dict[str, str]) -> None:
    root = tmp_path / "image"
    done = install("--destdir", root, environment=no_pip)
    assert done.returncode == 0, done.stderr
    first = files(root)
    for name in (
        "opt/vernissage",
        "opt/vernissage.a/kiosk/__main__.py",
        "opt/vernissage.a/models/default/bundle.json",
        "opt/vernissage.a/deploy/screen/vernissage-screen",
        "etc/vernissage/kiosk.toml",
        "etc/default/vernissage-screen",
        "etc/systemd/system/vernissage.service",
        "etc/systemd/system/multi-user.target.wants/vernissage.service",
        "etc/systemd/system/multi-user.target.wants/vernissage-screen.service",
        "etc/chromium/policies/managed/vernissage.json",
        "usr/lib/sysusers.d/vernissage.conf",
    ):
        assert name in first
    assert not [name for name in first if "__pycache__" in name or name.startswith("opt/vernissage.a/tests")]
    # Nobody but root may change the program.
    assert not [
        path for path in (root / "opt").rglob("*") if not path.is_symlink() and path.stat().st_mode & stat.S_IWOTH
    ]
    assert (root / "etc/vernissage/kiosk.toml").stat().st_mode & stat.S_IRWXO == 0

    # Again: the other half, the same program, and settings that stay as they were made.
    (root / "etc/vernissage/kiosk.toml").write_text('source = "demo"\n')
    assert install("--destdir", root, environment=no_pip).returncode == 0
    second = files(root)
    assert (first["opt/vernissage"], second["opt/vernissage"]) == ("vernissage.a", "vernissage.b")
    assert bytes.fromhex(second["etc/vernissage/kiosk.toml"]) == b'source = "demo"\n'
    program = {name for name in first if name.startswith("opt/vernissage.a/")}
    assert {name.replace("vernissage.a", "vernissage.b", 1) for name in program} <= second.keys()

    assert install("--destdir", root, "--uninstall").returncode == 0
    left = {name for name in files(root) if "getty@" not in name}
    assert left == {"etc/vernissage/kiosk.toml", "etc/default/vernissage-screen"}
    assert install("--destdir", root, "--purge").returncode == 0
    assert {name for name in files(root) if "getty@" not in name} == set()


@needs_systemd
def test_the_network_is_opened_and_closed_on_request_alone(tmp_path: Path, no_pip: dict[str, str]) -> None:
    root = tmp_path / "image"
    opened = root / "etc/systemd/system/vernissage.service.d/network.conf"
    for arguments, expected in (([], False), (["--network"], True), ([], True), (["--no-network"], False)):
        done = install("--destdir", root, "--no-screen", *arguments, environment=no_pip)
        assert done.returncode == 0, done.stderr
        assert opened.exists() is expected
    assert not (root / "etc/systemd/system/vernissage-screen.service").exists()


@needs_systemd
def test_the_settings_that_ship_are_settings(tmp_path: Path) -> None:
    from kiosk.settings import read

    settings = read({}, ROOT / "deploy/kiosk.toml")
    assert (settings.source, settings.language, str(settings.bundles)) == ("0", "en", "/var/lib/vernissage/bundles")
    assert not settings.own_pictures, "a wall has no files to show"
