"""Benchmarks: the files of a bundle side by side, on this machine and on given pictures.

``latency`` measures each file in processes of its own (``worker``), in turns; ``accuracy`` scores the
pictures of a folder, set by set (``division``), all files by the same code; ``figures`` puts an
interval to every number; ``report`` is what is written and ``tables`` what is shown.

``localization`` tries locators on the synthetic ``scenes``, whose truth is exact; ``pipeline`` measures the
kiosk as it runs, in processes of their own (``attendant``), before a camera that plays rendered frames
(``playback``).

Only `bundle` and `kiosk` (to time the real pipeline) of our other rooms may be imported here.
"""

import os

# ONNX Runtime, from 1.29 on, writes an identifier of this machine to its user's folder and sends figures to its maker,
# unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
