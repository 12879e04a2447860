"""``python -m benchmarks``: the command line of the benchmarks."""

from __future__ import annotations

import sys
from importlib import import_module

_HELP = """\
usage: python -m benchmarks COMMAND ...

  run [BUNDLE ...]     latency, memory and accuracy of every file in every runtime; a report and a page
  compare A B          what changed between two reports beyond noise
  recommend [BUNDLE]   two minutes; writes the best file and threads to the kiosk's settings
  profile BUNDLE       where onnxruntime's time goes, by operator
  locate [BUNDLE]      does the kiosk find the painting?
  pipeline [BUNDLE]    from a frame's arrival to its label

python -m benchmarks COMMAND --help shows the options of each, with examples.
"""

COMMANDS = ("run", "compare", "recommend", "profile", "locate", "pipeline")


def main(arguments: list[str] | None = None) -> int:
    """Hand the arguments to their command. Returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_HELP, end="")
        return 0
    command, *rest = arguments
    if command not in COMMANDS:
        print(f"benchmarks: {command!r} is no command; there are {', '.join(COMMANDS)} (--help)", file=sys.stderr)
        return 2
    code: int = import_module(f"benchmarks.commands.{command}").main(rest)
    return code


if __name__ == "__main__":
    sys.exit(main())
