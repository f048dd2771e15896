"""Each step against the plain formula, in turn in one process: time, peak memory, and how both grow.

python benchmarks/run.py                       # all steps, some minutes; writes RESULTS.md and growth-DEVICE.svg
python benchmarks/run.py --only k-means        # those whose names contain this; writes nothing unless --out names it
python benchmarks/run.py --short --out /tmp/b  # seconds; what the tests run
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import torch
from charts import Panel, draw
from steps import extra_mib, find_steps, seconds

HERE = Path(__file__).parent
SECTION = "## Steps: "


def device_title(device):
    """What the figures were measured on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = models[0].partition(":")[2].strip() if models else platform.machine()
    return f"{torch.get_num_threads()} threads of {name}"


def memory_in_a_child(names, short, device):
    """MiB by step and size, as `extra_mib` gives; on the CPU in a process whose freed memory goes back at once."""
    flags = ["--memory", "--device", str(device), *(["--short"] if short else []), *names]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, __file__, *flags]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def sizes_of(step, short):
    """The sizes that are measured."""
    return step.short_sizes if short else step.sizes


def measure(steps, short, device):
    """Per step a list of (size, seconds by side, MiB by side)."""
    memory = memory_in_a_child(list(steps), short, device)
    measured = {}
    for name, step in steps.items():
        rows = []
        for size, mib in zip(sizes_of(step, short), memory[name], strict=True):
            took = seconds(step, size, device, 1 if short else 5)
            rows.append((size, took, mib))
            print(f"{name}: {line_of(size, took, mib)}", flush=True)
        measured[name] = rows
    return measured


def line_of(size, took, mib):
    """One measurement as a row of a table, without its first column."""
    shown = " × ".join(f"{number} {key}" for key, number in size.items())
    time_ratio = f"{took['plain'] / took['ours']:.2f}" if "plain" in took else ""
    memory_ratio = f"{mib['ours'] / mib['plain']:.3f}" if mib.get("plain") else ""
    cells = [took.get("plain"), took["ours"], time_ratio, mib.get("plain"), mib["ours"], memory_ratio]
    return " | ".join([shown, *("" if c is None else c if isinstance(c, str) else f"{c:.3g}" for c in cells)])


def table(measured, device):
    """The section of RESULTS.md that holds these measurements."""
    lines = [f"{SECTION}{device_title(device)}", ""]
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    lines += [f"{datetime.date.today()}, {versions}; `python benchmarks/run.py`, medians of alternating runs.", ""]
    lines += ["| step | size | plain s | ours s | times as fast | plain MiB | ours MiB | of its memory |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    lines += [f"| {name} | {line_of(*row)} |" for name, rows in measured.items() for row in rows]
    return "\n".join(lines) + "\n"


def with_section(text, section):
    """RESULTS.md with a section added, or put in the place of that with the same heading."""
    heading = section.splitlines()[0]
    parts = text.split(f"\n{SECTION}")
    kept = [parts[0], *(f"{SECTION}{part}" for part in parts[1:])]
    kept = [part.rstrip() + "\n" for part in kept if part.strip() and part.splitlines()[0] != heading]
    return "\n".join([*kept, section])


def growth(measured):
    """Panels of time and memory over each number of which a step has several sizes."""
    panels = []
    for name, rows in measured.items():
        first = rows[0][0]
        for key in first:
            along = [row for row in rows if all(row[0][k] == v for k, v in first.items() if k != key)]
            if len(along) > 1:
                along.sort(key=lambda row: row[0][key])
                for what, unit in ((1, "s"), (2, "MiB")):
                    curves = {side: [(row[0][key], row[what][side]) for row in along if side in row[what]]
                              for side in ("plain", "ours")}  # fmt: skip
                    panels.append(Panel(name, key, unit, {side: curve for side, curve in curves.items() if curve}))
    return panels


def write(measured, device, folder):
    """Put the table into RESULTS.md of a folder and the curves beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "RESULTS.md"
    results.write_text(
        with_section(results.read_text() if results.is_file() else "# Measured\n", table(measured, device))
    )
    panels = growth(measured)
    if panels:
        (folder / f"growth-{device.type}.svg").write_text(draw(panels))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="whole names of steps; default: all")
    parser.add_argument("--only", default="", help="steps whose names contain this")
    parser.add_argument("--short", action="store_true", help="small sizes, once")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="folder of RESULTS.md; default: benchmarks/, where all is measured")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    device = torch.device(args.device)
    chosen = {n: s for n, s in find_steps().items() if args.only in n and (not args.names or n in args.names)}
    if not chosen:
        parser.error(f"no such step; there are: {', '.join(find_steps())}")
    if args.memory:
        peaks = {n: [extra_mib(s, size, device) for size in sizes_of(s, args.short)] for n, s in chosen.items()}
        print(json.dumps(peaks))
        return
    measured = measure(chosen, args.short, device)
    folder = args.out or (HERE if len(chosen) == len(find_steps()) and not args.short else None)
    if folder:
        write(measured, device, folder)


if __name__ == "__main__":
    main()
