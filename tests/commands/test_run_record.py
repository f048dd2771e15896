"""--skip_existing: results stay only where they are those that this run would make."""

import json
import os
from pathlib import Path

import pytest
import torch

from spml.commands.inference import inference, inference_softmax, inference_softmax_crf
from spml.commands.prototype import prototype
from spml.commands.run_record import RunRecord, configuration_values
from spml.errors import UserError


def files(folder):
    """Names, contents and times of all files below a folder."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_results_that_are_there_are_left_alone_and_the_others_made(call):
    out = call(inference_softmax)
    whole = files(out)
    (out / "semantic_color" / "b.png").unlink()
    call(inference_softmax, "--skip_existing")
    again = files(out)
    assert {name: content for name, (content, _) in again.items()} == {name: c for name, (c, _) in whole.items()}
    assert {Path(name).name for name in whole if again[name] != whole[name]} == {"b.png"}
    call(inference_softmax, "--skip_existing")
    assert files(out) == again


def change_image(call):
    path = call.root / "data" / "image" / "c.png"
    os.utime(path, (1, 1))


def change_snapshot(call):
    path = call.root / "snapshots" / "model-2.pth"
    content = torch.load(path, weights_only=True)
    content["prediction_model"]["semantic_classifier.4.bias"] += 1
    torch.save(content, path)


@pytest.mark.parametrize(
    ("script", "flags", "change", "difference"),
    [
        (inference_softmax, ["--opts", "test.image_size", "40"], None, "test.image_size was 44, is 40"),
        (inference_softmax, ["--label_divisor", "300"], None, "network.label_divisor was 2048, is 300"),
        (inference_softmax, [], change_snapshot, "content of the snapshot was '.*', is '.*'"),
        (inference_softmax, [], change_image, "content of images and labels was"),
        (inference_softmax_crf, [], None, "script was 'inference_softmax', is 'inference_softmax_crf'"),
    ],
)
def test_results_of_other_settings_are_refused_in_one_line(script, flags, change, difference, call):
    out = call(inference_softmax)
    if change is not None:
        change(call)
    before = files(out)
    with pytest.raises(UserError, match=f"--skip_existing: .*out is of another run: {difference}.*without") as error:
        call(script, "--skip_existing", *flags)
    assert "\n" not in str(error.value) and files(out) == before
    call(script, *flags)
    after = files(out)
    call(script, "--skip_existing", *flags)
    assert files(out) == after


def test_other_parameters_of_the_crf_and_other_prototypes_are_another_run(call, gallery_dir):
    call(inference_softmax_crf, out="crf")
    with pytest.raises(UserError, match="--crf_bi_w was 4, is 5.0"):
        call(inference_softmax_crf, "--skip_existing", "--crf_bi_w", 5, out="crf")
    call(inference, "--semantic_memory_dir", gallery_dir)
    call(inference, "--semantic_memory_dir", gallery_dir, "--skip_existing")
    (gallery_dir / "b.npz").unlink()
    with pytest.raises(UserError, match="content of --semantic_memory_dir was"):
        call(inference, "--semantic_memory_dir", gallery_dir, "--skip_existing")


def test_other_labels_are_another_run_only_for_scripts_that_read_them(call, tiny_data):
    call(inference_softmax)
    call(prototype, out="prototypes")
    os.utime(tiny_data.root / "semantic" / "a.png", (1, 1))
    call(inference_softmax, "--skip_existing")
    with pytest.raises(UserError, match="content of images and labels was"):
        call(prototype, "--skip_existing", out="prototypes")


def test_where_data_and_settings_lie_and_how_many_processes_there_are_is_of_no_account(call, config_path):
    out = call(inference_softmax)
    before = files(out)
    moved = config_path.rename(config_path.with_name("moved.yaml"))
    flags = ["--cfg_path", moved, "--workers", 3, "--opts", "num_threads", 2, "train.base_lr", 0.5]
    call(inference_softmax, "--skip_existing", *flags, drop=("--cfg_path",))
    assert files(out) == before


def test_data_named_by_another_path_are_the_same(call, tiny_data, monkeypatch):
    out = call(inference_softmax)
    before = files(out)
    monkeypatch.chdir(tiny_data.root.parent)
    call(inference_softmax, "--skip_existing", "--data_dir", tiny_data.root.name, drop=("--data_dir",))
    assert files(out) == before


def test_results_without_a_record_are_refused_and_an_empty_folder_is_not(call):
    out = call(inference_softmax, "--skip_existing")
    (out / "run.json").unlink()
    with pytest.raises(UserError, match="run.json is missing.*without --skip_existing"):
        call(inference_softmax, "--skip_existing")
    for broken in ("[]", "{", "\xff"):
        (out / "run.json").write_text(broken, encoding="latin1")
        with pytest.raises(UserError, match="run.json (is no record|cannot be read)"):
            call(inference_softmax, "--skip_existing")


def test_results_older_than_the_record_are_those_of_a_run_before_and_are_made_anew(call, tiny_data):
    call(inference_softmax, "--opts", "test.image_size", 20)
    stale = files(call.root / "out")
    # A run with other settings, killed after its record and one image.
    out = call(inference_softmax)
    right = files(out)
    for name, (content, time) in stale.items():
        if Path(name).stem in "bcd":
            Path(name).write_bytes(content)
            os.utime(name, ns=(time, time))
    call(inference_softmax, "--skip_existing")
    assert {name: content for name, (content, _) in files(out).items()} == {name: c for name, (c, _) in right.items()}


def test_a_mask_that_is_cut_short_is_made_anew(call):
    out = call(inference_softmax)
    before = {name: content for name, (content, _) in files(out).items()}
    mask = out / "semantic_gray/b.png"
    mask.write_bytes(mask.read_bytes()[:-20])
    call(inference_softmax, "--skip_existing")
    assert {name: content for name, (content, _) in files(out).items()} == before


def test_a_mistake_that_the_snapshot_shows_leaves_no_record(call):
    with pytest.raises(UserError):
        call(inference_softmax, "--opts", "network.embedding_dim", 16)
    assert not (call.root / "out").exists()


def test_of_training_keys_only_the_last_iteration_counts_and_no_paths_do(config):
    values = configuration_values(config)
    assert [key for key in values if key.startswith("train.")] == ["train.max_iteration"]
    assert "test.crop_size" in values and "dataset.unlabelled_index" in values
    assert not [key for key in values if key.endswith(("_dir", "_list", "_file", "_path", "pretrained"))]


def test_a_record_is_plain_json(tmp_path):
    RunRecord(tmp_path, {"script": "x", "network.kmeans_num_clusters": [2, 2]}, keep=False).begin()
    assert json.loads((tmp_path / "run.json").read_text()) == {"script": "x", "network.kmeans_num_clusters": [2, 2]}
