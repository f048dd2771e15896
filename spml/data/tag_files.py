"""Files of image tags: which classes an image holds, one `ID class class ...` a line."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from spml.data.files import read_text, write_text
from spml.data.lists import join_fields, split_fields
from spml.errors import UserError, first_of


def read_tags(path: str | Path, num_classes: int, first: int = 1) -> dict[str, tuple[int, ...]]:
    """Read image tags: {image id: ascending class ids}; a line with an id alone is an image without a tag.

    first: the first class that counts as a tag (`first_tag`). Raises UserError for a file that is missing or empty, a
    repeated image, and a tag outside first..num_classes − 1.
    """
    tags: dict[str, tuple[int, ...]] = {}
    for number, line in enumerate(read_text(path, "tags").splitlines(), 1):
        if not line.strip():
            continue
        name, *fields = split_fields(line, f"tags {path}, line {number}")
        if name in tags:
            raise UserError(f"tags {path}, line {number}: {name} occurs twice")
        if not all(_is_tag(field, num_classes, first) for field in fields):
            hint = "; class 0 is a tag where dataset.background is none" if first and "0" in fields else ""
            raise UserError(
                f"tags {path}, line {number}: expected 'ID class class ...' with classes from {first} to "
                f"{num_classes - 1}, not {line.strip()[:200]!r}{hint}"
            )
        tags[name] = tuple(sorted({int(field) for field in fields}))
    if not tags:
        raise UserError(f"tags {path}: is empty; expected one 'ID class class ...' a line")
    return tags


def need_tags_of(tags: Mapping[str, tuple[int, ...]], names: Iterable[str], path: str | Path) -> None:
    """Raise UserError where the tags, which the file `path` holds, are not of all these images."""
    untagged = [name for name in names if name not in tags]
    if untagged:
        raise UserError(f"{path}: has no line for {first_of(untagged)}")


def _is_tag(field: str, num_classes: int, first: int) -> bool:
    return field.isascii() and field.isdigit() and len(field) < 10 and first <= int(field) < num_classes


def write_tags(path: str | Path, tags: Mapping[str, Iterable[int]]) -> None:
    """Write image tags, {image id: class ids}, atomically, sorted by image."""
    write_text(path, "".join(join_fields([name, *sorted(tags[name])]) + "\n" for name in sorted(tags)))
