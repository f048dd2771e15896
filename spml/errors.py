"""What scripts turn into one line: a user's mistake, and a signal that asked them to end."""

from collections.abc import Collection, Sequence


class UserError(Exception):
    """A mistake in what the user gave; the message names the file or key, the value, and what would be right."""


def first_of(names: Sequence[object]) -> str:
    """The first of several things in a message, and how many more there are: `a`, or `a and 2 more`."""
    return f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}"


def few_of(names: Collection[str], most: int = 3) -> str:
    """The first few of several things in a message, `most` of them: `a, b, c, ...`."""
    return ", ".join([*names][:most]) + (", ..." if len(names) > most else "")


def printable(text: str) -> str:
    """A text that UTF-8 can hold: of names of files that are not in it, the bytes are shown as `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode()


class Interrupted(KeyboardInterrupt):
    """A signal, of number `signal`, asked the program to end, and it does; the message says what is left."""

    def __init__(self, signal: int, message: str) -> None:
        super().__init__(message)
        self.signal = signal
