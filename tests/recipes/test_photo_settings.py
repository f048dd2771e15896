"""What the recipes for photographs refuse before anything runs."""

from pathlib import Path

import pytest

from spml.errors import UserError
from spml.recipes.photo_stages import photo_config
from spml.recipes.settings import Settings

ROOT = str(Path(__file__).parents[2])
TINY = ("network.backbone_types", "panoptic_deeplab_tiny", "network.pretrained", "")


def refused(*opts, **settings):
    with pytest.raises(UserError) as caught:
        photo_config(Settings(root=ROOT, opts=(*TINY, *opts), **settings))
    return str(caught.value)


def test_a_backbone_that_is_there_and_no_weights_are_taken():
    assert photo_config(Settings(root=ROOT, opts=TINY)) == "configs/own/light.yaml"


def test_what_the_names_of_the_classes_say_is_not_to_be_set():
    assert refused("dataset.num_classes", "5").startswith("OPTS: dataset.num_classes is not yours to set here")
    assert "dataset.background is not yours" in refused("dataset.background", "0")


def test_weights_that_are_not_there_and_unknown_models_are_said_before_the_seeds_are_made():
    assert "network.pretrained is nothere.pth: no such file; expected one, or timm" in refused(
        "network.pretrained", "nothere.pth"
    )
    pytest.importorskip("timm", reason="timm is not installed")
    timm = ("network.backbone_types", "panoptic_deeplab_timm", "network.timm_model", "tf_efficientnet_lite00")
    colours = ("network.pixel_means", "[0.5,0.5,0.5]", "network.pixel_stds", "[0.5,0.5,0.5]")
    assert "tf_efficientnet_lite00', which timm" in refused(*timm, *colours)


def test_a_configuration_that_is_not_there_is_named():
    assert refused(config="mine.yaml").startswith("CONFIG=mine.yaml: no such file; expected a YAML of stage 1")
