"""What each of several gloo processes, which the environment tells apart, does for test_processes.py: some steps."""

import sys
from pathlib import Path

import torch
from two_processes import Place, steps

from spml.engine import processes

if __name__ == "__main__":
    folder, root, data_list = (Path(word) for word in sys.argv[1:])
    torch.set_num_threads(1)
    with processes.process_group(torch.device("cpu")):
        rank = processes.rank()
        torch.save(steps(rank, Place(folder, root, data_list)), folder / f"steps{processes.world_size()}-{rank}.pth")
