"""The units, judged by systemd itself."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kiosk.__main__ import RESTART, WRONG
from tests.commands import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))

# What `systemd-analyze security` may find, of 10.
MOST_EXPOSURE = 2.5

analysed = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")


def options(unit: Path) -> dict[str, list[str]]:
    """The values of each option of the service, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if match := re.fullmatch(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def test_there_are_two() -> None:
    assert [unit.name for unit in SERVICES] == ["vernissage-screen.service", "vernissage.service"]


@analysed
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    """As they are installed, so that what they start is there."""
    root = tmp_path / "root"
    for name in SERVICES:
        target = root / "etc/systemd/system" / name.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)
    started = options(unit)["ExecStart"][0].split()[0]
    (root / started.lstrip("/")).parent.mkdir(parents=True)
    (root / started.lstrip("/")).write_text("#!/bin/sh\n")
    (root / started.lstrip("/")).chmod(0o755)
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", "--man=no", unit.name], capture_output=True, text=True
    )
    ours = [line for line in done.stderr.splitlines() if "vernissage" in line and "is not executable" not in line]
    assert [line for line in ours if "Unknown" in line or "Failed to parse" in line or "ignoring" in line] == []


@analysed
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_little_is_left_to_exploit(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)], capture_output=True, text=True
    )
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stdout + done.stderr
    print(f"{unit.name}: {exposure[1]}")
    assert float(exposure[1]) <= MOST_EXPOSURE


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_it_comes_back_whatever_happened(unit: Path) -> None:
    service = options(unit)
    assert service["Restart"] == ["always"]
    assert service["StartLimitIntervalSec"] == ["0"]
    assert service["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_no_memory_of_it_reaches_a_disk_or_another_machine(unit: Path) -> None:
    service = options(unit)
    assert service["LimitCORE"] == ["0"]
    assert service["MemorySwapMax"] == ["0"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["IPAddressDeny"] == ["any"]
    assert service["IPAddressAllow"] == ["localhost"]


def test_the_kiosk_may_write_its_settings_alone() -> None:
    service = options(UNITS / "vernissage.service")
    assert service["ReadWritePaths"] == ["/etc/vernissage"]
    assert not {"StateDirectory", "CacheDirectory", "LogsDirectory", "RuntimeDirectory"} & service.keys()
    assert service["SuccessExitStatus"] == service["RestartForceExitStatus"] == [str(RESTART)]


def test_what_waits_for_somebody_is_not_started_again() -> None:
    """All else is: the disk, the port or the address may come."""
    assert options(UNITS / "vernissage.service")["RestartPreventExitStatus"] == [str(WRONG)]


def test_the_watchdog_waits_longer_than_a_busy_kiosk_is_silent() -> None:
    service = options(UNITS / "vernissage.service")
    assert (service["Type"], service["NotifyAccess"]) == (["notify"], ["main"])
    # An upload waits ten seconds for another; in a quarter of this time one check is made.
    assert int(service["WatchdogSec"][0]) >= 20


def test_the_container_says_the_same() -> None:
    """One number of a port, one status of exit, one way to ask for health."""
    quadlet = configparser.ConfigParser(strict=False)
    quadlet.optionxform = str  # type: ignore[assignment,method-assign]
    quadlet.read(ROOT / "deploy/container/vernissage.container")
    assert quadlet["Service"]["SuccessExitStatus"] == str(RESTART)
    assert quadlet["Service"]["RestartPreventExitStatus"] == str(WRONG)
    assert quadlet["Container"]["PublishPort"] == "127.0.0.1:8080:8080"
    recipe = (ROOT / "deploy/container/Containerfile").read_text()
    assert f"CMD {quadlet['Container']['HealthCmd'].split()}".replace("'", '"') in recipe
    assert re.search(r"^USER [1-9]\d*:\d+$", recipe, re.MULTILINE)
