"""The networks: published names and outputs, and what their parts promise."""

import json

import pytest
import torch
from golden_fill import filled_network

from spml.errors import UserError
from spml.models.backbones import BACKBONES
from spml.models.base import Backbone
from spml.models.cam_network import build_cam
from spml.models.classifier import Classifier, build_classifier
from spml.models.embedding import EmbeddingNetwork, build_embedding, resize
from spml.models.heads import ASPP, HEADS, GridPool, averaging_matrix

NETWORKS = {
    "panoptic_deeplab_101": ("deeplab", False),
    "panoptic_pspnet_101": ("pspnet", False),
    "densepose_pspnet_101": ("pspnet", True),
}


def build(name):
    head, colour = NETWORKS[name]
    with torch.device("meta"):
        return EmbeddingNetwork(head, "101", 64, colour=colour)


def shapes(module):
    return {name: list(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_have_the_published_names_shapes_and_order(golden, name):
    published = golden("state_dict_shapes.json")[name]
    assert json.dumps(shapes(build(name))) == json.dumps(published)


@pytest.mark.parametrize("name", ["segsort", "softmax_classifier"])
def test_the_classifier_has_the_published_names_and_shapes(golden, name, tiny_config):
    config = tiny_config(network={"embedding_dim": 64, "prediction_types": name}, dataset={"num_classes": 21})
    assert shapes(build_classifier(config)) == golden("state_dict_shapes.json")[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["panoptic_deeplab_101", "panoptic_pspnet_101"])
def test_embeddings_equal_the_published_ones(golden, name):
    figures = golden(f"network_{name}")
    network = filled_network(NETWORKS[name][0])
    with torch.no_grad():
        embedding = network(figures["image"])
    torch.testing.assert_close(embedding, figures["embedding"], rtol=1e-4, atol=1e-5)
    full = resize(embedding, figures["image"].shape[-2:])[:, ::8, ::5, ::5]
    torch.testing.assert_close(full, figures["embedding_resized_sample"], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_densepose_embeddings_and_local_features_equal_the_published_ones(golden):
    figures = golden("network_densepose")
    network = filled_network("pspnet", colour=True)
    with torch.no_grad():
        torch.testing.assert_close(network(figures["image"]), figures["embedding"], rtol=1e-4, atol=1e-5)
        local = network.local_features(figures["image"], figures["embedding"].shape[-2:])
    torch.testing.assert_close(local, figures["local_feature"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", ["deeplab", "pspnet"])
@pytest.mark.parametrize("depth", ["tiny", "18", "50"])
def test_every_network_puts_its_embeddings_at_a_quarter_of_the_size(head, depth):
    with torch.device("meta"):
        network = EmbeddingNetwork(head, depth, 6).eval()
        assert network(torch.zeros(2, 3, 64, 48)).shape == (2, 6, 16, 12)
        assert network(torch.zeros(1, 3, 33, 47)).shape == (1, 6, 10, 12)


def test_the_torchvision_stem_has_one_convolution_and_the_usual_widths():
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        ours = EmbeddingNetwork("deeplab", "50", 8, stem="torchvision").state_dict()
        theirs = torchvision.models.resnet50().state_dict()
    assert ours["resnet_backbone.conv1.conv1.weight"].shape == theirs["conv1.weight"].shape
    assert ours["resnet_backbone.res5.2.conv3.weight"].shape == theirs["layer4.2.conv3.weight"].shape


def test_dilations_grow_while_the_stride_stays_at_eight():
    backbone = build("panoptic_deeplab_101").resnet_backbone
    found = [[(b.conv2.stride[0], b.conv2.dilation[0]) for b in stage[:2]] for stage in backbone.stages()[1:]]
    assert found == [[(1, 1), (1, 1)], [(2, 1), (1, 1)], [(1, 1), (1, 2)], [(1, 2), (1, 4)]]


def test_batch_norms_of_backbone_and_heads_have_their_momentum():
    network = build("panoptic_pspnet_101")
    norms = {n: m for n, m in network.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    for name, norm in norms.items():
        assert norm.momentum == (3e-4 if name.startswith("resnet_backbone") else 0.1), name
        assert norm.eps == 1e-5
    assert len(norms) > 100


def test_the_momentum_of_the_backbones_batch_norms_is_a_key(tiny_config):
    network = build_embedding(tiny_config(network={"bn_momentum": 0.05, "backbone_types": "panoptic_pspnet_tiny"}))
    norms = {n: m.momentum for n, m in network.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert {m for n, m in norms.items() if n.startswith("resnet_backbone.")} == {0.05}
    assert {m for n, m in norms.items() if not n.startswith("resnet_backbone.")} == {0.1}


def test_convolutions_start_from_the_normal_distribution_of_their_fan_out():
    torch.manual_seed(0)
    network = EmbeddingNetwork("pspnet", "tiny", 8)
    weight = network.resnet_backbone.res4[1].conv1.weight
    assert weight.std().item() == pytest.approx((2 / (9 * weight.shape[0])) ** 0.5, rel=0.02)
    assert (network.pspp[1].bias == 0).all()
    assert (network.resnet_backbone.res3[0].bn1.weight == 1).all()


def test_the_deeplab_head_is_the_sum_of_four_dilated_convolutions():
    head, x = ASPP(3, 2), torch.randn(1, 3, 52, 52)
    parts = [
        torch.nn.functional.conv2d(x, getattr(head, f"aspp_{i}")[0].weight, getattr(head, f"aspp_{i}")[0].bias, 1, d, d)
        for i, d in ((1, 6), (2, 12), (3, 18), (4, 24))
    ]
    torch.testing.assert_close(head(x), sum(parts), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cells", [1, 2, 3, 6])
@pytest.mark.parametrize("length", [6, 7, 13, 64])
def test_averaging_matrices_pool_as_adaptive_pooling_does(cells, length):
    x = torch.randn(2, 3, length, length + 1)
    rows, columns = averaging_matrix(length, cells), averaging_matrix(length + 1, cells)
    expected = torch.nn.functional.adaptive_avg_pool2d(x, cells)
    torch.testing.assert_close(rows @ x @ columns.T, expected)
    torch.testing.assert_close(GridPool(cells)(x), expected)


class Dummy(Backbone):
    """A backbone of one convolution."""

    def __init__(self, stem, freeze_at, bn_momentum):
        super().__init__()
        self.conv, self.out_channels = torch.nn.Conv2d(3, 5, 8, stride=8), 5

    def forward(self, image):
        return self.conv(image)


@pytest.mark.parametrize("head", HEADS)
def test_a_new_backbone_is_its_line(tiny_config, monkeypatch, head):
    monkeypatch.setitem(BACKBONES, "my_dummy", Dummy)
    config = tiny_config(network={"backbone_types": f"panoptic_{head}_my_dummy"})
    assert build_embedding(config).eval()(torch.rand(1, 3, 32, 48)).shape == (1, 8, 8, 12)
    backbone, cams = build_cam(config)
    assert cams(backbone(torch.rand(1, 3, 32, 48))).shape == (1, 3)


def test_a_new_head_is_its_line(tiny_config, monkeypatch):
    monkeypatch.setitem(HEADS, "dummy", lambda cin, cout: ("linear", torch.nn.Conv2d(cin, cout, 1)))
    network = build_embedding(tiny_config(network={"backbone_types": "panoptic_dummy_tiny"}))
    assert network(torch.rand(1, 3, 32, 48)).shape == (1, 8, 8, 12)
    assert "linear.weight" in network.state_dict()


@pytest.mark.parametrize(("freeze_at", "frozen"), [(0, 0), (1, 1), (2, 2), (5, 5)])
def test_frozen_stages_take_no_gradient_but_their_statistics_move(freeze_at, frozen):
    backbone = EmbeddingNetwork("deeplab", "tiny", 4, freeze_at=freeze_at).resnet_backbone.train()
    before = [m.running_mean.clone() for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    out = backbone(torch.randn(2, 3, 32, 32))
    if freeze_at < 5:
        out.square().mean().backward()
    else:
        assert not out.requires_grad
    has_gradient = [all(p.grad is not None for p in stage.parameters()) for stage in backbone.stages()]
    assert has_gradient == [False] * frozen + [True] * (5 - frozen)
    after = [m.running_mean for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_classifier_sees_only_the_direction_of_an_embedding():
    classifier = Classifier(4, 3, dropout=0.5).eval()
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(classifier(x), classifier(7 * x))
    assert torch.isfinite(classifier(torch.zeros_like(x))).all()


def test_the_classifiers_dropout_is_that_of_its_stage(tiny_config):
    rates = [
        build_classifier(tiny_config(network={"prediction_types": name})).semantic_classifier[3].p
        for name in ("segsort", "softmax_classifier")
    ]
    assert rates == [0.75, 0.65]


def test_under_autocast_embeddings_are_normalised_in_float32():
    classifier = Classifier(4, 3, dropout=0.0).eval()
    seen = []
    classifier.semantic_classifier[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    x = torch.randn(1, 4, 5, 5)
    with torch.autocast("cpu", torch.bfloat16):
        classifier(x.bfloat16())
    assert seen[0].dtype == torch.float32


@pytest.mark.parametrize("name", ["resnet_101", "panoptic_deeplab_99", "panoptic_unet_50", "panoptic_deeplab_101x", ""])
def test_an_unknown_backbone_is_an_error_that_lists_the_known_ones(tiny_config, name):
    with pytest.raises(UserError) as error:
        build_embedding(tiny_config(network={"backbone_types": name}))
    assert repr(name) in str(error.value)
    assert "panoptic_pspnet_101" in str(error.value)


def test_the_configuration_chooses_colour_features_and_the_frozen_part(tiny_config):
    network = build_embedding(tiny_config(network={"local_features": "location_colour"}, train={"freeze_at": 3}))
    assert network.local_features(torch.rand(1, 3, 32, 32), (8, 8)).shape == (1, 8, 8, 5)
    trained = [any(p.requires_grad for p in stage.parameters()) for stage in network.resnet_backbone.stages()]
    assert trained == [False, False, False, True, True]
