"""Opening annotation files, which may be broken or hostile, by their endings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, ElementTree

from spml.errors import UserError
from spml.prepare.annotations.values import Json, Xml

MAX_BYTES = 1 << 30
IMAGE_KINDS = (".png", ".bmp", ".tif", ".tiff", ".gif")
TEXT_KINDS = (".txt", ".csv", ".tsv")


@dataclass(frozen=True)
class Document:
    """An annotation file as opened: `content` is Json, Xml, text, or None for an image, which its reader opens.

    given: the path that the user named, the file's own or of a folder around it.
    """

    path: Path
    content: Json | Xml | str | None
    given: Path | None = None

    @property
    def json(self) -> Json:
        """The content of a file that is JSON."""
        assert isinstance(self.content, Json)
        return self.content

    @property
    def xml(self) -> Xml:
        """The content of a file that is XML."""
        assert isinstance(self.content, Xml)
        return self.content

    @property
    def text(self) -> str:
        """The content of a file that is text."""
        assert isinstance(self.content, str)
        return self.content

    @property
    def value(self) -> Any:
        """The value of a JSON file, None of another."""
        return self.content.value if isinstance(self.content, Json) else None

    @property
    def first(self) -> Any:
        """The value of a JSON file, or the first entry of one that is a list; None of another file."""
        return self.value[0] if isinstance(self.value, list) and self.value else self.value

    @property
    def keys(self) -> set[str]:
        """The keys of a file that is one JSON object, none of another."""
        return {*self.value} if isinstance(self.value, dict) else set()

    @property
    def tag(self) -> str:
        """The name of the outermost element of an XML file, '' of another file."""
        return self.content.element.tag if isinstance(self.content, Xml) else ""

    @property
    def top(self) -> Path:
        """The folder that the user gave, or that of the file."""
        given = self.given or self.path
        return self.path.parent if given == self.path else given

    def folders(self) -> list[Path]:
        """Where a table that explains it may lie: three folders from its own up, or more, up to the given one."""
        above = [*self.path.parents]
        return above[: max(3, above.index(self.top) + 1)]


def open_document(path: Path, given: Path | None = None) -> Document | None:
    """Open a file by its ending and first letters; None for what is no annotation at all, a photograph or a program.

    given: as of Document. Raises UserError where it cannot be read, is too large, or is broken JSON, XML or text.
    """
    kind = path.suffix.lower()
    if kind in IMAGE_KINDS:
        return Document(path, None, given)
    if kind not in (".json", ".geojson", ".xml", *TEXT_KINDS):
        return None
    content = _bytes(path)
    if kind in TEXT_KINDS:
        return Document(path, _decoded(content, path, "cp1252"), given)
    return Document(path, _xml(content, path) if kind == ".xml" else _json(content, path), given)


def _bytes(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"{path}: is larger than {MAX_BYTES >> 20} MiB, the most that is read")
    return content


def _decoded(content: bytes, path: Path, otherwise: str = "") -> str:
    """Text in UTF-8 or UTF-16, or in the encoding `otherwise`, which tables of office programs have."""
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except ValueError as error:
        if otherwise:
            return content.decode(otherwise, errors="replace")
        raise UserError(f"{path}: is no text in UTF-8 ({error})") from None


def _json(content: bytes, path: Path) -> Json:
    try:
        return Json(json.loads(_decoded(content, path)), str(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}, column {error.colno}: not readable JSON ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{path}: not readable JSON ({error})") from None


def _xml(content: bytes, path: Path) -> Xml:
    try:
        return Xml(ElementTree.fromstring(content, forbid_dtd=True), str(path))
    except DefusedXmlException:
        raise UserError(f"{path}: declares a document type, which no annotation needs; refused") from None
    except (ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: not readable XML ({error})") from None
