"""Layers, types, impossible values and old YAML files of the configuration."""

import re
from pathlib import Path

import pytest
import yaml

from spml.config import all_keys, load_config, save_config
from spml.config import loading as config_module
from spml.config.loading import DEFAULT_PATH
from spml.errors import UserError

SOURCE = Path(config_module.__file__).parents[1]
RELATIONS = "sem_ann|sem_occ|img_sim|feat_aff"

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

    def from_text(text, opts=(), dataset=None):
        (tmp_path / "c.yaml").write_text(text)
        return load_config(tmp_path / "c.yaml", opts, dataset)

    return from_text


def complaint(function, *args):
    """The one-line message of the UserError that the call raises."""
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_yaml_of_the_published_program_loads(load, capsys, monkeypatch):
    monkeypatch.setattr(config_module, "_warned", set())
    config = load(PUBLISHED)
    load(PUBLISHED)
    assert config.train.base_lr == 0.003
    assert config.train.weight_decay == 0.0005
    assert config.train.sem_occ_loss_weight == 0.3
    assert config.network.kmeans_num_clusters == [6, 6]
    assert config.dataset.color_map_path == "misc/colormapvoc.mat"
    warnings = capsys.readouterr().err.splitlines()
    assert sum("gpus" in line for line in warnings) == 1


def test_keys_of_the_published_program_without_meaning_are_warned_about_once(load, capsys, monkeypatch):
    monkeypatch.setattr(config_module, "_warned", set())
    text = "gpus: '0,1'\nnetwork: {aspp_feature_dim: 512, pspp_feature_dim: 256}\nembedding_model: x"
    for _ in range(2):
        load(text)
    warnings = capsys.readouterr().err
    for name in ("gpus", "network.aspp_feature_dim", "network.pspp_feature_dim", "embedding_model"):
        assert warnings.count(f": {name} has no meaning") == 1


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
        ("train: {base_lr: -1}", "train.base_lr"),
        ("train: {seed: -1}", "train.seed"),
        ("train: {max_iteration: 5, begin_iteration: 5}", "train.begin_iteration"),
        ("train: {momentum: 1.5}", "train.momentum"),
        ("train: {freeze_at: 6}", "train.freeze_at"),
        ("train: {lr_policy: cosine}", "train.lr_policy"),
        ("train: {sem_ann_loss_types: set}", "train.sem_ann_loss_types"),
        ("train: {sem_ann_loss_types: segsort}", "train.sem_ann_concentration"),
        ("train: {amp: fp16}", "train.amp"),
    ],
)
def test_an_impossible_value_is_an_error_that_names_the_key(load, text, key):
    message = complaint(load, text)
    assert key in message
    assert "expected" in message or "must" in message


@pytest.mark.parametrize(
    "text", ["train: [", "a: b: c", "\t- x", "a: 2001-99-99", "!!python/name:os.system", "", "just text", "- a\n- b"]
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


@pytest.mark.parametrize("name", ["densepose", "DensePose"])
def test_densepose_implies_its_network_features_and_mirroring(load, name):
    config = load(f"dataset: {{dataset: {name}}}")
    assert config.network.local_features == "location_colour"
    assert config.network.affinity_space
    assert config.train.img_sim_features == "plain"
    assert config.dataset.mirror_classes[:5] == [0, 1, 3, 2, 5]
    assert sorted(config.dataset.mirror_classes) == list(range(15)) == list(range(config.dataset.num_classes))


def test_what_a_data_set_implies_gives_way_to_the_file(load):
    config = load("dataset: {dataset: densepose}\nnetwork: {affinity_space: false}")
    assert not config.network.affinity_space
    assert config.network.local_features == "location_colour"


def test_mirroring_that_a_data_set_implies_is_named_so_where_it_does_not_fit(load):
    message = complaint(load, "dataset: {dataset: DensePose, num_classes: 7}")
    assert "dataset.num_classes is 7, but the data set DensePose implies dataset.mirror_classes" in message
    assert "set dataset.mirror_classes to each class 0..6 once" in message
    for mirror in ([], [0, 1, 3, 2, 5, 4, 6]):
        config = load(f"dataset: {{dataset: DensePose, num_classes: 7, mirror_classes: {mirror}}}")
        assert config.dataset.mirror_classes == mirror
    own = complaint(load, "dataset: {dataset: DensePose, num_classes: 7, mirror_classes: [1, 0]}")
    assert "dataset.mirror_classes must hold each class 0..6 once" in own


def test_the_scripts_data_set_holds_where_no_layer_names_one(load):
    assert load("num_threads: 1", dataset="densepose").network.affinity_space
    assert not load("dataset: {dataset: VOC2012}", dataset="densepose").network.affinity_space
    assert load("num_threads: 1", ["dataset.dataset", "densepose"]).network.affinity_space


def test_the_merged_configuration_loads_as_the_same_again(load, tmp_path):
    config = load(PUBLISHED)
    save_config(config, tmp_path / "merged.yaml")
    assert (tmp_path / "merged.yaml").read_text().startswith("# code revision: ")
    assert load_config(tmp_path / "merged.yaml") == config


def test_every_key_is_read_somewhere():
    read_by_config = {"dataset.dataset", "dataset.semantic_ignore_index"}  # what it implies; 255 is its only value
    sources = "\n".join(p.read_text() for p in SOURCE.rglob("*.py") if not p.name.startswith("config"))
    for key in set(all_keys()) - read_by_config:
        leaf = re.sub(f"^({RELATIONS})(?=_(concentration|loss))", "", key.rpartition(".")[2])
        assert re.search(rf"(\.|\}}){leaf}\b|[\"']{leaf}[\"']", sources), f"{key} is read nowhere"


def test_defaults_are_possible_and_in_the_layout_of_the_published_program():
    config = load_config()
    assert set(yaml.safe_load(DEFAULT_PATH.read_text())) == {"num_threads", "network", "dataset", "train", "test"}
    assert config.train.lr_policy == "step"
    assert config.network.label_divisor == 255
