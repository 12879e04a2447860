"""The kiosk: a camera, a model bundle, and the page that names the style of the painting in view.

One way through it, module by module::

    source ──► capture (a process) ──► camera ──► watcher ──► web ──► visitor
                                          │          └── eye (locator, tracker) ──► judge (quality, classifier)
                                          │                                             ──► smoothing
                                          └────► preview (MJPEG) ──► web
                          upload ──► eye ──► judge ──► answer ─────► web

`station` holds the running parts together, `server` and ``__main__`` put them on the network. Only
`bundle` of our other rooms may be imported here, and nothing that trains.
"""

import os

# ONNX Runtime, from 1.29 on, writes an identifier of this machine to its user's folder and sends figures to its maker,
# unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
