"""``python -m train explore``: the command line of the exploration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from train.recipes import STYLES

EPILOG = """\
examples:
  python -m train explore --data paintings
  python -m train explore --data paintings paintings-diverse --styles Impressionism Cubism Baroque

The output shows other people's paintings. It belongs under runs/, which git ignores: do not commit
it, and do not publish it.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, explore, and turn every expected failure into one line and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m train explore",
        description="Look at folders of paintings before training: writes charts, contact sheets and one page.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, nargs="+", metavar="FOLDER", required=True, help="folders of paintings")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=Path("runs/explore"), help="replaced whole (default: runs/explore)"
    )
    parser.add_argument(
        "--styles",
        nargs="+",
        metavar="STYLE",
        default=STYLES,
        help="as in artists.csv, or all (default: the published six)",
    )
    parser.add_argument("--networks", nargs="*", metavar="NAME", help="to draw (default: all of train/networks.py)")
    parser.add_argument("--seed", type=int, default=2021, help="of all that is drawn by lot (default: 2021)")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error("--seed must be 0 or more")

    import bundle
    from train.dataset import single_styles
    from train.exploration.errors import ExplorationError
    from train.exploration.page import PAGE, is_exploration
    from train.progress import progress
    from train.publishing import CannotPublish, check_replaceable, replacing
    from train.reading import ALL_STYLES

    folders, styles = tuple(dict.fromkeys(options.data)), tuple(dict.fromkeys(options.styles))
    try:
        check_replaceable(options.out, "an exploration", is_exploration)
        with replacing(options.out) as fresh:
            with progress("reading") as step:
                catalogue = bundle.read_catalogue(folders, step)
            if styles == (ALL_STYLES,):
                styles = single_styles(catalogue)
            # Keras and matplotlib take seconds to import; --help and mistakes should not wait for them.
            from train.exploration.chapters import write

            write(fresh, catalogue, folders, styles, options.seed, options.networks)
    except (bundle.CatalogueError, bundle.PictureError, ExplorationError, CannotPublish) as error:
        print(f"explore: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"explore: {error.filename or options.out}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nexplore: stopped; nothing was written", file=sys.stderr)
        return 130
    print(f"written: {options.out / PAGE}; it shows other people's pictures: do not commit it")
    return 0
