"""Photographs of museum walls that nobody took: rendered, so that where the paintings are is known exactly.

``compose`` puts a scene together; ``view`` is the camera's geometry, ``surfaces``, ``furniture``,
``frames``, ``canvases`` and ``people`` what it sees, ``light`` and ``sensor`` how. The generator is
independent of the one that the locator is trained on and shares no code with it: what is measured here
is how far a locator's skill reaches.

Not in it, so that figures are read with care: round and octagonal frames, glass that mirrors the whole room,
paintings that hang one above the other, curved walls, and any real wall.
"""

from benchmarks.scenes.canvases import Painting, drawn
from benchmarks.scenes.compose import KINDS, Attributes, Kind, Scene, scene

__all__ = ["KINDS", "Attributes", "Kind", "Painting", "Scene", "drawn", "scene"]
