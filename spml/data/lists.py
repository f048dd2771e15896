"""Data lists: text files with one sample a line, `image semantic instance`, relative to the data directory.

A field that holds white space stands between double quotes, where a quote of its own is written twice.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spml.data.files import read_text, write_text
from spml.errors import UserError, first_of

LONGEST_SHOWN = 500


@dataclass(frozen=True)
class Sample:
    """Paths of one sample; the label paths are None on a line that names only an image."""

    image: Path
    semantic: Path | None = None
    instance: Path | None = None

    @property
    def id(self) -> str:
        """The image's file name without its ending; masks are named by it."""
        return self.image.stem


_FIELD = re.compile(r'"((?:[^"]|"")*)"(?!\S)|([^\s"]\S*)')


def split_fields(line: str, where: str) -> list[str]:
    """The fields of a line; raises UserError, which says `where` it stands, for a quote that does not end."""
    fields, rest = [], line.strip()
    while rest:
        field = _FIELD.match(rest)
        if field is None:
            raise UserError(f"{where}: expected a second quote at the end of a field, not {rest[:200]!r}")
        fields.append(field[2] or field[1].replace('""', '"'))
        rest = rest[field.end() :].lstrip()
    return fields


def join_fields(fields: Iterable[object]) -> str:
    """The line of such fields; raises UserError where one holds a line break or is not in UTF-8."""
    return " ".join(map(_quoted, map(str, fields)))


def _quoted(field: str) -> str:
    if len(field.splitlines()) > 1:
        raise UserError(f"{field!r}: has a line break in its name, which lists cannot hold; rename it")
    if any("\ud800" <= sign <= "\udfff" for sign in field):
        raise UserError(f"{field!r}: has a name that is not in UTF-8; rename it")
    plain = len(field.split()) == 1 and field == field.strip() and not field.startswith('"')
    return field if plain else '"' + field.replace('"', '""') + '"'


def listed_ids(data_list: str | Path, what: str = "--data_list") -> list[str]:
    """Ids of the images that a data list names, each once, in its order.

    Raises UserError, naming `what` it should be, where the list cannot be read, is broken or empty.
    """
    lines = read_text(data_list, what).splitlines()
    ids = [
        Path(split_fields(line, f"{data_list}, line {n}")[0]).stem for n, line in enumerate(lines, 1) if line.strip()
    ]
    if not ids:
        raise UserError(f"{what} {data_list}: is empty; expected one 'image semantic instance' or 'image' a line")
    return list(dict.fromkeys(ids))


def parse_line(line: str, data_dir: Path, where: str, need_labels: bool, semantic_dir: str | Path | None) -> Sample:
    """One line of a data list as a Sample; raises UserError where it has another form than `need_labels` asks for."""
    fields = split_fields(line, where)
    if len(fields) not in (1, 3) or (need_labels and len(fields) == 1):
        right = "'image semantic instance'" + ("" if need_labels else " or 'image'")
        raise UserError(f"{where}: expected {right}, names with spaces in double quotes, not {line.strip()[:200]!r}")
    image, *labels = (data_dir / field for field in fields)
    if labels and semantic_dir is not None:
        labels[0] = Path(semantic_dir) / f"{image.stem}.png"
    return Sample(image, *labels)


def read_list(
    data_dir: str | Path,
    data_list: str | Path,
    need_labels: bool = True,
    semantic_dir: str | Path | None = None,
    allow_outside: bool = False,
) -> list[Sample]:
    """Read a data list into Samples, with every named file seen to exist.

    need_labels: whether every line must name its labels; semantic_dir: a folder whose `ID.png` replace the semantic
    column (pseudo labels); allow_outside: whether paths may leave the data directory. Raises UserError for a missing or
    empty list, a malformed line, a path that leaves the data directory, two samples of one id, or files that are not
    there.
    """
    data_dir, data_list = Path(data_dir), Path(data_list)
    lines = [(n, line) for n, line in enumerate(read_text(data_list, "data list").splitlines(), 1) if line.strip()]
    if not lines:
        raise UserError(f"data list {data_list}: is empty; expected one 'image semantic instance' a line")
    samples = {n: parse_line(line, data_dir, f"{data_list}, line {n}", need_labels, semantic_dir) for n, line in lines}
    if not allow_outside:
        _check_inside(samples, data_dir, data_list, labels_too=semantic_dir is None)
    _check_ids(samples, data_list)
    _check_files(list(samples.values()), data_list)
    return list(samples.values())


def _check_inside(samples: dict[int, Sample], data_dir: Path, data_list: Path, labels_too: bool) -> None:
    """Raise UserError where a path as it is written leaves the data directory; links within it may lead anywhere."""
    root = os.path.join(os.path.abspath(data_dir), "")
    for n, sample in samples.items():
        for path in (sample.image, sample.semantic if labels_too else None, sample.instance):
            if path is not None and not os.path.abspath(path).startswith(root):
                raise UserError(
                    f"data list {data_list}, line {n}: {shown_path(path)} leaves --data_dir {data_dir}; expected paths "
                    "within it, or dataset.allow_outside: true"
                )


def _check_ids(samples: dict[int, Sample], data_list: Path) -> None:
    first: dict[str, int] = {}
    for n, sample in samples.items():
        line = first.setdefault(sample.id, n)
        if line != n:
            raise UserError(
                f"data list {data_list}, lines {line} and {n}: {shown_path(samples[line].image)} and "
                f"{shown_path(sample.image)} would share the name {sample.id[:200]}; expected each name once"
            )


def shown_path(path: Path) -> str:
    """A path for a message, cut where no system could hold it."""
    text = str(path)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _check_files(samples: list[Sample], data_list: Path) -> None:
    paths = [
        path for sample in samples for path in (sample.image, sample.semantic, sample.instance) if path is not None
    ]
    missing = [path for path in dict.fromkeys(paths) if not os.path.isfile(path)]
    if missing:
        named = first_of([shown_path(path) for path in missing])
        raise UserError(f"data list {data_list}: {named} not found; paths are relative to --data_dir")


def write_list(path: str | Path, rows: Iterable[tuple[str | Path, ...]]) -> None:
    """Write a data list atomically; rows: tuples of 1 or 3 relative paths."""
    write_text(path, "".join(join_fields(row) + "\n" for row in rows))
