"""The one exception that scripts turn into a one-line message."""


class UserError(Exception):
    """A mistake in what the user gave; the message names the file or key, the value, and what would be right."""
