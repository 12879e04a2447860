"""``python -m benchmarks.peers NAME FOLDER``: make one peer in a process of its own.

The source is one line of JSON on standard input; the reply, one line on standard output, is the `Made` or
``{"error": "one line"}``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.peers import Source, all_peers


def main(arguments: list[str]) -> int:
    """Make it; returns the exit code, 0 or 2."""
    # Libraries may print; the reply must stay the only line of its stream.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        name, folder = arguments
        source = TypeAdapter(Source).validate_json(sys.stdin.readline())
        made = all_peers()[name].make(source, Path(folder))
        print(made.model_dump_json(), file=replies, flush=True)
    except Exception as error:  # whatever it was, the parent prints it as one line
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        print(json.dumps({"error": reason}), file=replies, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
