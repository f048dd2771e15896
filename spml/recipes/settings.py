"""What the user may set before a recipe: OUT, OPTS, NPROC and the like, read from the environment."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spml.errors import UserError

ROOT = str(Path(__file__).resolve().parents[2])


@dataclass(frozen=True)
class Settings:
    """The settings of a recipe; '' and () where not given.

    out, data, lists, cams: folders; dataroot: that of VOC or COCO; opts: configuration keys and values; make_toy: flags
    of make_toy.py; processes: how many train and infer together; split: val or test; first, last, force: stage names;
    listing: only show the stages; root: the project's root, where scripts and configurations are.
    """

    out: str = ""
    data: str = ""
    dataroot: str = ""
    lists: str = ""
    cams: str = ""
    opts: tuple[str, ...] = ()
    make_toy: tuple[str, ...] = ()
    processes: int = 1
    split: str = "val"
    first: str = ""
    last: str = ""
    force: str = ""
    listing: bool = False
    root: str = ROOT


def read_settings(environment: Mapping[str, str], folder: str) -> Settings:
    """The settings of an environment; folder: what relative paths are relative to.

    Raises UserError for a value that cannot be.
    """

    def path(name: str) -> str:
        value = environment.get(name, "")
        return os.path.abspath(os.path.join(folder, value)) if value else ""

    return Settings(
        out=path("OUT"),
        data=path("DATA"),
        dataroot=path("DATAROOT"),
        lists=path("LISTS"),
        cams=path("CAMS"),
        opts=_words(environment, "OPTS"),
        make_toy=_words(environment, "MAKE_TOY"),
        processes=_processes(environment.get("NPROC") or "1"),
        split=_split(environment.get("SPLIT") or "val"),
        first=environment.get("FROM", ""),
        last=environment.get("TO", ""),
        force=environment.get("FORCE", ""),
        listing=bool(environment.get("LIST")),
    )


def need_val_split(settings: Settings, dataset: str) -> None:
    """Raise UserError where test images are asked for of a data set that has none here."""
    if settings.split == "test":
        raise UserError(f"SPLIT=test: the {dataset} recipes have no test images; expected val (voc12 has both)")


def _words(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """A setting of several words, quoted as in a shell."""
    try:
        return tuple(shlex.split(environment.get(name, "")))
    except ValueError as error:
        raise UserError(f"{name}={environment[name]}: cannot be split into words ({error})") from None


def _processes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 4096:
        raise UserError(f"NPROC={text}: expected a whole number from 1 to 4096")
    return int(text)


def _split(text: str) -> str:
    if text not in ("val", "test"):
        raise UserError(f"SPLIT={text}: expected val or test")
    return text
