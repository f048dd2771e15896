import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label as connected_pieces

from spml.data.class_names import read_class_names
from spml.data.files import read_image, read_label
from spml.data.lists import read_list
from spml.data.tag_files import read_tags
from spml.data.voc_xml import read_boxes
from spml.errors import UserError
from spml.prepare.oversegment import oversegment_image
from spml.prepare.strokes import disc
from spml.prepare.toy import parts, scenes, weak_labels
from spml.prepare.toy.make_toy import REGION_THRESHOLD, ToySettings, make_toy, write_toy_set

GOLDEN = Path(__file__).parents[1] / "golden/toy.npz"
UNLABELLED = 254
SMALL = ["--num_train", "4", "--num_val", "2", "--image_size", "64"]


def make(folder, *flags, workers="0"):
    make_toy(["--save_dir", str(folder), *SMALL, "--workers", workers, *flags])
    return folder


@pytest.fixture(scope="module", params=["scenes", "parts"])
def toy(request, tmp_path_factory):
    """A small toy set of either kind: its folder and kind."""
    return make(tmp_path_factory.mktemp(request.param), "--kind", request.param), request.param


@pytest.fixture(scope="module")
def some_scenes():
    return [scenes.draw_scene(np.random.default_rng(seed), 96) for seed in range(12)]


@pytest.fixture(scope="module")
def some_figures():
    return [parts.draw_figures(np.random.default_rng(seed), 96) for seed in range(12)]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_whatever_the_workers_and_another_seed_others(toy, tmp_path):
    folder, kind = toy
    first, again = contents(folder), contents(make(tmp_path / "again", "--kind", kind, workers="2"))
    other = contents(make(tmp_path / "other", "--kind", kind, "--seed", "1"))
    assert first == again and first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first if name.endswith(".jpg"))


@pytest.mark.parametrize(
    ("kind", "draw", "width"), [("scenes", scenes.draw_scene, 7), ("parts", parts.draw_figures, 5)]
)
def test_the_same_seed_gives_the_pixels_that_it_gave_when_the_figures_were_measured(kind, draw, width):
    rng = np.random.default_rng(3)
    scene = draw(rng, 64)
    found = {"image": scene.image, "semantic": scene.semantic, "instance": scene.instance}
    found["point"] = weak_labels.label_points(rng, scene, width)
    found["scribble"] = weak_labels.label_scribbles(rng, scene)
    with np.load(GOLDEN) as golden:
        found["region"] = oversegment_image(golden[f"{kind}_image"], threshold=REGION_THRESHOLD)
        for name, pixels in found.items():
            # Another processor's OpenCV may round the last bit of a grey level otherwise; the layout never differs.
            difference = np.abs(pixels.astype(int) - golden[f"{kind}_{name}"])
            assert difference.max() <= (name == "image") and (difference > 0).mean() < 1e-3, name


def test_a_picture_does_not_depend_on_how_many_there_are(toy, tmp_path):
    folder, kind = toy
    fewer = contents(make(tmp_path, "--kind", kind, "--num_train", "1", "--num_val", "1"))
    assert all(contents(folder)[name] == data for name, data in fewer.items() if name.endswith((".jpg", ".png")))


def test_every_list_names_files_that_are_there_and_labels_of_the_pictures_size(toy):
    folder, kind = toy
    weak = ["train_full", "train_point"] + ["train_scribble"] * (kind == "scenes")
    assert sorted(path.stem for path in (folder / "lists").iterdir()) == sorted([*weak, "val"])
    for name in (*weak, "val"):
        samples = read_list(folder, folder / f"lists/{name}.txt")
        assert [sample.id.split("_")[0] for sample in samples] == (["val"] * 2 if name == "val" else ["train"] * 4)
        for sample in samples:
            sizes = {read_label(path).shape for path in (sample.semantic, sample.instance)}
            assert sizes == {(64, 64)} == {read_image(sample.image).shape[:2]}


def test_every_labelled_pixel_of_a_weak_label_has_the_true_class_and_every_class_is_labelled(toy):
    folder, kind = toy
    truths = {sample.id: read_label(sample.semantic) for sample in read_list(folder, folder / "lists/train_full.txt")}
    for name in ["point"] + ["scribble"] * (kind == "scenes"):
        for sample in read_list(folder, folder / f"lists/train_{name}.txt"):
            weak, truth = read_label(sample.semantic), truths[sample.id]
            assert np.array_equal(weak[weak != UNLABELLED], truth[weak != UNLABELLED])
            assert set(np.unique(weak)) == {*np.unique(truth), UNLABELLED}
            assert (weak != UNLABELLED).mean() < 0.25


def test_the_truth_has_no_void_and_tags_are_its_classes(toy):
    folder, kind = toy
    names = read_class_names(folder / "classes.txt")
    tags = read_tags(folder / "tags.txt", len(names))
    samples = [sample for name in ("train_full", "val") for sample in read_list(folder, folder / f"lists/{name}.txt")]
    assert len(names) == (6 if kind == "scenes" else 7) and set(tags) == {sample.id for sample in samples}
    for sample in samples:
        present = np.unique(read_label(sample.semantic))
        assert present.max() < len(names) and tags[sample.id] == tuple(present[present > 0])


def test_the_over_segmentation_on_disk_comes_from_the_decoded_picture_alone(toy):
    folder, _ = toy
    for sample in read_list(folder, folder / "lists/train_full.txt"):
        assert np.array_equal(
            read_label(sample.instance), oversegment_image(read_image(sample.image), threshold=REGION_THRESHOLD)
        )


def test_boxes_are_the_smallest_around_what_shows_of_each_object(tmp_path, some_scenes):
    for scene in some_scenes[:4]:
        xml = tmp_path / "a.xml"
        xml.write_text(weak_labels.boxes_as_xml("a", scene, scenes.SCENE_CLASSES))
        size, boxes = read_boxes(xml, scenes.SCENE_CLASSES)
        assert size == (96, 96) and len(boxes) == scene.instance.max()
        for number, box in enumerate(boxes, 1):
            y, x = np.nonzero(scene.instance == number)
            assert {box.class_id} == set(scene.semantic[y, x])
            assert (box.left, box.top, box.right, box.bottom) == (x.min(), y.min(), x.max() + 1, y.max() + 1)


def test_every_object_is_large_enough_to_see_and_has_one_whole_dot(some_scenes):
    rng = np.random.default_rng(0)
    for scene in some_scenes:
        points = weak_labels.label_points(rng, scene, 7)
        assert scene.instance.max() >= 2 and np.array_equal(scene.instance > 0, scene.semantic > 0)
        for number in range(1, scene.instance.max() + 1):
            region = scene.instance == number
            assert region.sum() >= scenes.SMALLEST_OBJECT
            dot = region & (points != UNLABELLED)
            assert dot.sum() == disc(7).sum() and connected_pieces(dot)[1] == 1


def test_two_dots_lie_apart_in_the_background(some_scenes):
    rng = np.random.default_rng(0)
    for scene in some_scenes:
        assert connected_pieces(weak_labels.label_points(rng, scene, 7) == 0)[1] == 2


def test_a_scribble_is_one_long_stroke_in_every_object(some_scenes):
    rng = np.random.default_rng(0)
    for scene in some_scenes:
        scribbles = weak_labels.label_scribbles(rng, scene)
        for number in range(1, scene.instance.max() + 1):
            stroke = (scene.instance == number) & (scribbles != UNLABELLED)
            assert connected_pieces(stroke, np.ones((3, 3)))[1] == 1 and stroke.sum() >= 15
        assert 1 <= connected_pieces(scribbles == 0, np.ones((3, 3)))[1] <= 2


def test_every_class_has_many_hues_and_neighbouring_classes_share_some():
    def hues(label):
        colours = [scenes.draw_object(np.random.default_rng(seed), 64, label).mean((0, 1)) for seed in range(150)]
        r, g, b = np.transpose(colours)
        turn = np.arctan2(np.sqrt(3) * (g - b), 2 * r - g - b) / (2 * np.pi)
        return (turn - (label - 1) / 5 + 0.5) % 1 - 0.5 + (label - 1) / 5

    dotted, checked = hues(2), hues(3)
    assert dotted.max() > checked.min() and np.median(dotted) + 0.1 < np.median(checked)


def test_figures_show_all_six_parts_with_one_dot_each(some_figures):
    rng = np.random.default_rng(0)
    for scene in some_figures:
        points = weak_labels.label_points(rng, scene, 5)
        assert scene.instance.max() >= 1 and np.array_equal(scene.instance > 0, scene.semantic > 0)
        for figure in range(1, scene.instance.max() + 1):
            for part in range(1, len(parts.TOY_PARTS)):
                region = (scene.instance == figure) & (scene.semantic == part)
                dot = region & (points == part)
                assert region.sum() >= parts.SMALLEST_PART and 4 <= dot.sum() <= disc(5).sum()
                assert np.ptp(np.nonzero(dot), axis=1).max() <= 4


def test_figures_face_the_viewer_and_only_place_tells_left_from_right():
    for seed in range(20):
        masks = dict(parts.pose(np.random.default_rng(seed), 96))
        where = {part: np.nonzero(mask)[1].mean() if mask.any() else None for part, mask in masks.items()}
        for right, left in ((parts.RIGHT_ARM, parts.LEFT_ARM), (parts.RIGHT_LEG, parts.LEFT_LEG)):
            assert where[right] is None or where[left] is None or where[right] < where[left]
        looks = parts.dress(np.random.default_rng(seed), 64)
        assert np.array_equal(looks[parts.RIGHT_ARM], looks[parts.LEFT_ARM])
        assert np.array_equal(looks[parts.RIGHT_LEG], looks[parts.LEFT_LEG])


def test_instances_of_val_number_the_parts_of_each_figure(toy):
    folder, kind = toy
    if kind == "scenes":
        assert not (folder / "instances").exists()
        return
    assert sorted(path.stem for path in (folder / "instances").iterdir()) == ["val_00000", "val_00001"]
    for sample in read_list(folder, folder / "lists/val.txt"):
        parts, truth = read_label(folder / f"instances/{sample.id}.png"), read_label(sample.semantic)
        assert np.array_equal(parts > 0, truth > 0) and parts.max() == len(np.unique(parts)) - 1 <= 12
        assert all(len(np.unique(truth[parts == part])) == 1 for part in range(parts.max() + 1))


@pytest.mark.slow
def test_a_complete_set_is_left_alone_and_an_interrupted_or_other_one_is_made(tmp_path, shown_log):
    stamp = make(tmp_path) / "toy.json"
    image = tmp_path / "VOC2012/JPEGImages/train_00000.jpg"
    drawn = image.read_bytes()
    image.write_bytes(b"touched")
    make(tmp_path)
    assert image.read_bytes() == b"touched" and "already there" in shown_log.readouterr().out
    stamp.unlink()
    make(tmp_path)
    assert image.read_bytes() == drawn
    make(tmp_path, "--seed", "5")
    assert image.read_bytes() != drawn and json.loads(stamp.read_text())["seed"] == 5


@pytest.mark.parametrize(
    "flags",
    [["--image_size", "63"], ["--num_train", "0"], ["--seed", "-1"], ["--seed", "x"], ["--workers", "-1"]],
)
def test_impossible_flags_are_named_and_nothing_is_written(tmp_path, flags):
    with pytest.raises(UserError, match=" ".join(flags) + ": expected int from"):
        make(tmp_path / "out", *flags)
    assert not (tmp_path / "out").exists()


def test_a_save_dir_that_is_a_file_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="out: is no folder"):
        make(Path(tmp_path / "out"))


def test_a_set_is_made_from_code_as_by_the_script(tmp_path):
    settings = ToySettings(num_train=4, num_val=2, image_size=64)
    assert write_toy_set(str(tmp_path / "code"), settings, workers=0)
    assert contents(tmp_path / "code") == contents(make(tmp_path / "script"))
    assert not write_toy_set(tmp_path / "code", settings, workers=0)
