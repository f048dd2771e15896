"""SPML: weakly supervised semantic segmentation by pixel-to-segment contrastive learning (Ke, Hwang, Yu, ICLR 2021)."""

from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spml.config import load_config
    from spml.engine.trainer import train
    from spml.errors import UserError
    from spml.inference.segmenter import Segmenter, load

__version__ = "2.0.0"

__all__ = ["Segmenter", "UserError", "__version__", "load", "load_config", "train"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for, so that `import spml.x` does not bring torch with it.
    home: ModuleType
    if name in ("Segmenter", "load"):
        from spml.inference import segmenter as home
    elif name == "load_config":
        from spml import config as home
    elif name == "train":
        from spml.engine import trainer as home
    elif name == "UserError":
        from spml import errors as home
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
