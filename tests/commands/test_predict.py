"""predict.py on photographs as they come: rotated, grey, large, broken, in folders and in videos."""

import json
import logging
import re

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import spml
from spml.commands.inference import inference_softmax, inference_softmax_msc
from spml.commands.pictures import find_inputs
from spml.commands.predict import predict
from spml.config import load_config, save_config
from spml.data.files import read_image, read_label, read_npz, write_image
from spml.data.joined_prototypes import read_prototype_folder
from spml.errors import UserError
from spml.inference import predictions
from spml.inference.gallery import gallery_of
from spml.inference.input_image import InputImage
from spml.inference.scores import resized_image, retrieval

pytestmark = pytest.mark.slow  # builds networks

NATIVE = ("--image_size", "0")


@pytest.fixture
def run(tmp_path, snapshot_dir, config_path):
    """Calls predict.py with the tiny snapshot, whose configuration lies beside it; returns its folder of results."""
    save_config(load_config(config_path), snapshot_dir / "config_merged.yaml")

    def call(*words, out="predicted"):
        words = [*words, "--snapshot_dir", snapshot_dir, "--save_dir", tmp_path / out, "--device", "cpu"]
        predict([str(word) for word in words])
        return tmp_path / out

    return call


@pytest.fixture
def photograph(tmp_path):
    """Writes a picture of 40×60 pixels in patches of colour, by its ending and changes that PIL saves."""

    def write(name, mode="RGB", **changes):
        patches = np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)
        image = Image.fromarray(np.kron(patches, np.ones((10, 10, 1), np.uint8))).convert(mode)
        (tmp_path / "photographs").mkdir(exist_ok=True)
        image.save(tmp_path / "photographs" / name, **changes)
        return tmp_path / "photographs" / name

    return write


def mask(folder, name):
    return read_label(folder / "semantic_gray" / f"{name}.png")


def test_masks_of_a_folder_are_those_of_inference_softmax(run, call, tiny_data):
    expected, found = call(inference_softmax), run(tiny_data.root / "image", *NATIVE)
    exact = call(inference_softmax, "--opts", "test.image_size", "0", out="native")
    for name in tiny_data.ids:
        assert np.array_equal(mask(found, name), mask(exact, name))
    resized = run(tiny_data.root / "image", out="resized")  # scores are resized there, masks here
    assert np.mean([np.mean(mask(resized, name) == mask(expected, name)) for name in tiny_data.ids]) > 0.9


def test_many_scales_give_the_masks_of_inference_softmax_msc(run, call, tiny_data):
    expected, found = call(inference_softmax_msc), run(tiny_data.root / "image", "--multi_scale", *NATIVE)
    for name in tiny_data.ids:
        assert np.array_equal(mask(found, name), mask(expected, name))


def test_every_result_is_of_the_pictures_size_and_the_page_links_to_each(run, photograph):
    out = run(photograph("a.png"), "--save_scores", "--min_pixels", "1")
    assert read_image(out / "overlay/a.jpg").shape[1] == 60
    for kind in ("semantic_gray", "uncertainty"):
        assert read_label(out / kind / "a.png").shape == (40, 60)
    content = json.loads((out / "polygons/a.json").read_text())
    assert (content["imageHeight"], content["imageWidth"]) == (40, 60)
    assert {shape["label"] for shape in content["shapes"]} == {str(value) for value in np.unique(mask(out, "a"))}
    page = (out / "index.html").read_text()
    links = re.findall("href='([^']+)'", page)
    assert len(links) == 2 and all((out / link).is_file() for link in links)
    scores = read_npz(out / "scores/a.npz")["scores"]
    assert scores.dtype == np.uint8 and scores.shape == (4, 40, 60)
    assert np.abs(scores.astype(int).sum(0) - 255).max() <= 2


def test_scores_of_half_precision_sum_to_one_and_explain_the_uncertainty(run, photograph):
    out = run(photograph("a.png"), "--save_scores", "float16")
    scores = read_npz(out / "scores/a.npz")["scores"].astype(np.float64)
    assert np.abs(scores.sum(0) - 1).max() < 3e-3
    entropy = -(scores * np.log(scores.clip(1e-9))).sum(0) / np.log(4)
    assert np.abs(255 * entropy - read_label(out / "uncertainty/a.png")).max() < 2


def test_a_rotated_photograph_is_predicted_upright(run, photograph):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying, upright = photograph("lying.png", exif=exif), photograph("upright.png")
    turned = read_image(upright)
    write_image(upright, np.ascontiguousarray(np.rot90(turned, -1)))
    out = run(lying, upright)
    assert mask(out, "lying").shape == (60, 40)
    assert np.array_equal(mask(out, "lying"), mask(out, "upright"))


def test_grey_and_transparent_pictures_are_predicted(run, photograph):
    out = run(photograph("grey.jpg", "L"), photograph("clear.png", "RGBA"))
    assert mask(out, "grey").shape == mask(out, "clear").shape == (40, 60)


def test_a_folder_of_pictures_of_every_kind_is_predicted_but_for_the_broken_one(run, photograph, tmp_path):
    kinds = {"grey alpha.png": "LA", "palette.png": "P", "one bit.png": "1", "ink.jpg": "CMYK", "web.webp": "RGB"}
    for name, mode in kinds.items():
        photograph(name, mode)
    folder = photograph("fine.JPG").parent
    Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27).save(folder / "deep.png")
    frames = [Image.new("P", (60, 40), colour) for colour in (1, 2)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "broken.png").write_bytes((folder / "palette.png").read_bytes()[:90])
    (folder / "notes.txt").write_text("no picture")
    with pytest.raises(UserError, match=r"^1 of 9 files left out: broken\.png$"):
        run(folder)
    masks = sorted((tmp_path / "predicted/semantic_gray").iterdir())
    names = ["deep", "fine", "grey alpha", "ink", "moving", "one bit", "palette", "web"]
    assert [path.stem for path in masks] == names and all(read_label(path).shape == (40, 60) for path in masks)
    assert "overlay/grey%20alpha.jpg" in (tmp_path / "predicted/index.html").read_text()


def test_a_broken_file_is_named_and_left_out_and_the_others_are_done(run, photograph, tmp_path, log):
    good, broken = photograph("good.png"), photograph("zbroken.jpg")
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(UserError, match=r"^1 of 2 files left out: zbroken\.jpg$"):
        run(good.parent)
    assert mask(tmp_path / "predicted", "good").shape == (40, 60)
    assert [text for level, text in log if level == "WARNING" and "zbroken.jpg: not a readable image" in text]
    assert "zbroken.jpg" in (tmp_path / "predicted/index.html").read_text()


def test_a_single_broken_file_leaves_nothing_behind(run, photograph, tmp_path):
    broken = photograph("broken.jpg")
    broken.write_bytes(b"no picture")
    with pytest.raises(UserError, match="broken.jpg: not a readable image"):
        run(broken)
    assert not (tmp_path / "predicted").exists()


def test_what_is_wrong_is_said_before_anything_is_written(run, photograph, tmp_path):
    picture, names = photograph("a.png"), tmp_path / "names.txt"
    names.write_text("sky\nsea\n")
    (tmp_path / "empty").mkdir()
    for words, said in (
        ((tmp_path / "none.jpg",), "none.jpg: no such image, folder or video"),
        ((picture, photograph("a.jpg")), "would share the name a"),
        ((picture.parent,), "photographs: a.jpg and a.png would share the name a"),
        ((tmp_path / "empty",), "empty: holds no .jpg"),
        ((picture, "--classes", names), "2 names, expected 4"),
        ((picture, "--every", "0"), "--every 0"),
        ((picture, "--snapshot", "x.pth"), "--snapshot x.pth: no such file"),
        ((picture, "--semantic_memory_dir", tmp_path / "none"), "no such folder"),
    ):
        with pytest.raises(UserError, match=said):
            run(*words)
    assert not (tmp_path / "predicted").exists()


def test_a_snapshot_without_its_configuration_asks_for_it(photograph, snapshot_dir, tmp_path):
    with pytest.raises(UserError, match="config_merged.yaml: not found; --cfg_path"):
        predict([str(photograph("a.png")), "--snapshot_dir", str(snapshot_dir), "--save_dir", str(tmp_path / "out")])


def test_classes_are_named_in_polygons_and_on_the_page(run, photograph, tmp_path):
    (tmp_path / "names.txt").write_text("sky\nsea & shore\nsand\nship\n")
    out = run(photograph("a.png"), "--classes", tmp_path / "names.txt", "--polygons", "coco")
    content = json.loads((out / "polygons/annotations.json").read_text())
    assert [each["name"] for each in content["categories"]] == ["sky", "sea & shore", "sand", "ship"]
    assert content["images"][0]["file_name"] == "a.png"
    page = (out / "index.html").read_text()
    assert "&amp; shore" in page or "sea" not in page


def test_disagreement_is_the_share_of_nearest_prototypes_of_other_classes(run, gallery_dir, tiny_data):
    out = run(tiny_data.root / "image", "--semantic_memory_dir", gallery_dir, "--save_scores", "float16", *NATIVE)
    rivals = spml.load(out.parent / "snapshots", device="cpu")
    rivals.gallery = gallery_of(*read_prototype_folder(gallery_dir, 8, 4), torch.device("cpu"))
    given = InputImage(read_image(tiny_data.root / "image/a.png"))
    with torch.inference_mode():
        shares = retrieval.score(rivals, given.unit_range()).numpy()
    agreement = np.take_along_axis(shares, mask(out, "a")[None].astype(int), 0)[0]
    found = read_label(out / "disagreement/a.png")
    assert np.abs(found - 255 * (1 - agreement)).max() < 1 and len(np.unique(found)) > 1
    assert (out / "index.html").read_text().count("disagreement/") == len(tiny_data.ids)


def test_every_nth_frame_of_a_video_is_a_picture(run, tmp_path):
    path = tmp_path / "clip.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for brightness in range(0, 250, 50):
        video.write(np.full((48, 64, 3), brightness, np.uint8))
    video.release()
    out = run(path, "--every", "2")
    names = [f"clip-{number:06d}" for number in (0, 2, 4)]
    assert sorted(each.stem for each in (out / "semantic_gray").iterdir()) == names
    assert abs(float(read_image(out / "frames/clip-000002.jpg").mean()) - 100) < 5
    content = json.loads((out / "polygons/clip-000004.json").read_text())
    assert (out / "polygons" / content["imagePath"]).resolve() == (out / "frames/clip-000004.jpg").resolve()


def test_a_broken_video_is_named(run, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"no film at all")
    with pytest.raises(UserError, match="clip.mp4: not a readable video"):
        run(tmp_path / "clip.mp4")


def test_pictures_much_larger_than_the_training_crops_are_warned_of(run, tmp_path, log):
    write_image(tmp_path / "large.png", np.zeros((140, 100, 3), np.uint8))
    run(tmp_path / "large.png", *NATIVE)
    assert any("--image_size N" in text for level, text in log if level == "WARNING")
    log.clear()
    run(tmp_path / "large.png", "--opts", "test.image_size", "0", "dataset.max_side", "64")
    assert not any("--image_size N" in text for _, text in log)  # the network sees it no larger than in training


def test_a_picture_is_seen_at_the_size_that_is_asked_for_and_not_shrunk_before(run, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(predictions, "resized_image", lambda *a: seen.append(resized_image(*a)) or seen[-1])
    noise = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    write_image(tmp_path / "noise.png", noise)
    run(tmp_path / "noise.png", "--image_size", "90", "--opts", "dataset.max_side", "45")
    run(tmp_path / "noise.png", *NATIVE, "--opts", "dataset.max_side", "45")
    assert [each.shape for each in seen] == [(70, 90, 3), (70, 90, 3)] and np.array_equal(seen[0], seen[1])


def test_a_picture_that_is_called_as_a_frame_of_a_video_is_refused_and_sub_folders_are_said(tmp_path, log):
    for name in ("clip-000002.png", "clip-two.png", "below/a.png"):
        write_image(tmp_path / "pictures" / name, np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "clip.mp4").write_bytes(b"film")
    with pytest.raises(UserError, match="clip-000002.png and a frame of .*clip.mp4 could share the name clip-000002"):
        find_inputs([tmp_path / "pictures", tmp_path / "clip.mp4"])
    assert any("1 images in sub-folders are not read, such as" in text for _, text in log)


def test_a_video_that_ends_early_is_said_to_do_so(run, tmp_path, log):
    path = tmp_path / "clip.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(6):
        video.write(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))
    video.release()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found = list((run(path) / "semantic_gray").iterdir())
    assert 0 < len(found) < 6
    assert ("WARNING", f"{path}: ends after {len(found)} of 6 frames") in log


def test_names_that_are_not_in_utf8_are_on_the_page(run, photograph, caplog):
    caplog.set_level(logging.CRITICAL, "spml")  # the tests' own reports could not hold them
    photograph("a.png").rename(photograph("b.png").with_name("\udcff.png"))
    (photograph("b.png").with_name("\udcfe.png")).write_bytes(b"none")
    with pytest.raises(UserError, match="1 of 3 files left out"):
        run(photograph("b.png").parent)
    page = (photograph("b.png").parents[1] / "predicted/index.html").read_text()
    assert "overlay/%FF." in page and r"\udcff" in page and r"\udcfe.png" in page


def test_over_scales_masks_are_those_of_inference_softmax_msc(run, call, tiny_data):
    assert load_config(run(tiny_data.root / "image").parent / "snapshots/config_merged.yaml").test.image_size
    out, expected = run(tiny_data.root / "image", "--multi_scale", out="several"), call(inference_softmax_msc)
    assert all(np.array_equal(mask(out, name), mask(expected, name)) for name in tiny_data.ids)


def test_paths_that_no_system_takes_are_named(run, photograph):
    long = "a" * 300
    for words in ([photograph("a.png"), "--snapshot", long], [long]):
        with pytest.raises(UserError, match=f"{long}: no such "):
            run(*words)


def test_a_snapshot_counts_before_its_folder(run, photograph, snapshot_dir):
    (path,) = snapshot_dir.glob("*.pth")
    assert (run(photograph("a.png"), "--snapshot", path) / "index.html").exists()


def test_a_side_beyond_what_is_possible_is_refused_by_its_own_flag(run, photograph):
    with pytest.raises(UserError, match="--image_size 70000: expected int from 0 to 65536"):
        run(photograph("a.png"), "--image_size", "70000")


def test_a_folder_of_a_recipe_names_the_networks_in_it(photograph, tmp_path):
    for name in ("second_stage", "embedding", "masks"):
        (tmp_path / "out" / name).mkdir(parents=True)
    for name in ("second_stage", "embedding"):
        (tmp_path / "out" / name / "config_merged.yaml").touch()
    with pytest.raises(
        UserError, match="out/config_merged.yaml: not found.*lie in its folders embedding, second_stage"
    ):
        predict([str(photograph("a.png")), "--snapshot_dir", f"{tmp_path}/out", "--save_dir", f"{tmp_path}/predicted"])
