"""Networks under autocast take and give float32, and say nearly the same."""

import pytest
import torch

from spml.inference.precision import in_precision


@torch.no_grad()
@pytest.mark.parametrize(("amp", "apart"), [("none", 0), ("bf16", 0.05), ("fp16", 0.01)])
def test_a_shorter_type_is_used_inside_alone(amp, apart, device):
    torch.manual_seed(0)
    seen = []
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 1)).to(device)
    network[0].register_forward_hook(lambda module, given, result: seen.append(result.dtype))
    x = torch.randn(2, 3, 9, 9, device=device)
    expected = network(x)
    found = in_precision(network, amp, device)(x)
    assert found.dtype == torch.float32
    assert seen == [torch.float32, {"none": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[amp]]
    assert float((found - expected).abs().max() / expected.abs().max()) <= apart
    assert (in_precision(network, amp, device) is network) == (amp == "none")
