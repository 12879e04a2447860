"""Publishing a folder whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from train import publishing
from train.publishing import CannotPublish, check_replaceable, replacing


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with replacing(tmp_path / "published") as fresh:
            (fresh / content).write_text(content)
    assert names(tmp_path) == ["published", "published/second"]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".published.new" / "inner").mkdir(parents=True)
    (tmp_path / ".published.new" / "half").write_text("written")
    (tmp_path / ".published.old").mkdir()
    (tmp_path / ".published.old" / "good").write_text("put aside when the kill came")
    with pytest.raises(RuntimeError), replacing(tmp_path / "published"):
        raise RuntimeError
    assert names(tmp_path) == ["published", "published/good"]


def test_an_interruption_between_the_two_renames_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "old").write_text("old")
    rename = os.rename

    def interrupted(source: Path, target: Path) -> None:
        if Path(source).name == ".published.new":
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(publishing.os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "published"):
        pass
    assert names(tmp_path) == ["published", "published/old"]


def test_two_at_a_time_do_not_get_at_each_other(tmp_path: Path) -> None:
    with replacing(tmp_path / "published") as fresh:
        (fresh / "first").write_text("first")
        with pytest.raises(CannotPublish, match="another process"), replacing(tmp_path / "published"):
            pass
    assert names(tmp_path) == ["published", "published/first"]


def test_only_what_was_published_here_is_replaced(tmp_path: Path) -> None:
    def is_one(folder: Path) -> bool:
        return (folder / "mark").exists()

    check_replaceable(tmp_path / "nothing", "ours", is_one)
    check_replaceable(tmp_path, "ours", is_one)
    (tmp_path / "photographs").mkdir()
    with pytest.raises(CannotPublish, match="something else than ours"):
        check_replaceable(tmp_path, "ours", is_one)
    (tmp_path / "mark").write_text("")
    check_replaceable(tmp_path, "ours", is_one)
    with pytest.raises(CannotPublish, match="is a file"):
        check_replaceable(tmp_path / "mark", "ours", is_one)
