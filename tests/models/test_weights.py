"""Weights from files: backbone files, snapshots, torchvision's, and everything that can be wrong with a file."""

import os

import pytest
import torch

from spml.config import load_config
from spml.errors import UserError
from spml.models.cam_network import build_cam
from spml.models.classifier import build_classifier
from spml.models.embedding import build_embedding
from spml.models.weights import load_cam, load_file, load_pretrained, load_snapshot, our_name


def complaint(function, *args, **options):
    with pytest.raises(UserError) as error:
        function(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def network(config, seed):
    torch.manual_seed(seed)
    return build_embedding(config)


def equal(a, b, prefix=""):
    """Whether the tensors of two modules whose names begin with `prefix` are equal."""
    b = b.state_dict()
    return all(torch.equal(v, b[k]) for k, v in a.state_dict().items() if k.startswith(prefix))


def usual_names(module):
    """A backbone file: the usual ResNet names, as its makers write it."""
    out = {"fc.weight": torch.zeros(1000, 3), "fc.bias": torch.zeros(1000)}
    for name, value in module.state_dict().items():
        if name.startswith("resnet_backbone."):
            short = name.removeprefix("resnet_backbone.")
            for stage in (2, 3, 4, 5):
                short = short.replace(f"res{stage}.", f"layer{stage - 1}.", 1)
            out[short.removeprefix("conv1.") if short.startswith("conv1.") else short] = value
    return out


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("conv1.0.weight", "resnet_backbone.conv1.conv1.0.weight"),
        ("module.bn1.running_var", "resnet_backbone.conv1.bn1.running_var"),
        ("layer1.0.conv1.weight", "resnet_backbone.res2.0.conv1.weight"),
        ("layer4.2.downsample.0.weight", "resnet_backbone.res5.2.downsample.0.weight"),
        ("module.resnet_backbone.res3.0.bn1.bias", "resnet_backbone.res3.0.bn1.bias"),
        ("aspp.aspp_1.0.weight", "aspp.aspp_1.0.weight"),
        ("fc.weight", "fc.weight"),
    ],
)
def test_names_of_backbone_files_map_to_ours(name, ours):
    assert our_name(name) == ours


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}])
def test_a_backbone_file_fills_the_backbone_and_leaves_the_head(tiny_config, tmp_path, wrap):
    config = tiny_config()
    source, target, fresh = network(config, 1), network(config, 2), network(config, 2)
    torch.save(wrap(usual_names(source)), tmp_path / "backbone.pth")
    line = load_pretrained(target, str(tmp_path / "backbone.pth"), config.network)
    assert equal(target, source, "resnet_backbone.")
    assert equal(target, fresh, "aspp.")
    backbone = sum(k.startswith("resnet_backbone.") for k in source.state_dict())
    assert f"{backbone} tensors loaded, {backbone} of them renamed; 8 left at their initial value (aspp." in line
    assert "unused" not in line
    assert "\n" not in line


def test_a_snapshot_fills_the_whole_network(tiny_config, tmp_path):
    config = tiny_config()
    source, target = network(config, 1), network(config, 2)
    torch.save({"embedding_model": source.state_dict(), "prediction_model": {}}, tmp_path / "model-9.pth")
    line = load_pretrained(target, str(tmp_path / "model-9.pth"), config.network, complete=True)
    assert equal(target, source)
    assert "0 of them renamed; 0 left at their initial value" in line


def test_a_folder_stands_for_its_newest_snapshot(tiny_config, tmp_path):
    config = tiny_config()
    sources = {iteration: network(config, iteration) for iteration in (9, 10)}
    for iteration, source in sources.items():
        torch.save({"embedding_model": source.state_dict()}, tmp_path / f"model-{iteration}.pth")
    target = network(config, 2)
    assert "model-10.pth: " in load_pretrained(target, str(tmp_path), config.network)
    assert equal(target, sources[10])
    (tmp_path / "empty").mkdir()
    assert "holds no snapshot" in complaint(load_pretrained, target, str(tmp_path / "empty"), config.network)


def test_what_is_unused_of_a_file_is_named(tiny_config, tmp_path):
    config = tiny_config()
    state = {**network(config, 1).state_dict(), "decoder.block.weight": torch.zeros(3)}
    torch.save(state, tmp_path / "more.pth")
    line = load_pretrained(network(config, 2), str(tmp_path / "more.pth"), config.network)
    assert line.endswith("1 of the file unused (decoder.block)")


def test_a_file_that_lacks_the_head_is_no_snapshot(tiny_config, tmp_path):
    config = tiny_config()
    torch.save(usual_names(network(config, 1)), tmp_path / "backbone.pth")
    message = complaint(
        load_pretrained, network(config, 2), str(tmp_path / "backbone.pth"), config.network, complete=True
    )
    assert "backbone.pth: lacks aspp." in message


def test_another_shape_is_an_error_that_names_the_parameter_and_both_shapes(tiny_config, tmp_path):
    state = network(tiny_config(), 1).state_dict()
    torch.save(state, tmp_path / "a.pth")
    config = tiny_config(network={"embedding_dim": 9})
    message = complaint(load_pretrained, network(config, 2), str(tmp_path / "a.pth"), config.network)
    assert "aspp.aspp_1.0.weight has shape (8, " in message
    assert "needs (9, " in message


class RunsCommand:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_a_file_that_would_run_a_command_is_refused_and_runs_nothing(tmp_path):
    mark = tmp_path / "mark"
    for name, options in (("new.pth", {}), ("old.pth", {"_use_new_zipfile_serialization": False})):
        torch.save({"embedding_model": RunsCommand(mark)}, tmp_path / name, **options)
        assert name in complaint(load_file, tmp_path / name)
    assert not mark.exists()


def test_a_missing_or_broken_file_is_an_error_that_names_it(tmp_path):
    torch.save({"a": torch.zeros(1000)}, tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    for name, content in {
        "half": whole[:2000],
        "text": b"hello\nworld",
        "empty": b"",
        "zip": b"PK\x05\x06" + bytes(18),
    }.items():
        (tmp_path / f"{name}.pth").write_bytes(content)
        assert f"{name}.pth" in complaint(load_file, tmp_path / f"{name}.pth")
    assert "nowhere.pth" in complaint(load_file, tmp_path / "nowhere.pth")
    assert str(tmp_path) in complaint(load_file, tmp_path)


@pytest.mark.parametrize(
    "content", [{}, {"a": 1}, {0: torch.zeros(3)}, [1, 2], torch.zeros(3), {"embedding_model": {}}, "text"]
)
def test_a_file_without_named_tensors_is_an_error(tiny_config, tmp_path, content):
    config = tiny_config()
    torch.save(content, tmp_path / "a.pth")
    assert "a.pth" in complaint(load_pretrained, network(config, 1), str(tmp_path / "a.pth"), config.network)
    assert "a.pth" in complaint(load_snapshot, config, tmp_path / "a.pth")


@pytest.mark.parametrize("wrong", [{3: torch.zeros(3)}, {"aspp.aspp_1.0.bias": [0.0] * 8}, {"aspp": {}}])
def test_a_snapshot_of_anything_but_named_tensors_is_an_error_that_names_it(tiny_config, tmp_path, wrong):
    config = tiny_config()
    torch.save({"embedding_model": {**network(config, 1).state_dict(), **wrong}}, tmp_path / "a.pth")
    message = complaint(load_snapshot, config, tmp_path / "a.pth")
    assert f"a.pth: {next(iter(wrong))!r} is no named tensor" in message


def test_a_file_of_another_network_is_an_error_that_shows_its_first_key(tiny_config, tmp_path):
    config = tiny_config()
    torch.save({"transformer.weight": torch.zeros(3)}, tmp_path / "a.pth")
    message = complaint(load_pretrained, network(config, 1), str(tmp_path / "a.pth"), config.network)
    assert "'transformer.weight'" in message


def test_torchvisions_weights_need_its_stem_and_one_of_its_depths(tiny_config):
    config = tiny_config(network={"backbone_types": "panoptic_deeplab_50"})
    assert "network.stem" in complaint(load_pretrained, None, "torchvision", config.network)
    config = tiny_config(network={"stem": "torchvision"})
    assert "no ResNet-tiny" in complaint(load_pretrained, None, "torchvision", config.network)


def test_torchvisions_names_fill_a_network_with_its_stem(tmp_path):
    resnet18 = pytest.importorskip("torchvision").models.resnet18
    opts = [
        "network.backbone_types",
        "panoptic_deeplab_18",
        "network.stem",
        "torchvision",
        "network.embedding_dim",
        "4",
    ]
    config = load_config(None, opts)
    theirs = resnet18()
    torch.save(theirs.state_dict(), tmp_path / "resnet18.pth")
    ours = build_embedding(config)
    line = load_pretrained(ours, str(tmp_path / "resnet18.pth"), config.network)
    assert torch.equal(ours.resnet_backbone.res5[1].conv2.weight, theirs.layer4[1].conv2.weight)
    assert torch.equal(ours.resnet_backbone.conv1.bn1.running_var, theirs.bn1.running_var)
    assert "120 tensors loaded, 120 of them renamed" in line


@pytest.fixture
def snapshot(tiny_config, tmp_path):
    """A snapshot of the tiny networks, and the networks."""
    config = tiny_config(network={"local_features": "location_colour"})
    embedding, classifier = network(config, 1), build_classifier(config)
    path = tmp_path / "model-2.pth"
    torch.save({"embedding_model": embedding.state_dict(), "prediction_model": classifier.state_dict()}, path)
    return config, path, embedding, classifier


def test_a_snapshot_gives_both_networks_ready_for_inference(snapshot):
    config, path, embedding, classifier = snapshot
    got, got_classifier = load_snapshot(config, path, with_classifier=True)
    assert all(torch.equal(v, embedding.state_dict()[k]) for k, v in got.state_dict().items())
    assert equal(got_classifier, classifier)
    assert not got.training
    assert not got_classifier.training
    assert not any(p.requires_grad for p in (*got.parameters(), *got_classifier.parameters()))
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(got(image), embedding.eval()(image))


def test_inference_uses_location_alone_whatever_training_used(snapshot):
    config, path, *_ = snapshot
    got, none = load_snapshot(config, path)
    assert none is None
    assert got.local_features(torch.rand(1, 3, 32, 32), (8, 8)).shape[-1] == 2
    assert config.network.local_features == "location_colour"


def test_a_snapshot_may_come_from_several_gpus(snapshot):
    config, path, embedding, _ = snapshot
    torch.save({"embedding_model": {f"module.{k}": v for k, v in embedding.state_dict().items()}}, path)
    got, _ = load_snapshot(config, path)
    assert torch.equal(got.aspp.aspp_1[0].weight, embedding.aspp.aspp_1[0].weight)


def test_a_snapshot_of_another_network_is_an_error_that_names_the_file(snapshot, tiny_config):
    _, path, *_ = snapshot
    for changes in (
        {"embedding_dim": 9},
        {"backbone_types": "panoptic_pspnet_tiny"},
        {"backbone_types": "panoptic_deeplab_18"},
    ):
        assert "model-2.pth" in complaint(load_snapshot, tiny_config(network=changes), path)
    fewer = tiny_config(dataset={"num_classes": 3})
    message = complaint(load_snapshot, fewer, path, with_classifier=True)
    assert "semantic_classifier.4.weight has shape (4, " in message
    assert load_snapshot(fewer, path)[1] is None


def test_a_snapshot_without_a_classifier_is_an_error_where_one_is_needed(snapshot):
    config, path, embedding, _ = snapshot
    torch.save({"embedding_model": embedding.state_dict()}, path)
    assert "model-2.pth" in complaint(load_snapshot, config, path, with_classifier=True)


def test_a_tag_classifiers_snapshot_gives_its_backbone_and_head(tiny_config, tmp_path):
    config = tiny_config(network={"prediction_types": "cam"})
    backbone, head = build_cam(config)
    path = tmp_path / "model-2.pth"
    torch.save({"embedding_model": backbone.state_dict(), "prediction_model": head.state_dict()}, path)
    got, got_head = load_cam(config, path)
    assert equal(got, backbone)
    assert equal(got_head, head)
    assert not got.training
    assert "model-2.pth" in complaint(load_cam, tiny_config(dataset={"num_classes": 7}), path)
