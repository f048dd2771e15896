"""Class tables of masks: which class a colour or a number means."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from spml.data.files import read_text
from spml.errors import UserError

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b|(?<![\w.])\d{1,3}[\s,;]+\d{1,3}[\s,;]+\d{1,3}(?![\w.])")
_COLOUR_BEHIND = re.compile(r"(?<![\w.])\d{1,3}[\s,;]+\d{1,3}[\s,;]+\d{1,3}$")
_NUMBER_BEFORE = re.compile(r"^(\d{1,3})[\s,;]+(.+)$")
_NUMBER_AND_COLOUR_BEFORE = re.compile(r"^(\d{1,3})[\s,;]+(\d{1,3}[\s,;]+\d{1,3}[\s,;]+\d{1,3})[\s,;]+([^\d\s,;].*)$")
_NUMBER = re.compile(r"^(\d{1,3})[\s:,;=]+(.+)$|^(.+?)[\s:,;=]+(\d{1,3})$")

BEYOND = 1 << 24  # no colour: one of its numbers is above 255


@dataclass
class MaskTable:
    """Classes by colour, 0xRRGGBB, and by number; where lines have no number of their own, theirs counts from 0."""

    colours: dict[int, str] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)


def read_mask_table(path: str | Path) -> MaskTable:
    """Read a table with one class a line.

    A line holds a name and a colour (`r g b`, `r,g,b` or `#rrggbb`, before or behind), a name and a number, or a name
    alone; CVAT's labelmap.txt is one. Where all lines have a colour and a number in front, that is the class's. Lines
    that begin with `# ` are comments; a first line of column titles counts for none. Raises UserError for a table of no
    class, or one in which a colour or a number occurs twice.
    """
    table = MaskTable()
    lines = [line.strip() for line in read_text(path, "class table").splitlines()]
    lines = [line for line in lines if line and not re.match(r"#(?![0-9a-fA-F]{6}\b)", line)]
    lines = lines[1 if lines and _is_title(lines) else 0 :]
    counted = all(_numbered_colour(line) for line in lines)
    for place, line in enumerate(lines):
        name, colour, number = (_numbered_colour(line) if counted else None) or _parse(line)
        where = f"class table {path}: {line[:80]!r}"
        if (
            not name
            or line[0] in "{["
            or colour == BEYOND
            or (colour is not None and table.colours.setdefault(colour, name) != name)
        ):
            raise UserError(f"{where}: expected a name, and a colour or number up to 255 that no other class has")
        if table.numbers.setdefault(place if number is None else number, name) != name:
            raise UserError(f"{where}: another class has this number")
    if not table.numbers:
        raise UserError(f"class table {path}: is empty; expected a name and a colour or a number a line")
    return table


def _is_title(lines: list[str]) -> bool:
    return len(lines) > 1 and not any(map(str.isdigit, lines[0])) and _parse(lines[1])[1:] != (None, None)


def _numbered_colour(line: str) -> tuple[str, int, int] | None:
    """Name, colour and number of a line that begins with a number and has a colour besides, None for another."""
    before = _NUMBER_AND_COLOUR_BEFORE.match(line)
    if before:
        return before[3].strip(), _channels(before[2]), int(before[1])
    name, colour, _ = _parse(line)
    counted = _NUMBER_BEFORE.match(name)
    return (counted[2], colour, int(counted[1])) if counted and colour is not None else None


def _parse(line: str) -> tuple[str, int | None, int | None]:
    """Name, colour and number of a line."""
    colour = _COLOUR_BEHIND.search(line) or _COLOUR.search(line)
    if colour:
        values = _channels(colour[0])
        rest = line[: colour.start()] if line[: colour.start()].strip(" \t:,;") else line[colour.end() :]
        return rest.split(":")[0].strip(" \t:,;"), values, None
    line = line.rstrip(":")
    numbered = _NUMBER.match(line)
    if numbered:
        return (numbered[2] or numbered[3]).strip(), None, int(numbered[1] or numbered[4])
    return line.strip(), None, None


def _channels(text: str) -> int:
    if text.startswith("#"):
        return int(text[1:], 16)
    red, green, blue = (int(part) for part in re.split(r"[\s,;]+", text))
    return (red << 16) + (green << 8) + blue if max(red, green, blue) <= 255 else BEYOND
