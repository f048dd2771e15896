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

    out, data, lists, cams: folders; dataroot: that of VOC, COCO or photographs; config: YAML of stage 1; contours: file
    of HED's weights, or "image"; opts: configuration keys and values; make_toy: flags of make_toy.py; processes: how
    many train and infer together; split: val or test; first, last, force: stage names; listing: only show the stages;
    baselines: whether what the method is compared with is trained; root: the project's root, where scripts and
    configurations are.
    """

    out: str = ""
    data: str = ""
    dataroot: str = ""
    lists: str = ""
    cams: str = ""
    config: str = ""
    contours: str = ""
    opts: tuple[str, ...] = ()
    make_toy: tuple[str, ...] = ()
    processes: int = 1
    split: str = "val"
    first: str = ""
    last: str = ""
    force: str = ""
    listing: bool = False
    baselines: bool = True
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
        config=_config(environment.get("CONFIG", ""), path("CONFIG")),
        contours="image" if environment.get("CONTOURS") == "image" else path("CONTOURS"),
        opts=_words(environment, "OPTS"),
        make_toy=_words(environment, "MAKE_TOY"),
        processes=_processes(environment.get("NPROC") or "1"),
        split=_split(environment.get("SPLIT") or "val"),
        first=environment.get("FROM", ""),
        last=environment.get("TO", ""),
        force=environment.get("FORCE", ""),
        listing=_switch(environment.get("LIST") or "0", "LIST"),
        baselines=_switch(environment.get("BASELINES") or "1", "BASELINES"),
    )


def need_dataroot(settings: Settings, holds: str, page: str) -> str:
    """The data root; raises UserError where it is not set or no folder, and names the page that says more."""
    if not settings.dataroot:
        raise UserError(f"DATAROOT is not set: name the folder that holds {holds} ({page})")
    if not os.path.isdir(settings.dataroot):
        raise UserError(f"DATAROOT={settings.dataroot}: no such folder; name the one that holds {holds} ({page})")
    return settings.dataroot


def need_val_split(settings: Settings, dataset: str) -> None:
    """Raise UserError where test images are asked for of a data set that has none here."""
    if settings.split == "test":
        others = "voc12 and msrc21 have both"
        raise UserError(f"SPLIT=test: the {dataset} recipes have no test images; expected val ({others})")


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


def _config(given: str, path: str) -> str:
    """A configuration relative to where the user stands or, where none is there, to the project's root."""
    return path if os.path.isfile(path) else given


def _switch(text: str, name: str) -> bool:
    if text not in ("0", "1"):
        raise UserError(f"{name}={text}: expected 0 or 1")
    return text == "1"


def _split(text: str) -> str:
    if text not in ("val", "test"):
        raise UserError(f"SPLIT={text}: expected val or test")
    return text
