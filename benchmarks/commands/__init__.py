"""The command line: one module for each command, with ``main(arguments) -> int``. What they share is here."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks import Progress, Stages

# A screen that is no terminal (a file, a pipe) gets tables this wide, in characters.
_WIDTH = 200


class Parser(argparse.ArgumentParser):
    """A mistake is one line and exit code 2."""

    def __init__(self, command: str, description: str, examples: str) -> None:
        super().__init__(
            prog=f"python -m benchmarks {command}".rstrip(),
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """See `argparse.ArgumentParser`."""
        self.exit(2, f"benchmarks: {message} (--help shows examples)\n")

    def add_bundle(self) -> None:
        """The folder of one bundle; by default the kiosk's own."""
        from kiosk.settings import default_bundle

        self.add_argument(
            "bundle",
            type=Path,
            nargs="?",
            default=default_bundle(),
            metavar="BUNDLE",
            help="folder of the model bundle (default: %(default)s)",
        )

    def add_json(self, what: str) -> None:
        """Where the figures go."""
        self.add_argument(
            "--json", type=Path, metavar="FILE", help=f"where the figures go (default: reports/{what}-....json)"
        )

    def add_seed(self) -> None:
        """Of whatever is drawn by chance."""
        self.add_argument("--seed", type=count(2**31), default=1, metavar="S", help="of all chance (default: 1)")


def finish(work: Callable[[], int]) -> int:
    """Do `work`, which returns the exit code. Every expected failure is one line and 2; Ctrl+C is 130, and `kill` 143;
    what nobody expected is 3, with what Python says."""
    # An end by `kill` ends what was started and removes what is half done, as Ctrl+C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    import bundle
    from benchmarks import BenchmarkError
    from kiosk.classifier import ClassifierError
    from kiosk.settings import SettingsError

    try:
        return work()
    except (
        BenchmarkError,
        bundle.BundleError,
        bundle.CatalogueError,
        bundle.PictureError,
        ClassifierError,
        SettingsError,
    ) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nbenchmarks: stopped; nothing was written", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()
        print("benchmarks: a fault of the benchmarks themselves; nothing was written", file=sys.stderr)
        return 3


def new_console() -> Console:
    """Standard output, wide where it is no terminal."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A bar on standard error, gone when the work is done; none where that is no terminal."""
    with stages(tells=False) as begin:
        yield begin(title)


@contextmanager
def stages(tells: bool = True) -> Iterator[Stages]:
    """One bar after the other on standard error: what is given is called with the title of each part, and gives what
    is told its progress. Where that is no terminal, each title is a line, if it `tells`."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:

        def begin(title: str) -> Callable[[int, int], None]:
            if tells and not console.is_terminal:
                print(title, file=sys.stderr, flush=True)
            for task in bars.task_ids:
                bars.remove_task(task)
            task = bars.add_task(title, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield begin


def count(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {most}")
        return int(text)

    return parse


def positive(most: float) -> Callable[[str], float]:
    """A number above 0, up to `most`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, up to {most:g}")
        return value

    return parse


def size(text: str) -> tuple[int, int]:
    """Width and height, as ``1920x1080``."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 64):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 1920x1080")
    return int(width), int(height)
