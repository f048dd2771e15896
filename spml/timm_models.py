"""Which models timm has, by name: the library where it is installed, near names, and the colours a model expects."""

import difflib
from types import ModuleType

from spml.errors import UserError

KEY = "network.timm_model"
PACKAGE_SOURCE = "package:"  # of network.pretrained
LITE0_MODEL, LITE0_SOURCE = "tf_efficientnet_lite0", f"{PACKAGE_SOURCE}efficientnet_lite0"


def timm_library() -> ModuleType:
    """The library timm; raises UserError with what to install where it is missing."""
    try:
        import timm
    except ImportError:
        raise UserError(
            "network.backbone_types names a timm backbone, but timm is missing; install it: pip install timm"
        ) from None
    return timm


def check_timm_model(name: str) -> None:
    """Raise UserError, with near names, where timm has no model of this name and tag (`NAME` or `NAME.TAG`)."""
    timm = timm_library()
    if not name:
        raise UserError(f"{KEY} is empty, expected a model of timm, such as tf_efficientnet_lite0")
    if not _is_known(name):
        known = sorted({*timm.list_models(), *timm.list_pretrained()})
        near = _same_model(name, known) or difflib.get_close_matches(name, known, 3, 0.5)
        hint = f"did you mean {', '.join(near)}?" if near else "timm.list_models() lists them"
        raise UserError(f"{KEY} is {name!r}, which timm {timm.__version__} has not; {hint}")


def _is_known(name: str) -> bool:
    timm = timm_library()
    return timm.is_model(name) and ("." not in name or name in timm.list_pretrained(name.partition(".")[0] + ".*"))


def _same_model(name: str, known: list[str]) -> list[str]:
    """The tags that there are, where the tag alone is wrong."""
    stem = name.partition(".")[0]
    return [other for other in known if other.startswith(f"{stem}.")][:3] if stem in known else []


def timm_colours(name: str) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the colours (r, g, b in 0..1) that a model of timm was trained with."""
    check_timm_model(name)
    expected = timm_library().get_pretrained_cfg(name)
    return [float(mean) for mean in expected.mean], [float(std) for std in expected.std]
