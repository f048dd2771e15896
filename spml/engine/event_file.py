"""TensorBoard's event files, written at once and by this thread, so that a disk's refusal is met where it happens."""

import os
import socket
import time
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import summary

from spml.errors import UserError


class EventFile:
    """One file of a folder, made where it is missing; begin: the iteration that a resumed run goes on at, or 0.

    Whatever the system refuses is a UserError that names the file.
    """

    def __init__(self, folder: Path, begin: int = 0) -> None:
        name = f"events.out.tfevents.{time.time():010.0f}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}"
        self.path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written ({error})") from None
        self._records = RecordWriter(self)
        self._write(Event(file_version="brain.Event:2"))
        if begin:  # what a run that was killed wrote of later iterations is not shown
            self._write(Event(step=begin, session_log=SessionLog(status=SessionLog.START)))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Write one number."""
        self._write(Event(step=step, summary=summary.scalar(name, value)))

    def add_image(self, name: str, picture: np.ndarray, step: int) -> None:
        """Write one picture, uint8 [H, W, 3]."""
        found: Summary = summary.image(name, picture, dataformats="HWC")
        self._write(Event(step=step, summary=found))

    def write(self, data: bytes) -> None:
        """Write bytes of a record, all of them."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        try:
            self._records.write(event.SerializeToString())
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written ({error})") from None
