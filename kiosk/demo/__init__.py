"""A slow walk past canvases that are drawn here, so that the kiosk can be shown without a camera.

Nothing is copied from a painting and nothing is loaded: every canvas is a seeded program of a hundred
lines or two. Six are in the manner of the six styles, two of none of them. The classifier is not told
which is which; what it says about them is its own answer. But they were painted, and their seeds chosen,
before the shipped model, until it knew each of them: they show what the kiosk does, and measure nothing.

`gallery` is the wall and the walk along it, `canvases` hold one canvas a module, and `brushes` is
what they are painted with.
"""

from kiosk.demo.gallery import DemoGallery

__all__ = ["DemoGallery"]
