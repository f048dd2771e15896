"""What scripts turn into one line: a user's mistake, and a signal that asked them to end."""


class UserError(Exception):
    """A mistake in what the user gave; the message names the file or key, the value, and what would be right."""


class Interrupted(KeyboardInterrupt):
    """A signal, of number `signal`, asked the program to end, and it does; the message says what is left."""

    def __init__(self, signal: int, message: str) -> None:
        super().__init__(message)
        self.signal = signal
