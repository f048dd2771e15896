"""First-in first-out memory of the prototypes of the last iterations (paper, section 3.3)."""

from collections import deque
from typing import Any

import torch

from spml.segments.prototypes import Prototypes


class MemoryBank:
    """Remembers the prototypes of the last `size` iterations; their image ids are negative and never repeat."""

    def __init__(self, size: int) -> None:
        self.entries: deque[Prototypes] = deque(maxlen=size)
        # A tensor that stays where prototypes are: reading a number would make a GPU wait.
        self.images_seen = torch.zeros((), dtype=torch.long)

    def append(self, prototypes: Prototypes) -> None:
        """Remember an iteration's prototypes, dropping the oldest where the bank is full."""
        if not self.entries.maxlen:
            return
        remembered = prototypes.detach()
        seen = self.images_seen.to(remembered.image.device, non_blocking=True)
        remembered.image = -1 - seen - remembered.image
        self.images_seen = seen + prototypes.image.max() + 1 if len(prototypes) else seen
        self.entries.append(remembered)

    def extend(self, prototypes: Prototypes) -> Prototypes:
        """`prototypes` followed by the remembered ones, oldest first."""
        return Prototypes.cat([prototypes, *self.entries])

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers that `load_state_dict` takes."""
        return {"entries": [dict(vars(entry)) for entry in self.entries], "images_seen": int(self.images_seen)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.entries.clear()
        self.entries.extend(Prototypes(**entry) for entry in state["entries"])
        self.images_seen = torch.tensor(state["images_seen"])

    def to(self, device: torch.device | str) -> None:
        """Move what is remembered to `device`."""
        moved = [entry.map(lambda x: x.to(device)) for entry in self.entries]
        self.entries.clear()
        self.entries.extend(moved)
        self.images_seen = self.images_seen.to(device)
