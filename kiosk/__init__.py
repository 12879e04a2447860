"""The kiosk: a camera, a model bundle, and the page that names the style of the painting in view.

One way through it, module by module::

    source ──► camera ──► watcher (judge = quality + classifier, smoothing) ──► web ──► visitor
                  └─────► preview (MJPEG) ────────────────────────────────────┘
                             upload ──► judge ──► answer ────────────────────┘

`station` holds the running parts together, `server` and ``__main__`` put them on the network. Only
`bundle` of our other rooms may be imported here, and nothing that trains.
"""
