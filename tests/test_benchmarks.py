"""The benchmark's short form, what it refuses, and what it writes."""

import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    """The benchmark's modules `run` and `steps`."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    run, steps = (__import__(name) for name in ("run", "steps"))
    yield run, steps
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(BENCHMARKS)):
            monkeypatch.delitem(sys.modules, name)


@pytest.mark.slow
def test_every_step_agrees_with_its_plain_formula_and_is_written_down(tmp_path, modules, monkeypatch):
    run, steps = modules
    monkeypatch.setattr(sys, "argv", ["run.py", "--short", "--device", "cpu", "--out", str(tmp_path)])
    run.main()
    rows = [line for line in (tmp_path / "RESULTS.md").read_text().splitlines() if line.startswith("|")]
    assert {row.split(" | ")[0].strip("| ") for row in rows[2:]} == set(steps.find_steps())


def test_results_that_differ_are_refused(modules):
    _, steps = modules
    one, whole = torch.ones(3), torch.tensor([1, 2])
    steps.check_equal([one, whole], [one * (1 + 1e-6), whole], 1e-5)
    for ours, plain in (([one], [one * 1.1]), ([whole], [whole + 1]), ([one], []), ([one * float("nan")], [one])):
        with pytest.raises(ValueError, match="differ|beside"):
            steps.check_equal(ours, plain, 1e-5)


def test_a_section_takes_the_place_of_that_of_the_same_machine(modules):
    run, _ = modules
    text = run.with_section("# Measured\n\n* by hand\n", "## Steps: a\n\none\n")
    text = run.with_section(run.with_section(text, "## Steps: b\n\ntwo\n"), "## Steps: a\n\nthree\n")
    assert text == "# Measured\n\n* by hand\n\n## Steps: b\n\ntwo\n\n## Steps: a\n\nthree\n"


def test_growth_is_drawn_over_each_number_that_varies(modules):
    run, _ = modules
    rows = [({"p": p, "s": s}, {"ours": p * s / 10, "plain": 1.0}, {"ours": 1.0}) for p, s in ((1, 2), (2, 2), (1, 4))]
    panels = run.growth({"step": rows})
    assert [(panel.x, panel.y) for panel in panels] == [("p", "s"), ("p", "MiB"), ("s", "s"), ("s", "MiB")]
    assert panels[0].curves["ours"] == [(1, 0.2), (2, 0.4)]
    drawing = run.draw(panels)
    assert drawing.count("<circle") == 2 * 2 + 2 + 2 * 2 + 2
    assert drawing.startswith("<svg")


def test_the_loader_is_timed(modules, monkeypatch, capsys):
    loader = __import__("loader")
    monkeypatch.setattr(sys, "argv", ["loader.py", "--workers", "0", "--images", "4"])
    loader.main()
    line = capsys.readouterr().out
    assert line.startswith("0 workers: ") and float(line.split()[2]) > 0
