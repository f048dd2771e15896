import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "voc_masks": ["--data_dir", "nowhere"],
    "voc_lists": ["--data_dir", "nowhere"],
    "scribbles": ["--data_dir", ".", "--xml_dir", "nowhere"],
    "box_seeds": ["--box_dir", ".", "--region_dir", "nowhere", "--data_list", "l.txt", "--save_dir", "out"],
    "cam_seeds": ["--cam_dir", "nowhere", "--save_dir", "out"],
    "image_tags": ["--xml_dir", "nowhere", "--save_path", "tags.txt"],
    "densepose_masks": ["--data_dir", "nowhere", "--annotations", "a.json"],
    "densepose_lists": ["--data_dir", "nowhere"],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_end_with_one_clear_line_where_their_input_is_missing(name, tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "pyscripts/data" / f"{name}.py", *SCRIPTS[name]],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "nowhere" in done.stderr
    assert done.stderr.count("\n") == 1 and not list(tmp_path.iterdir())
