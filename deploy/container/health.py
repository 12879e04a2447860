"""Whether the kiosk of this container serves visitors, for HEALTHCHECK: exit status 0, or 1 after a line that says why.

The same question that the systemd watchdog asks (kiosk/watchdog.py), as far as it can be asked from outside. The
standard library alone: it starts every ten seconds.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request

# Seconds that a judged frame may be old while the camera gives frames. A slow board judges one in a second.
_OLD_S = 10.0


def main() -> int:
    """Ask the kiosk on this machine."""
    port = os.environ.get("VERNISSAGE_PORT", "8080")
    # Whatever proxy the environment names: this machine is asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/api/state", timeout=4) as response:
            trouble = _trouble(json.load(response))
    except (OSError, ValueError) as error:
        trouble = f"the kiosk does not answer: {error}"
    if trouble:
        print(trouble)
    return 1 if trouble else 0


def _trouble(state: dict[str, object]) -> str | None:
    age_ms = state["age_ms"]
    if state["model"] is None:
        return "the model is not loaded"
    if state["status"] == "model_fault":
        return "frames cannot be judged"
    if state["camera"] == "live" and isinstance(age_ms, float) and age_ms > 1000 * _OLD_S:
        return f"the camera gives frames, but none was judged for {age_ms / 1000:.0f} s"
    return None


if __name__ == "__main__":
    sys.exit(main())
