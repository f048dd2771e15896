"""Layers, types, impossible values and old YAML files of the configuration."""

import logging
import re

import pytest
import yaml

from spml.config import flat, load_config, merging, relations
from spml.config.tree import DEFAULT_PATH
from spml.errors import UserError

SOURCE = DEFAULT_PATH.parents[1]
ROOT = SOURCE.parent
MIRRORED_PARTS = [0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14]

PUBLISHED = """
gpus: "0"
num_threads: 0
dataset:
  num_classes: 21
  semantic_ignore_index: 255
  dataset: VOC2012
  color_map_path: "misc/colormapvoc.mat"
network:
  pretrained: ""
  embedding_dim: 64
  label_divisor: 2048
  use_syncbn: false
  kmeans_iterations: 10
  kmeans_num_clusters:
    - 6
    - 6
  backbone_types: panoptic_deeplab_101
  prediction_types: segsort
train:
  resume: false
  lr_policy: poly
  begin_iteration: 0
  snapshot_step: 3
  tensorboard_step: 100
  max_iteration: 3
  random_mirror: true
  random_scale: true
  random_crop: true
  warmup_iteration: 100
  base_lr: 3e-3
  weight_decay: 5e-4
  momentum: 0.9
  batch_size: 2
  crop_size:
    - 64
    - 64
  memory_bank_size: 2
  sem_ann_concentration: 6
  sem_occ_concentration: 8
  img_sim_concentration: 16
  feat_aff_concentration: 0
  sem_ann_loss_types: segsort
  sem_occ_loss_types: segsort
  img_sim_loss_types: segsort
  feat_aff_loss_types: none
  sem_ann_loss_weight: 0.3
  sem_occ_loss_weight: 0.3
  img_sim_loss_weight: 0.1
  feat_aff_loss_weight: 0.0
test:
  scales:
    - 1
  image_size: 80
  crop_size:
    - 64
    - 64
  stride:
    - 48
    - 48
"""


@pytest.fixture
def load(tmp_path):
    """Loads configuration text written to a file."""

    def from_text(text, opts=(), preset=None):
        (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
        return load_config(tmp_path / "c.yaml", opts, preset)

    return from_text


def complaint(function, *args):
    """The one-line message of the UserError that the call raises."""
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_yaml_of_the_published_program_loads(load, caplog, monkeypatch):
    monkeypatch.setattr(merging, "_warned", set())
    config = load(PUBLISHED)
    load(PUBLISHED)
    assert config.train.base_lr == 0.003
    assert config.train.weight_decay == 0.0005
    assert config.train.sem_occ_loss_weight == 0.3
    assert config.network.kmeans_num_clusters == [6, 6]
    assert config.dataset.color_map_path == "misc/colormapvoc.mat"
    assert sum("gpus" in line for line in caplog.messages) == 1


def test_keys_of_the_published_program_without_meaning_are_warned_about_once(load, caplog, monkeypatch):
    monkeypatch.setattr(merging, "_warned", set())
    text = "gpus: '0,1'\nnetwork: {aspp_feature_dim: 512, pspp_feature_dim: 256}\nembedding_model: x"
    for _ in range(2):
        load(text)
    for name in ("gpus", "network.aspp_feature_dim", "network.pspp_feature_dim", "embedding_model"):
        assert " ".join(caplog.messages).count(f": {name} has no meaning") == 1
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_layers_win_in_the_order_default_base_file_command_line(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "root.yaml").write_text("train: {batch_size: 7, momentum: 0.5, seed: 1}")
    (tmp_path / "deep" / "middle.yaml").write_text("_base_: ../root.yaml\ntrain: {momentum: 0.6, seed: 2}")
    (tmp_path / "top.yaml").write_text("_base_: deep/middle.yaml\ntrain: {seed: 3}\nnum_threads: 1")
    config = load_config(tmp_path / "top.yaml", ["num_threads", "9"])
    assert (config.train.batch_size, config.train.momentum, config.train.seed) == (7, 0.6, 3)
    assert config.num_threads == 9
    assert config.network.kmeans_iterations == 10


def test_a_base_that_leads_back_to_itself_is_an_error(tmp_path):
    (tmp_path / "a.yaml").write_text("_base_: b.yaml")
    (tmp_path / "b.yaml").write_text("_base_: a.yaml")
    (tmp_path / "self.yaml").write_text("_base_: self.yaml")
    assert "leads back to itself" in complaint(load_config, tmp_path / "a.yaml")
    assert "self.yaml" in complaint(load_config, tmp_path / "self.yaml")


def test_one_base_may_be_reached_on_two_ways(tmp_path):
    (tmp_path / "root.yaml").write_text("num_threads: 2")
    (tmp_path / "a.yaml").write_text("_base_: root.yaml")
    assert load_config(tmp_path / "a.yaml").num_threads == load_config(tmp_path / "root.yaml").num_threads == 2


def test_a_missing_base_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a.yaml").write_text("_base_: nowhere.yaml")
    assert "nowhere.yaml" in complaint(load_config, tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("train: {base_rl: 1}", "train.base_lr"),
        ("train: {img_sim_concentraton: 1}", "train.img_sim_concentration"),
        ("network: {num_classes: 3}", "dataset.num_classes"),
        ("batch_size: 3", "train.batch_size"),
        ("trian: {base_lr: 1}", "train"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest_known_one(load, text, nearest):
    message = complaint(load, text)
    assert "unknown key" in message
    assert message.endswith(f"did you mean {nearest}?")


def test_a_key_like_no_other_is_an_error_too(load):
    assert "unknown key qqqqqq" in complaint(load, "qqqqqq: 1")
    assert "unknown key qqqqqq" in complaint(load_config, None, ["qqqqqq", "1"])


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("network: {use_syncbn: USE_SYNCBN}", "network.use_syncbn"),
        ("network: {use_syncbn: 1}", "network.use_syncbn"),
        ("network: {embedding_dim: EMBEDDING_DIM}", "network.embedding_dim"),
        ("network: {embedding_dim: 2.5}", "network.embedding_dim"),
        ("network: {embedding_dim: true}", "network.embedding_dim"),
        ("network: {embedding_dim: null}", "network.embedding_dim"),
        ("network: {backbone_types: 5}", "network.backbone_types"),
        ("train: {crop_size: 64}", "train.crop_size"),
        ("train: {crop_size: [64, b]}", "train.crop_size[1]"),
        ("train: {base_lr: nan}", "train.base_lr"),
        ("train: {base_lr: .inf}", "train.base_lr"),
        ("train: {base_lr: fast}", "train.base_lr"),
        ("train: {sem_ann_concentration: abc}", "train.sem_ann_concentration"),
        (f"train: {{base_lr: 1{'0' * 400}}}", "train.base_lr"),
        ("train: 3", "train"),
    ],
)
def test_a_wrong_type_is_an_error_that_names_the_key(load, text, key):
    assert key in complaint(load, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3e-3", 0.003), ("1e3", 1000.0), ("3.0e-3", 0.003), ("'0.01'", 0.01), ("1", 1.0), ("1_0", 10.0)],
)
def test_numbers_may_come_as_the_text_that_yaml_takes_them_for(load, text, value):
    config = load(f"train: {{base_lr: {text}}}")
    assert config.train.base_lr == value
    assert isinstance(config.train.base_lr, float)


def test_whole_numbers_stay_whole_and_weights_may_be_fractions(load):
    train = load("train: {max_iteration: 3e4, sem_ann_loss_weight: 0.3, sem_ann_concentration: '6.5'}").train
    assert train.max_iteration == 30000
    assert isinstance(train.max_iteration, int)
    assert (train.sem_ann_loss_weight, train.sem_ann_concentration) == (0.3, 6.5)


def test_numbers_that_may_be_fractions_are_floats_and_said_to_be_numbers(load):
    config = load("train: {sem_ann_concentration: 6, sem_occ_loss_weight: 1}\ntest: {scales: [0.5, 1, '2']}")
    train, default = config.train, load_config()
    for value, expected in (
        (train.sem_ann_concentration, 6.0),
        (train.sem_occ_loss_weight, 1.0),
        (config.test.scales[1], 1.0),
        (default.train.feat_aff_concentration, 0.0),
        (default.train.feat_aff_loss_weight, 0.0),
        (default.test.scales[0], 1.0),
    ):
        assert value == expected and isinstance(value, float)
    assert complaint(load, "train: {sem_ann_concentration: abc}").endswith("expected a number, like 0.0")
    assert complaint(load, "test: {scales: [a]}").endswith("test.scales[0] is 'a', expected a number, like 1.0")
    assert complaint(load, "dataset: {mirror_classes: [0, 1.5]}").endswith(
        "[1] is 1.5, expected a whole number, like 0"
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("network: {stem: shallow}", "network.stem"),
        ("network: {kmeans_num_clusters: [0, 3]}", "network.kmeans_num_clusters"),
        ("network: {kmeans_num_clusters: [3]}", "network.kmeans_num_clusters"),
        ("network: {label_divisor: 10}", "network.label_divisor"),
        ("network: {pixel_stds: [0.2, 0, 0.2]}", "network.pixel_stds"),
        ("network: {pixel_means: [0.5, 0.5]}", "network.pixel_means"),
        ("dataset: {num_classes: 1}", "dataset.num_classes"),
        ("dataset: {num_classes: 255}", "dataset.num_classes"),
        ("dataset: {semantic_ignore_index: 0}", "dataset.semantic_ignore_index"),
        ("dataset: {unlabelled_index: 3}", "dataset.unlabelled_index"),
        ("dataset: {mirror_classes: [0, 1]}", "dataset.mirror_classes"),
        ("train: {batch_size: 0}", "train.batch_size"),
        ("train: {batch_size: 1000000}", "train.batch_size"),
        ("train: {crop_size: [1000000, 1000000]}", "train.crop_size"),
        ("train: {crop_size: [100, 100, 100]}", "train.crop_size"),
        ("test: {crop_size: [1000000, 1000000]}", "test.crop_size"),
        ("test: {image_size: 1000000}", "test.image_size"),
        ("network: {embedding_dim: 65536}", "network.embedding_dim"),
        ("network: {kmeans_num_clusters: [1000000, 1]}", "network.kmeans_num_clusters"),
        ("train: {base_lr: -1}", "train.base_lr"),
        ("train: {seed: -1}", "train.seed"),
        ("train: {max_iteration: 5, begin_iteration: 5}", "train.begin_iteration"),
        (
            "train: {label_maps: false, sem_ann_loss_types: segsort, sem_ann_concentration: 6}",
            "train.label_maps is false, expected true where train.sem_ann_loss_types is segsort",
        ),
        ("train: {momentum: 1.5}", "train.momentum"),
        ("train: {freeze_at: 6}", "train.freeze_at"),
        ("train: {lr_policy: cosine}", "train.lr_policy"),
        ("train: {sem_ann_loss_types: set}", "train.sem_ann_loss_types"),
        ("train: {sem_ann_loss_types: segsort}", "train.sem_ann_concentration"),
        ("train: {amp: fp8}", "train.amp"),
        ("{network: {prediction_types: cam}, train: {validate_step: 5}}", "train.validate_step"),
        (
            "network: {pixel_means: [123.675, 116.28, 103.53]}",
            "network.pixel_means is [123.675, 116.28, 103.53], expected [r, g, b] of colours in 0..1; divide those",
        ),
        ("network: {pixel_means: [0, -0.1, 0]}", "network.pixel_means"),
        ("network: {pixel_stds: [58, 57, 57]}", "of colours in 0..1, above 0; divide those of 0..255 by 255"),
        ("train: {decay_iterations: [5, -5]}", "train.decay_iterations is [5, -5], expected whole numbers from 0"),
        ("test: {scales: [1, 0]}", "test.scales"),
        ("test: {scales: [1, 101]}", "test.scales is [1.0, 101.0], expected positive numbers up to 100"),
        ("test: {prototypes: float64}", "test.prototypes is 'float64', expected one of float32, float16"),
    ],
)
def test_an_impossible_value_is_an_error_that_names_the_key(load, text, key):
    message = complaint(load, text)
    assert key in message
    assert "expected" in message or "set " in message


@pytest.mark.parametrize(
    "text",
    ["train: [", "a: b: c", "\t- x", "a: 2001-99-99", "!!python/name:os.system", "", "just text", "- a\n- b"]
    + ["!!bool x", "!!int ''", "!!timestamp x", "[" * 5000, "a: \0", "_base_: [x]", '_base_: "a\\0b"', "&a [*a]"]
    + [
        f"train: {{base_lr: {'9' * 5000}}}",
        f"train: {{seed: {'9' * 5000}}}",
        '_base_: "a\\ud800"',
        f"_base_: {'x' * 5000}",
    ]
    + [f"num_threads: {'1:' * 3000}1", "{? [x] : 1}", f"{'[' * 40}{']' * 40}", "x" * 300_000],
)
def test_broken_yaml_is_an_error_that_names_the_file(load, text):
    assert "c.yaml" in complaint(load, text)


def test_a_missing_or_binary_file_is_an_error_that_names_it(tmp_path):
    assert "nowhere.yaml" in complaint(load_config, tmp_path / "nowhere.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    assert "binary.yaml" in complaint(load_config, tmp_path / "binary.yaml")
    assert str(tmp_path) in complaint(load_config, tmp_path)


@pytest.mark.parametrize(
    ("opts", "words"),
    [
        (["train.base_lr"], "pairs"),
        (["train.base_lr", "[1"], "train.base_lr"),
        (["train.base_lr", "2001-99-99"], "train.base_lr"),
        (["train.base_lr", "x"], "train.base_lr"),
        (["train.base_lr.x", "1"], "train.base_lr"),
        (["train", "1"], "train"),
    ],
)
def test_a_mistake_on_the_command_line_is_an_error_that_names_the_key(opts, words):
    message = complaint(load_config, None, opts)
    assert words in message
    assert "--opts" in message


def test_pairs_of_the_command_line_are_read_as_yaml_and_the_last_wins():
    opts = ["train.base_lr", "3e-3", "train.crop_size", "[8, 9]", "train.resume", "true", "train.base_lr", "4e-3"]
    train = load_config(None, opts).train
    assert (train.base_lr, train.crop_size, train.resume) == (0.004, [8, 9], True)


def test_windows_that_would_leave_gaps_are_refused(load):
    message = complaint(load, "test: {stride: [64, 65], crop_size: [64, 64]}")
    assert message.endswith(
        "test.stride is [64, 65], expected at most test.crop_size, [64, 64]: windows must leave no gap"
    )
    assert load("test: {stride: [64, 64], crop_size: [64, 64]}").test.stride == [64, 64]


@pytest.mark.parametrize("name", ["densepose", "DensePose", "my own data"])
def test_the_name_of_a_data_set_implies_nothing(load, name):
    config, unnamed = load(f"dataset: {{dataset: {name}}}"), load("num_threads: 4")
    assert {key for key, value in flat(config).items() if value != flat(unnamed)[key]} == {"dataset.dataset"}


def test_a_preset_lies_under_the_yaml_and_says_in_one_line_what_it_sets(load, caplog):
    caplog.set_level(logging.INFO)
    config = load("network: {affinity_space: false}\ntrain: {img_sim_features: plain}", preset="densepose")
    assert config.network.local_features == "location_colour" and not config.network.affinity_space
    assert config.dataset.num_classes == 15 and config.dataset.mirror_classes == MIRRORED_PARTS
    (line,) = caplog.messages
    assert line.startswith(
        "preset densepose sets what no YAML says: dataset.num_classes 15, dataset.mirror_classes [0, "
    )
    assert line.endswith("network.local_features location_colour")


def test_a_preset_that_sets_nothing_new_is_silent(caplog):
    caplog.set_level(logging.INFO)
    published = ROOT / "configs" / "densepose" / "point.yaml"
    assert load_config(published, preset="densepose") == load_config(published)
    assert not caplog.messages


def test_a_preset_that_is_none_is_an_error(load):
    assert "preset 'cityscapes': expected one of densepose" in complaint(load, "num_threads: 1", (), "cityscapes")


def test_classes_to_mirror_that_do_not_fit_are_refused(load):
    message = complaint(load, "dataset: {num_classes: 7}", (), "densepose")
    assert "dataset.num_classes is 7; set dataset.mirror_classes to each class 0..6 once" in message
    for mirror in ([], [0, 1, 3, 2, 5, 4, 6]):
        config = load(f"dataset: {{num_classes: 7, mirror_classes: {mirror}}}", preset="densepose")
        assert config.dataset.mirror_classes == mirror
    assert "dataset.mirror_classes is [1, 0]" in complaint(load, "dataset: {num_classes: 7, mirror_classes: [1, 0]}")


@pytest.mark.parametrize(
    ("mirror", "words"),
    [
        ([0, 2, 3, 1], "dataset.mirror_classes is [0, 2, 3, 1], expected pairs that change places"),
        ([1, 0, 2, 3], "dataset.mirror_classes[0] is 1, expected 0, the background"),
    ],
)
def test_classes_that_do_not_come_back_when_mirrored_twice_and_a_background_with_sides_are_refused(load, mirror, words):
    message = complaint(load, f"dataset: {{num_classes: 4, mirror_classes: {mirror}}}")
    assert words in message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("/data/a #1: b/it's.pth", "/data/a #1: b/it's.pth"),
        ("'", "'"),
        ("''", ""),
        ('""', ""),
        ("", ""),
        ("'a: #b'", "a: #b"),
        ('"caf\\u00e9"', "café"),
        ("'it's'", "'it's'"),
        ("null", "null"),
        ("5", "5"),
        ("[a, b", "[a, b"),
        ("'5'", "5"),
    ],
)
def test_a_text_of_the_command_line_is_taken_as_it_is_or_as_quoted_yaml(text, value):
    assert load_config(None, ["network.pretrained", text]).network.pretrained == value


def test_keys_given_in_code_are_values_by_dotted_or_nested_keys(tmp_path):
    opts = {"train.base_lr": 0.5, "network.pretrained": tmp_path / "a #1.pth", "train": {"crop_size": (8, 9)}}
    config = load_config(None, opts)
    assert (config.train.base_lr, config.train.crop_size) == (0.5, [8, 9])
    assert config.network.pretrained == f"{tmp_path}/a #1.pth"
    assert complaint(load_config, None, {"train.base_rl": 1}).startswith("opts: unknown key train.base_rl")
    assert "train.resume is 'yes'" in complaint(load_config, None, {"train.resume": "yes"})


def test_a_byte_order_mark_and_letters_beyond_ascii_are_read_whatever_the_locale(load, monkeypatch):
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    assert load("\ufeffdataset: {data_dir: bücher/图}").dataset.data_dir == "bücher/图"


def test_a_hostile_value_makes_a_short_message(load):
    laughs = "a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(
        f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("bcdefghijklmnopq", "cdefghijklmnopqr", strict=True)
    )
    assert len(complaint(load, f"{laughs}train: {{base_lr: *r}}")) < 1000
    assert len(complaint(load, f"{laughs}")) < 1000
    assert len(complaint(load, f"train: {{base_lr: 0x{'f' * 9000}}}")) < 1000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: {seed: 1}\nnum_threads: 1\ntrain: {base_lr: 1}", "train stands in line 1 and again in line 3"),
        ("train: {seed: 1, seed: 1}", "seed stands in line 1 and again in line 1"),
        ("&k train: {seed: 1}\n*k : {base_lr: 1}", "train stands in line 1"),
    ],
)
def test_a_key_that_stands_twice_is_an_error_that_names_both_lines(load, text, words):
    assert words in complaint(load, text)


def test_anchors_and_merged_mappings_work_as_yaml_says(load):
    config = load("network: {kmeans_num_clusters: &two [4, 4]}\ntrain: {crop_size: *two, <<: {seed: 3, base_lr: 1}}")
    assert (config.train.crop_size, config.train.seed, config.train.base_lr) == ([4, 4], 3, 1.0)


def spreading(count):
    """A chain of anchors, each of which holds nine times the one before."""
    return "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(count))


@pytest.mark.parametrize(
    "text",
    [
        spreading(12),
        spreading(12) + "\n_base_: [*a9]",
        "a0: &a0 {x: 1}\n" + "\n".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)),
        "a0: &a0 []\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 50)),
        "".join(f"{' ' * n}a:\n" for n in range(700)),
    ],
    ids=["values", "a base of many", "merged mappings", "levels by aliases", "levels"],
)
def test_a_yaml_that_spreads_without_end_is_refused_at_once(load, text):
    assert "c.yaml: not valid YAML (it has more than " in complaint(load, text)
    assert "train.base_lr" in complaint(load_config, None, ["train.base_lr", "[" * 300 + "]" * 300])


def test_a_chain_of_bases_is_at_most_so_long(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.yaml").write_text(f"_base_: {number - 1}.yaml" if number else "num_threads: 3")
    assert load_config(tmp_path / "20.yaml").num_threads == 3
    assert "one too many, expected at most 20" in complaint(load_config, tmp_path / "39.yaml")


def test_a_base_whose_links_go_in_a_circle_is_an_error(tmp_path):
    (tmp_path / "a.yaml").write_text("_base_: b.yaml")
    (tmp_path / "b.yaml").symlink_to("b.yaml")
    assert "b.yaml: cannot be read" in complaint(load_config, tmp_path / "a.yaml")


def test_every_key_is_read_somewhere():
    read_by_config = {"dataset.dataset", "dataset.semantic_ignore_index"}  # a name for people; 255 is its only value
    sources = "\n".join(p.read_text() for p in SOURCE.rglob("*.py") if p.parent != DEFAULT_PATH.parent)
    for key in set(flat(load_config())) - read_by_config:
        leaf = re.sub(f"^({'|'.join(relations())})(?=_(concentration|loss))", "", key.rpartition(".")[2])
        assert re.search(rf"(\.|\}}){leaf}\b|[\"']{leaf}[\"']", sources), f"{key} is read nowhere"


def test_defaults_are_possible_and_in_the_layout_of_the_published_program():
    config = load_config()
    assert set(yaml.safe_load(DEFAULT_PATH.read_text())) == {"num_threads", "network", "dataset", "train", "test"}
    assert config.train.lr_policy == "step"
    assert config.network.label_divisor == 255


@pytest.mark.parametrize(
    ("text", "background"),
    [("num_threads: 1", "0"), ("dataset: {background: 0}", "0"), ("dataset: {background: none}", "none")],
)
def test_a_data_set_has_a_background_or_none(load, text, background):
    assert load(text).dataset.background == background
    for value in (background, int(background) if background == "0" else background):
        assert load_config(None, {"dataset.background": value}).dataset.background == background
    assert load_config(None, ["dataset.background", background]).dataset.background == background


def test_another_background_and_sides_of_the_background_are_refused(load):
    for value in ("1", "false", "road"):
        assert "dataset.background is " in complaint(load, f"dataset: {{background: {value}}}")
    sides = "num_classes: 2, mirror_classes: [1, 0]"
    assert "dataset.mirror_classes[0] is 1, expected 0, the background" in complaint(load, f"dataset: {{{sides}}}")
    assert load(f"dataset: {{background: none, {sides}}}").dataset.mirror_classes == [1, 0]


def test_an_impossible_value_is_blamed_on_what_gave_it(tmp_path):
    (tmp_path / "base.yaml").write_text("train:\n  batch_size: 0\n")
    (tmp_path / "top.yaml").write_text("_base_: base.yaml\ntrain:\n  base_lr: 0.1\n")
    with pytest.raises(UserError, match=r"base.yaml: train.batch_size is 0"):
        load_config(tmp_path / "top.yaml")
    with pytest.raises(UserError, match=r"^--opts: train.amp is 'bf17'"):
        load_config(tmp_path / "top.yaml", ["train.batch_size", "2", "train.amp", "bf17"])


def test_of_keys_that_do_not_fit_the_last_that_was_given_is_blamed(tmp_path):
    (tmp_path / "a.yaml").write_text("test:\n  stride: [80, 80]\n")
    with pytest.raises(UserError, match=r"^--opts: test.stride is \[80, 80\], expected at most test.crop_size"):
        load_config(tmp_path / "a.yaml", ["test.crop_size", "[64,64]"])
