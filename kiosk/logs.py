"""The log: lines for people or JSON for programs on standard error, and the last ones in memory for the administrator.

A line says what happened to the kiosk. Nothing of what visitors showed or asked is in it, no picture, no address of
theirs. Nothing is written to a file here: systemd's journal, or whoever started the kiosk, keeps what it wants.
"""

from __future__ import annotations

import datetime
import json
import logging
import threading
import traceback
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

# Lines that are kept in memory: some days of a kiosk that works, and 100 kB.
KEPT_LINES = 500

# Characters of a line, and of an error's own text, in memory: a broken driver may say anything.
_LONGEST, _LONGEST_ERROR = 1_000, 4_000

LEVELS = ("debug", "info", "warning", "error")

_HANDLER = "vernissage"


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    number: int
    """Counts from 1 for the life of the process."""
    time: str
    """ISO 8601, UTC, in milliseconds."""
    level: str
    logger: str
    message: str
    error: str | None = None
    """Where something was raised: the traceback."""


class Journal(logging.Handler):
    """The last lines, and how many there were of each level. For any thread."""

    def __init__(self, kept: int = KEPT_LINES) -> None:
        super().__init__()
        self._lines: deque[Line] = deque(maxlen=kept)
        self._counts: Counter[str] = Counter()
        self._number = 0
        self._writing = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; never raises."""
        try:
            said = _said(record)
        except Exception:
            self.handleError(record)
            return
        with self._writing:
            self._number += 1
            self._counts[said["level"]] += 1
            self._lines.append(Line(self._number, **said))

    def lines(self, after: int = 0, least: str = "debug") -> list[Line]:
        """Those with a number above `after` and of the level `least` or above, the oldest first."""
        wanted = LEVELS[LEVELS.index(least) :]
        with self._writing:
            return [line for line in self._lines if line.number > after and line.level in wanted]

    @property
    def counts(self) -> Mapping[str, int]:
        """Lines of each level since the start."""
        with self._writing:
            return {level: self._counts[level] for level in LEVELS}


journal = Journal()
"""Of this process: a process has one log."""


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({name: value for name, value in _said(record).items() if value is not None})


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = _said(record)
        when = datetime.datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S")
        line = f"{when} {said['level'].upper()} {said['logger']}: {said['message']}"
        return f"{line}\n{said['error']}" if said["error"] else line


def set_up(form: Literal["text", "json"], level: str) -> None:
    """Have this process log to standard error in that form, and to `journal`. May be called again to change it."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if each.get_name() == _HANDLER]:
        root.removeHandler(handler)
    written = logging.StreamHandler()
    written.setFormatter(_Json() if form == "json" else _Text())
    written.set_name(_HANDLER)
    root.addHandler(written)
    if journal not in root.handlers:
        root.addHandler(journal)
    root.setLevel(logging.WARNING)  # of libraries
    logging.getLogger("kiosk").setLevel(level.upper())
    # A full disk behind standard error must not fill it with tracebacks about itself.
    logging.raiseExceptions = False
    logging.captureWarnings(True)


def change(form: Literal["text", "json"], level: str) -> None:
    """Another form or level, where `set_up` was called; elsewhere (in tests) the log belongs to somebody else."""
    if any(handler.get_name() == _HANDLER for handler in logging.getLogger().handlers):
        set_up(form, level)


def as_json(line: Line) -> dict[str, Any]:
    """A line as the API gives it."""
    return asdict(line)


def _said(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says: on one line but for the error, without control characters, which a terminal would obey."""
    error = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info and record.exc_info[1] else None
    when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    return {
        "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": _level(record.levelno),
        "logger": record.name,
        "message": _printable(record.getMessage(), "")[:_LONGEST],
        "error": _printable(error, "\n").strip()[-_LONGEST_ERROR:] if error else None,
    }


def _level(number: int) -> str:
    """Critical is an error to whoever reads it."""
    return next((level for level in reversed(LEVELS) if number >= getattr(logging, level.upper())), "debug")


def _printable(text: str, also: str) -> str:
    return "".join(each if each.isprintable() or each in also else f"\\x{ord(each):02x}" for each in text)
