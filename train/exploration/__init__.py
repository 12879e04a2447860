"""A first look at folders of paintings: what is in them, how it is spread, and what is done to it.

`command` is the command line, `survey` measures every picture once, `charts` and `sheets` draw,
`drawings` shows the networks, `findings` puts the numbers into sentences, `chapters` puts all of this
together and `page` writes it. The pictures are other people's: what is written here stays under
``runs/``, which git ignores.
"""

from train.exploration.command import main

__all__ = ["main"]
