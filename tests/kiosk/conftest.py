"""The fixtures of the tests with a browser; see `tests.visitor`."""

from tests.visitor import (
    blind_kiosk,
    blind_visitor,
    browser,
    generous_kiosk,
    generous_visitor,
    governed_kiosk,
    governed_visitor,
    kiosk,
    visitor,
    wall_kiosk,
    wall_visitor,
)

__all__ = [
    "blind_kiosk",
    "blind_visitor",
    "browser",
    "generous_kiosk",
    "generous_visitor",
    "governed_kiosk",
    "governed_visitor",
    "kiosk",
    "visitor",
    "wall_kiosk",
    "wall_visitor",
]
