"""One way to run a function over many files in several processes, with a progress bar."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context

from tqdm import tqdm


def default_workers():
    """The number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_context():
    """Fork where the system has it (start before torch has threads), spawn elsewhere."""
    return get_context("fork" if "fork" in get_all_start_methods() else "spawn")


def map_files(function, items, workers=None, desc=None):
    """Yield `function(item)` for each item, in order; `workers` processes (0: this one), None: one a core."""
    items = list(items)
    workers = min(default_workers() if workers is None else workers, len(items))
    if workers < 2:
        yield from tqdm(map(function, items), total=len(items), desc=desc, disable=desc is None)
        return
    chunk = max(1, min(16, len(items) // (4 * workers)))
    with ProcessPoolExecutor(workers, mp_context=process_context()) as pool:
        yield from tqdm(pool.map(function, items, chunksize=chunk), total=len(items), desc=desc, disable=desc is None)
