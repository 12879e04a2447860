"""``python -m export sign``: sign a bundle with a private key."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

EXAMPLES = """\
a key pair, once:
  openssl ecparam -name prime256v1 -genkey -noout -out private.pem
  openssl ec -in private.pem -pubout -out public.pem

examples:
  python -m export sign models/default --key private.pem
  python -m export verify models/default --key public.pem
  python -m kiosk --bundle models/default --key public.pem
"""


def main(arguments: Sequence[str]) -> int:
    """Sign; every expected failure is one line and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m export sign",
        description="Sign a bundle with a private key, offline; writes bundle.sig into it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, metavar="FOLDER")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="private key, elliptic curve, PEM")
    options = parser.parse_args(arguments)

    import bundle
    from bundle.signature import sign

    try:
        bundle.load(options.bundle)  # nobody's name goes under what is broken
        print(f"signed: {sign(options.bundle, options.key)}")
    except bundle.BundleError as error:
        print(f"export sign: {error}", file=sys.stderr)
        return 2
    return 0
