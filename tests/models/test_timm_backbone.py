"""timm's models as backbones: maps at stride 8 of any size, frozen parts, layers, and the models that cannot serve."""

import pytest
import torch
from torch.nn import functional as F

from spml.errors import UserError
from spml.models.base import init_weights
from spml.models.cam_network import build_cam
from spml.models.embedding import build_embedding
from spml.models.timm_backbone import TimmBackbone, at_stride_8
from spml.models.weights import load_cam, load_snapshot

pytestmark = pytest.mark.slow  # builds networks

timm = pytest.importorskip("timm", reason="timm is not installed")

CNN, PATCH_14, PATCH_16, ROTARY = (
    "test_efficientnet", "vit_small_patch14_reg4_dinov2", "test_vit", "vit_tiny_patch16_dinov3_qkvb"
)  # fmt: skip
STRIDES = {CNN: 8, PATCH_14: 14, PATCH_16: 16, "test_convnext": 8, "mobilenetv3_small_050": 8}


def network(model, head="deeplab", **more):
    return {"network": {"backbone_types": f"panoptic_{head}_timm", "timm_model": model, "pretrained": "", **more}}


@pytest.mark.parametrize("model", [CNN, PATCH_14, PATCH_16, "test_convnext", "mobilenetv3_small_050"])
def test_embeddings_lie_at_a_quarter_of_any_size(tiny_config, model):
    embedding = build_embedding(tiny_config(**network(model))).eval()
    assert embedding.resnet_backbone.strides == [STRIDES[model]]
    with torch.no_grad():
        assert embedding(torch.zeros(1, 3, 64, 48)).shape == (1, 8, 16, 12)
        assert embedding(torch.zeros(2, 3, 33, 107)).shape == (2, 8, 10, 28)


def test_a_convolutional_model_is_dilated_to_the_stride_that_is_asked_for(tiny_config):
    for stride in (8, 16, 32):
        backbone = build_embedding(tiny_config(**network(CNN, timm_output_stride=stride))).resnet_backbone
        assert backbone.strides == [stride]
        assert backbone(torch.zeros(1, 3, 65, 40)).shape[-2:] == (9, 5)
    assert TimmBackbone(PATCH_14, output_stride=16).strides == [14]
    with pytest.raises(UserError, match="network.timm_output_stride is 4, expected one of 8, 16, 32"):
        tiny_config(**network(CNN, timm_output_stride=4))


def test_every_trained_parameter_takes_a_gradient(tiny_config):
    for model in (CNN, PATCH_16, ROTARY, "test_convnext"):
        embedding = build_embedding(tiny_config(**network(model)))
        embedding(torch.randn(2, 3, 40, 56)).square().mean().backward()
        assert [n for n, p in embedding.named_parameters() if p.requires_grad and p.grad is None] == []


@pytest.mark.parametrize("stride", [7, 14, 16, 32])
def test_maps_of_patches_keep_their_place_in_the_image(stride):
    centres = (torch.arange(4 * 8) + 0.5) * stride  # of each patch, in pixels
    found = at_stride_8(centres[None, None, :, None].expand(1, 1, -1, 32), stride)[0, 0, :, 0]
    expected = (torch.arange(len(found)) + 0.5) * 8
    inside = (expected > centres[0]) & (expected < centres[-1])
    torch.testing.assert_close(found[inside], expected[inside])
    assert len(found) == 32 * stride // 8


@pytest.mark.parametrize(("size", "whole"), [((20, 28), (28, 42)), ((28, 8), (42, 14)), ((1, 112), (14, 112))])
def test_images_are_padded_with_the_mean_colour_to_whole_patches_and_cells(size, whole):
    backbone = TimmBackbone(CNN)
    backbone.strides = [14]
    padded = backbone._pad(torch.ones(1, 3, *size))
    assert padded.shape[-2:] == whole
    assert padded.sum() == 3 * size[0] * size[1] and (padded[..., : size[0], : size[1]] == 1).all()


def test_features_of_several_layers_are_joined():
    torch.manual_seed(0)
    last, joined = TimmBackbone(PATCH_16).eval(), TimmBackbone(PATCH_16, layers=3).eval()
    joined.load_state_dict(last.state_dict())
    image = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        features, one = joined(image), last(image)
        tokens = joined.model.forward_intermediates(image, indices=3, norm=True, intermediates_only=True)
    assert features.shape == (1, 192, 4, 6) and one.shape == (1, 64, 4, 6)
    torch.testing.assert_close(features[:, 128:], one)
    torch.testing.assert_close(features[:, :64], F.interpolate(tokens[0], scale_factor=2.0, mode="bilinear"))


def test_layers_of_different_strides_are_joined_at_stride_8():
    backbone = TimmBackbone("efficientvit_b0", layers=2)
    assert backbone.strides == [16, 32]
    assert backbone(torch.zeros(1, 3, 72, 64)).shape == (1, 64 + 128, 9, 8)


@pytest.mark.parametrize(("model", "stage"), [(CNN, "blocks.1"), (PATCH_16, "blocks.1"), ("test_resnet", "layer1")])
def test_frozen_stages_or_blocks_compute_no_gradient(model, stage):
    backbone = TimmBackbone(model, freeze_at=2).train()
    seen = {}
    backbone.model.get_submodule(stage).register_forward_hook(lambda m, i, out: seen.update(frozen=out.requires_grad))
    out = backbone(torch.randn(2, 3, 64, 64))
    assert seen == {"frozen": False} and out.requires_grad
    trained = {name for name, parameter in backbone.model.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith((f"{stage}.", "blocks.0.", "conv", "patch_embed")) for name in trained)
    assert {p.split(".")[0] for p in trained} >= {stage.split(".")[0] if "." in stage else "layer2"}


@pytest.mark.parametrize(("model", "stages"), [(CNN, 5), (PATCH_16, 6)])
def test_a_backbone_may_be_frozen_whole_or_not_at_all_but_no_further(model, stages):
    assert not TimmBackbone(model, freeze_at=stages)(torch.randn(1, 3, 64, 64)).requires_grad
    assert all(parameter.requires_grad for parameter in TimmBackbone(model, freeze_at=0).parameters())
    with pytest.raises(UserError, match=f"train.freeze_at is {stages + 1}, expected at most {stages}"):
        TimmBackbone(model, freeze_at=stages + 1)
    with pytest.raises(UserError, match=rf"network.timm_layers is {stages + 1}, expected 1..{stages}"):
        TimmBackbone(model, layers=stages + 1)


def test_the_momentum_of_batch_norms_is_that_of_the_configuration(tiny_config):
    embedding = build_embedding(tiny_config(**network(CNN, bn_momentum=0.25)))
    norms = [m for m in embedding.resnet_backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) > 5 and {norm.momentum for norm in norms} == {0.25}


def test_initial_values_of_a_timm_model_are_its_own():
    backbone = TimmBackbone(CNN)
    whole = torch.nn.Sequential(backbone, torch.nn.Conv2d(4, 4, 1))
    whole[1].bias.data.fill_(7)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    init_weights(whole)
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert (whole[1].bias == 0).all()


@pytest.mark.parametrize("model", [CNN, PATCH_16, ROTARY])
def test_a_snapshot_comes_back_whole(tiny_config, tmp_path, model):
    config, image = tiny_config(**network(model, head="pspnet")), torch.randn(1, 3, 40, 56)
    embedding = build_embedding(config).eval()
    torch.save({"embedding_model": embedding.state_dict(), "prediction_model": {}}, tmp_path / "model-2.pth")
    loaded, _ = load_snapshot(config, tmp_path / "model-2.pth")
    with torch.no_grad():
        torch.testing.assert_close(loaded(image), embedding(image), rtol=0, atol=0)


@pytest.mark.parametrize("model", [CNN, PATCH_16])
def test_tag_classifiers_take_the_same_backbones(tiny_config, tmp_path, model):
    config, image = tiny_config(**network(model, prediction_types="cam")), torch.randn(1, 3, 40, 56)
    backbone, head = build_cam(config)
    state = {"embedding_model": backbone.state_dict(), "prediction_model": head.state_dict()}
    torch.save(state, tmp_path / "model-2.pth")
    loaded, loaded_head = load_cam(config, tmp_path / "model-2.pth")
    with torch.no_grad():
        maps = loaded_head.activation(loaded(image))
        torch.testing.assert_close(maps, head.activation(backbone.eval()(image)), rtol=0, atol=0)
    assert maps.shape == (1, 3, 5, 7)


@pytest.mark.parametrize("model", ["test_vit_relpos"])
def test_a_model_of_one_image_size_is_refused_in_one_line(model):
    with pytest.raises(UserError, match=f"'{model}', which does not take images of any size, or gives no") as error:
        TimmBackbone(model)
    assert "\n" not in str(error.value)


def test_a_model_runs_on_each_device(device):
    backbone = TimmBackbone(PATCH_16, freeze_at=0).to(device)
    assert backbone(torch.zeros(1, 3, 30, 30, device=device)).shape == (1, 64, 4, 4)
