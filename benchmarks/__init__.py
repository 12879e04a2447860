"""Benchmarks: latency and accuracy of every format, on the hardware in front of you.

`run` puts a report together: the files of bundles (`subjects`) and their ``peers`` in all ``runtimes``, each in
processes of its own (`worker`) that go on in turns (`latency`) under LoadGen's scenarios (`loadgen`); what they get
right, by the same processes (`judging`, `accuracy`), set by set (`division`), with an interval to every number
(`figures`); the machine and its noise (`machine`), its energy (`energy`) and the least time that it could take
(`limit`); the kiosk before a camera (`pipeline`) and its API under load (`serving`). `report` is what is written
(`storage`), `page` and `tables` what is shown, `comparison` what two reports differ by, and `recommendation` what to
deploy. `profile` looks into one file. ``commands`` is the command line.

`localization` tries locators on the synthetic ``scenes``, whose truth is exact; `pipeline` measures the
kiosk as it runs, in processes of their own (`attendant`), before a camera that plays rendered frames
(`playback`).

Only `bundle` and `kiosk` (to time the real pipeline) of our other rooms may be imported here.
"""

import os
from collections.abc import Callable

# ONNX Runtime, from 1.29 on, writes an identifier of this machine to its user's folder and sends figures to its maker,
# unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


class BenchmarkError(Exception):
    """Something cannot be measured; the message is one line with the way out."""


Progress = Callable[[int, int], None]
"""Is called with what is done, and what there is to do in all."""

Stages = Callable[[str], Progress]
"""Is called with the name of each part of some work, and gives what is told its progress."""
