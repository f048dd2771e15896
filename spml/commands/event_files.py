"""The numbers that trainings wrote to TensorBoard's event files."""

from collections.abc import Sequence
from pathlib import Path

from spml.data.files import need_dir

Curve = Sequence[tuple[int, float]]
FOLDER = "tensorboard"  # below a folder of snapshots


def read_curves(folder: str | Path, what: str) -> dict[str, Curve]:
    """The scalars of a folder of event files, or of one of snapshots, by name: pairs of iteration and value.

    Records that cannot be read end a file. Raises UserError naming `what` the folder should be where it is not there.
    """
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    folder = need_dir(folder, what)
    below = folder / FOLDER
    events = EventAccumulator(str(below if below.is_dir() else folder), size_guidance={SCALARS: 0})
    events.Reload()
    names = sorted(events.Tags()[SCALARS])
    return {name: [(event.step, float(event.value)) for event in events.Scalars(name)] for name in names}
