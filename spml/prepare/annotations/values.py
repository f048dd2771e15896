"""Values of annotation files, which may be broken or hostile: each knows its place."""

import math
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from spml.errors import UserError

MAX_COORDINATE = 1e6
MAX_POINTS = 100_000  # of one shape
LONGEST_SIDE = 65_535


@dataclass(frozen=True)
class Json:
    """A value of a JSON file; `where` names file and place, and begins every complaint about it."""

    value: Any
    where: str

    def error(self, wanted: str) -> UserError:
        """The complaint that this value is not what was `wanted`."""
        return UserError(f"{self.where}: expected {wanted}, not {reprlib.repr(self.value)[:80]}")

    def keys(self) -> list[str]:
        """The keys of an object."""
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return list(self.value)

    def get(self, key: str) -> "Json":
        """What an object has under `key`, None where it has nothing."""
        self.keys()
        return Json(self.value.get(key), f"{self.where}, {key}")

    def need(self, key: str) -> "Json":
        """What an object has under `key`; raises UserError where it has nothing."""
        if key not in self.keys():
            raise UserError(f"{self.where}: has no {key!r}")
        return self.get(key)

    def each(self) -> Iterator["Json"]:
        """The entries of a list."""
        if not isinstance(self.value, list):
            raise self.error("a list")
        return (Json(value, f"{self.where}[{number}]") for number, value in enumerate(self.value))

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self.error("a text")
        return self.value

    def number(self) -> float:
        """A number that may be a coordinate."""
        if not _is_number(self.value) or not abs(self.value) <= MAX_COORDINATE:
            raise self.error(f"a number within ±{MAX_COORDINATE:.0f}")
        return float(self.value)

    def size(self, height: str, width: str) -> tuple[int, int] | None:
        """(height, width) of an image under these keys, None where neither is there, or one is 0, not known."""
        sides = self.get(height).value, self.get(width).value
        if sides == (None, None) or 0 in sides:
            return None
        return self.get(height).side(), self.get(width).side()

    def side(self) -> int:
        """The side of an image in pixels."""
        if not 1 <= self.number() <= LONGEST_SIDE or self.number() % 1:
            raise self.error(f"a whole number of pixels from 1 to {LONGEST_SIDE}")
        return int(self.value)

    def pairs(self, least: int = 1) -> np.ndarray:
        """A list of at least `least` [x, y] as N×2."""
        return checked_points(self.value, least, self.where)

    def flat_pairs(self, least: int = 1) -> np.ndarray:
        """A list of at least `least` x, y, x, y, ... as N×2."""
        values = self.value if isinstance(self.value, list) else []
        if not values or len(values) % 2:
            raise self.error("a list x, y, x, y, ...")
        return checked_points([values[place : place + 2] for place in range(0, len(values), 2)], least, self.where)


def checked_points(values: Any, least: int, where: str) -> np.ndarray:
    """Values as N×2 points; raises UserError, beginning with `where`, for anything else than `least` [x, y] or more."""
    try:
        pairs = [list(pair) for pair in values]
        points = np.array(pairs, float) if all(_is_number(number) for pair in pairs for number in pair) else np.empty(0)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not least <= len(points) <= MAX_POINTS:
        raise UserError(f"{where}: expected {least} to {MAX_POINTS} points [x, y]")
    if not (np.abs(points) <= MAX_COORDINATE).all():
        raise UserError(f"{where}: expected coordinates within ±{MAX_COORDINATE:.0f}")
    return points


def _is_number(value: Any) -> bool:
    """Whether a value of JSON is a number; Python counts its truths among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def checked_box(left: float, top: float, right: float, bottom: float, where: str) -> tuple[float, float, float, float]:
    """The sides of a box; raises UserError, beginning with `where`, where they change places."""
    if left > right or top > bottom:
        raise UserError(
            f"{where}: a box from ({left:g}, {top:g}) to ({right:g}, {bottom:g}); expected its smaller side first"
        )
    return left, top, right, bottom


@dataclass(frozen=True)
class Xml:
    """An element of an XML file; `where` names file and place, and begins every complaint about it."""

    element: Element
    where: str

    def children(self) -> Iterator["Xml"]:
        """The elements within, counted by their names."""
        seen: dict[str, int] = {}
        for child in self.element:
            seen[child.tag] = seen.get(child.tag, 0) + 1
            yield Xml(child, f"{self.where}, <{child.tag}> {seen[child.tag]}")

    def child(self, name: str) -> "Xml":
        """The first element of this name; raises UserError where there is none."""
        found = self.element.find(name)
        if found is None:
            raise UserError(f"{self.where}: has no <{name}>")
        return Xml(found, f"{self.where}, <{name}>")

    def attribute(self, name: str) -> str:
        """An attribute's text; raises UserError where there is none."""
        if name not in self.element.attrib:
            raise UserError(f"{self.where}: has no attribute {name!r}")
        return self.element.attrib[name]

    def number(self, name: str, default: float | None = None) -> float:
        """An attribute as a number that may be a coordinate; `default` where it is not there."""
        if default is not None and name not in self.element.attrib:
            return default
        return number_in(self.attribute(name), f"{self.where}, {name}")

    def content(self) -> str:
        """The text within, without white space around."""
        return (self.element.text or "").strip()

    def side(self, text: str) -> int:
        """A text as the side of an image in pixels."""
        value = number_in(text, self.where)
        if not 1 <= value <= LONGEST_SIDE or value % 1:
            raise UserError(f"{self.where}: expected a whole number of pixels from 1 to {LONGEST_SIDE}, not {text!r}")
        return int(value)


def number_in(text: str, where: str) -> float:
    """The number that a text holds; raises UserError, beginning with `where`, where it may be no coordinate."""
    try:
        value = float(text) if "_" not in text else math.nan  # Python takes 1_0 for 10
    except ValueError:
        value = math.nan
    if not abs(value) <= MAX_COORDINATE:
        raise UserError(f"{where}: expected a number within ±{MAX_COORDINATE:.0f}, not {text[:80]!r}")
    return value
