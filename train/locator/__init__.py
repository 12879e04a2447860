"""The network that finds the painting in the kiosk's frame, trained on scenes that are drawn here.

`walls`, `frames` and `light` draw what hangs around a canvas, `scenes` puts them together and knows where the
canvas is, `network` is what learns it, and `command` is ``python -m train locator``.
"""
