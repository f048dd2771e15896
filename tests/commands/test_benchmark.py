"""The benchmark scripts: finding masks, figures, table and JSON, and what they refuse."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spml.commands.benchmark import benchmark_by_instance, benchmark_by_mIoU
from spml.data.class_names import DENSEPOSE_CLASSES, VOC_CLASSES
from spml.data.files import read_label, write_image
from spml.errors import UserError
from spml.visualize import voc_palette

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path):
    """Folders of five random predictions, truths and instances of 21 classes: the published arrays."""
    golden = np.load(ROOT / "tests" / "golden" / "miou.npz")
    rng = np.random.default_rng(0)
    for n, (prediction, truth) in enumerate(zip(golden["pred"], golden["gt"], strict=True)):
        write_image(tmp_path / "pred" / "part" / f"{n}_mask.png", prediction)
        write_image(tmp_path / "gt" / "part" / f"{n}_mask.png", truth)
        write_image(tmp_path / "inst" / "part" / f"{n}_mask.png", rng.integers(0, 9, truth.shape).astype(np.uint8))
    return tmp_path


def flags(folder, *more, inst=False):
    paths = ["--pred_dir", folder / "pred", "--gt_dir", folder / "gt", "--num_classes", 21, "--workers", 0]
    return [str(flag) for flag in [*paths, *(["--inst_dir", folder / "inst"] if inst else []), *more]]


def test_miou_of_folders_equals_the_published_figures_in_table_and_json(folders, shown_log):
    golden = np.load(ROOT / "tests" / "golden" / "miou.npz")
    benchmark_by_mIoU(flags(folders, "--json", folders / "out" / "score.json"))
    report = json.loads((folders / "out" / "score.json").read_text())
    assert report["images"] == 5 and len(report["classes"]) == 21
    np.testing.assert_allclose(report["iou"], golden["iou"], rtol=1e-4)
    np.testing.assert_allclose(report["mean_iou"], golden["mean_iou"], rtol=1e-4)
    np.testing.assert_allclose(report["pixel_accuracy"], golden["pixel_accuracy"], rtol=1e-4)
    lines = shown_log.readouterr().out.splitlines()
    assert lines[1].split() == ["0", "63.04"] and lines[-1] == "mean IoU: 57.98 %"


def test_instance_benchmark_weights_each_images_iou_by_its_instances(tmp_path, shown_log):
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    for name, prediction in (("a", [[0, 0, 1, 0]]), ("b", [[0, 0, 1, 1]])):
        write_image(tmp_path / "pred" / f"{name}.png", np.array(prediction, np.uint8))
        write_image(tmp_path / "gt" / f"{name}.png", truth)
        write_image(tmp_path / "inst" / f"{name}.png", np.array([[0, 0, 1, 2 if name == "a" else 1]], np.uint8))
    benchmark_by_instance(flags(tmp_path, "--num_classes", 2, "--json", tmp_path / "score.json", inst=True))
    report = json.loads((tmp_path / "score.json").read_text())
    assert report["instances"] == [2, 3]
    np.testing.assert_allclose(report["iou"], [(200 / 3 + 100) / 2, (50 * 2 + 100) / 3])
    np.testing.assert_allclose(report["mean_iou"], np.mean(report["iou"]))
    np.testing.assert_allclose(report["instance_iou"], (200 / 3 + 100 + 100 + 100) / 5)
    assert "over all instances: 73.33 %" in shown_log.readouterr().out


def test_worker_processes_give_the_same_figures(folders):
    for workers in (0, 2):
        benchmark_by_instance(flags(folders, "--workers", workers, "--json", folders / f"{workers}.json", inst=True))
    assert (folders / "0.json").read_text() == (folders / "2.json").read_text()


def test_string_replace_finds_truth_of_another_name(folders, shown_log):
    for path in (folders / "gt").rglob("*.png"):
        path.rename(path.with_name(path.name.replace("_mask", "_labels")))
    benchmark_by_mIoU(flags(folders, "--string_replace", "_mask,_labels"))
    assert "mean IoU: 57.98 %" in shown_log.readouterr().out
    with pytest.raises(UserError, match="0_mask.png: not found.*--string_replace"):
        benchmark_by_mIoU(flags(folders))


def test_data_list_restricts_the_images_and_misses_none(folders):
    data_list = folders / "list.txt"
    data_list.write_text("images/0_mask.jpg a.png b.png\nimages/3_mask.jpg a.png b.png\n")
    benchmark_by_mIoU(flags(folders, "--data_list", data_list, "--json", folders / "score.json"))
    assert json.loads((folders / "score.json").read_text())["images"] == 2
    (folders / "pred" / "part" / "3_mask.png").unlink()
    with pytest.raises(UserError, match="3_mask.png not found; 1 of 2 ids"):
        benchmark_by_mIoU(flags(folders, "--data_list", data_list))


def test_truth_in_palette_colours_scores_as_in_grey(folders, shown_log):
    for path in (folders / "gt").rglob("*.png"):
        write_image(path, read_label(path), voc_palette())
    benchmark_by_mIoU(flags(folders))
    assert "mean IoU: 57.98 %" in shown_log.readouterr().out


def test_truth_without_prediction_is_noted(folders, shown_log):
    (folders / "pred" / "part" / "3_mask.png").unlink()
    benchmark_by_mIoU(flags(folders))
    assert "warning: 1 masks in" in shown_log.readouterr().err


def test_class_names_stand_in_the_table(folders, shown_log):
    names = folders / "names.txt"
    names.write_text("\n".join(f"thing {n}" for n in range(21)))
    benchmark_by_mIoU(flags(folders, "--class_names", names))
    assert "thing 20" in shown_log.readouterr().out


def break_prediction(folder):
    (folder / "pred" / "part" / "2_mask.png").write_bytes(b"\x89PNG broken")


def shrink_prediction(folder):
    write_image(folder / "pred" / "part" / "2_mask.png", np.zeros((20, 24), np.uint8))


def colour_prediction(folder):
    write_image(folder / "pred" / "part" / "2_mask.png", np.zeros((20, 25, 3), np.uint8))


def remove_truth(folder):
    (folder / "gt" / "part" / "2_mask.png").unlink()


def void_truth(folder):
    for path in (folder / "gt").rglob("*.png"):
        write_image(path, np.full((20, 25), 255, np.uint8))


def remove_predictions(folder):
    for path in (folder / "pred").rglob("*.png"):
        path.unlink()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (break_prediction, "pred/part/2_mask.png: not a readable image"),
        (shrink_prediction, "pred/part/2_mask.png: is 24x20 pixels, but its truth .*gt/part/2_mask.png is 25x20"),
        (colour_prediction, "pred/part/2_mask.png: a label map must be an 8-bit grey .*image"),
        (remove_truth, "gt/part/2_mask.png: not found"),
        (void_truth, "no pixel of classes 0..20"),
        (remove_predictions, "pred: holds no .png masks"),
    ],
)
def test_spoiled_masks_are_errors_that_name_the_file(folders, spoil, message):
    spoil(folders)
    with pytest.raises(UserError, match=message):
        benchmark_by_mIoU(flags(folders, "--json", folders / "score.json"))
    assert not (folders / "score.json").exists()


def test_wrongly_sized_instances_are_an_error(folders):
    write_image(folders / "inst" / "part" / "2_mask.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(UserError, match="inst/part/2_mask.png: is 4x3 pixels"):
        benchmark_by_instance(flags(folders, inst=True))


@pytest.mark.parametrize(
    "more, message",
    [
        (["--pred_dir", "nowhere"], "--pred_dir nowhere: no such folder"),
        (["--gt_dir", "nowhere"], "--gt_dir nowhere: no such folder"),
        (["--num_classes", "0"], "--num_classes 0: expected int from 1 to 254"),
        (["--workers", "-1"], "--workers: '-1', expected a whole number of at least 0"),
        (["--string_replace", "a"], "--string_replace 'a': expected A,B"),
        (["--string_replace", ",b"], "--string_replace ',b': expected A,B"),
        (["--string_replace", "a,b,c"], "--string_replace 'a,b,c': expected A,B"),
        (["--data_list", "nowhere"], "--data_list nowhere: cannot be read"),
        (["--class_names", "nowhere"], "nowhere: cannot be read"),
        (
            ["--class_names", str(ROOT / "misc" / "densepose_classes.txt")],
            "densepose_classes.txt: .*15.*21|densepose_classes.txt: .*21.*15",
        ),
    ],
)
def test_impossible_flags_are_errors(folders, more, message):
    with pytest.raises(UserError, match=message):
        benchmark_by_mIoU(flags(folders, *more))


def test_empty_data_list_is_an_error(folders):
    (folders / "list.txt").write_text("\n")
    with pytest.raises(UserError, match="list.txt: is empty"):
        benchmark_by_mIoU(flags(folders, "--data_list", folders / "list.txt"))


def test_data_list_refuses_two_masks_of_one_id(folders):
    write_image(folders / "pred" / "0_mask.png", np.zeros((20, 25), np.uint8))
    (folders / "list.txt").write_text("0_mask.jpg\n")
    with pytest.raises(UserError, match="both .*0_mask.png and .*0_mask.png"):
        benchmark_by_mIoU(flags(folders, "--data_list", folders / "list.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("script, inst", [("benchmark_by_mIoU.py", False), ("benchmark_by_instance.py", True)])
def test_scripts_run_and_fail_in_one_line(folders, script, inst):
    def call(*more):
        command = [sys.executable, ROOT / "pyscripts" / "benchmark" / script, *flags(folders, *more, inst=inst)]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})

    assert "mean IoU: " in call().stdout
    failed = call("--num_classes", "0")
    assert failed.returncode == 1 and failed.stderr == "error: --num_classes 0: expected int from 1 to 254\n"


def test_name_files_hold_the_classes_of_the_label_maps():
    for name, classes in (("voc", VOC_CLASSES), ("densepose", DENSEPOSE_CLASSES)):
        assert (ROOT / "misc" / f"{name}_classes.txt").read_text().splitlines() == list(classes)


def test_absent_classes_are_named_and_left_out_of_the_mean_where_asked(tmp_path, shown_log):
    write_image(tmp_path / "pred" / "a.png", np.array([[0, 0, 2, 1]], np.uint8))
    write_image(tmp_path / "gt" / "a.png", np.array([[0, 0, 2, 2]], np.uint8))
    (tmp_path / "names.txt").write_text("grass\nhorse\ncow\nsky\n")
    argv = flags(tmp_path, "--num_classes", 4, "--class_names", tmp_path / "names.txt", "--json", tmp_path / "s.json")
    benchmark_by_mIoU(argv)
    assert "mean IoU: 37.50 %" in shown_log.readouterr().out
    benchmark_by_mIoU([*argv, "--leave_out_absent"])
    lines = shown_log.readouterr().out.splitlines()
    assert lines[2].split() == ["horse"] and lines[-1] == "mean IoU: 75.00 %"
    assert "left out of the mean, not in the truth: horse, sky" in lines
    report = json.loads((tmp_path / "s.json").read_text())
    assert (report["mean_iou"], report["left_out"]) == (75, [1, 3])


def test_masks_of_more_classes_than_are_scored_are_warned_of(folders, log):
    benchmark_by_mIoU([*flags(folders), "--num_classes", "5"])
    assert any(
        "holds class 20, --num_classes is 5; is that right?" in text for level, text in log if level == "WARNING"
    )
    log.clear()
    benchmark_by_mIoU(flags(folders))
    assert not any("is that right" in text for _, text in log)
