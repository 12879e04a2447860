"""The administrator's page, ``/admin``: camera and region, thresholds, languages, times, bundle, log, restart.

It is there only where a token is set. `door` says who may come in, `desk` what can be done inside.
"""

from __future__ import annotations

from flask import Flask

from kiosk.station import Station


def register(app: Flask, station: Station) -> None:
    """Put the page into the application. What it takes is imported here, so that a kiosk without it starts sooner."""
    from kiosk.admin.desk import Desk, desk
    from kiosk.admin.door import Door

    token = station.settings.admin_token
    assert token is not None, "without a token there is no page"
    app.extensions[Desk.EXTENSION] = Desk(station)
    app.extensions[Door.EXTENSION] = Door(app, token.get_secret_value(), station.metrics)
    app.register_blueprint(desk)
