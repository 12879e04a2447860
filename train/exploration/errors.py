"""What can go wrong in an exploration by the user's doing."""


class ExplorationError(ValueError):
    """The exploration cannot be made or written as asked; the message is one line with the way out."""
