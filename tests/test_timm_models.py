"""timm's names and colours: near names for wrong ones, and the colours that a configuration leaves to the model."""

import sys

import pytest
import torch

from spml.config import load_config
from spml.engine.batch_norm import join_batch_norm
from spml.engine.tasks import build_task, load_weights
from spml.errors import UserError

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def config(model, **opts):
    given = {"network.backbone_types": "panoptic_deeplab_timm", "network.timm_model": model, **opts}
    return load_config(None, given)


def colours(settings):
    return settings.network.pixel_means, settings.network.pixel_stds


def test_without_timm_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match="pip install timm"):
        config("test_vit")


def test_without_timm_the_other_backbones_and_given_colours_need_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    assert colours(load_config()) == IMAGENET
    half = {"network.pixel_means": [0.5, 0.5, 0.5]}
    assert colours(config("test_vit", **half)) == ([0.5, 0.5, 0.5], IMAGENET[1])


def test_a_timm_backbone_needs_the_name_of_a_model():
    with pytest.raises(UserError, match="network.timm_model is empty"):
        config("")


@pytest.mark.parametrize("freeze_at", [6, 12])
def test_residual_networks_have_five_stages_to_freeze(freeze_at):
    with pytest.raises(UserError, match=f"train.freeze_at is {freeze_at}, expected between 0 and 5"):
        load_config(None, {"train.freeze_at": freeze_at})


class TestWithTimm:
    """What needs the library."""

    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("timm", reason="timm is not installed")

    @pytest.mark.parametrize(
        ("name", "near"),
        [
            ("vit_smal_patch14_dinov2", "vit_small_patch14_dinov2"),
            ("efficientnet_lit0", "efficientnet_lite0"),
            ("vit_small_patch14_dinov2.lvd142", "vit_small_patch14_dinov2.lvd142m"),
            ("qqqqqqqqqq", r"timm.list_models\(\) lists them"),
        ],
    )
    def test_a_wrong_name_suggests_near_ones(self, name, near):
        with pytest.raises(UserError, match=f"network.timm_model is '{name}', which timm .* has not; .*{near}"):
            config(name)

    def test_colours_are_the_models_own_unless_given(self):
        assert colours(config("test_vit")) == ([0.5] * 3, [0.5] * 3)
        assert colours(config("vit_small_patch14_dinov2.lvd142m")) == IMAGENET
        given = {"network.pixel_means": [0.1, 0.2, 0.3], "network.pixel_stds": [1, 1, 1]}
        assert colours(config("test_vit", **given)) == ([0.1, 0.2, 0.3], [1, 1, 1])

    def test_the_summary_line_says_stride_and_colours(self, tiny_config):
        settings = tiny_config(network={"backbone_types": "panoptic_deeplab_timm", "timm_model": "test_vit"})
        line = load_weights(build_task(settings), settings)
        assert line.startswith("network.pretrained is empty") and "\n" not in line
        assert line.endswith("test_vit: stride 16, 64 channels of the last 1 of 6 stages, "
                             "pixel_means [0.5, 0.5, 0.5], pixel_stds [0.5, 0.5, 0.5]")  # fmt: skip

    def test_joined_batch_norms_keep_the_activations_that_timms_norms_hold(self, tiny_config):
        settings = tiny_config(network={"backbone_types": "panoptic_deeplab_timm", "timm_model": "test_efficientnet"})
        network = build_task(settings).embedding_model.eval()
        names, image = list(network.state_dict()), torch.randn(1, 3, 32, 32)
        with torch.no_grad():
            before = network(image)
            joined = join_batch_norm(network, torch.device("cpu"))
            torch.testing.assert_close(joined(image), before, rtol=0, atol=0)
        assert list(joined.state_dict()) == names
        assert not [m for m in joined.modules() if type(m).__name__ == "BatchNormAct2d"]
