"""The memory bank: first in first out, image ids of its own, saved and restored."""

import pytest
import torch

from spml.segments.memory_bank import MemoryBank
from spml.segments.prototypes import Prototypes


def some_prototypes(value, images=2, each=3):
    """`each` prototypes of each of `images` images, all with the semantic label `value`."""
    image = torch.arange(images).repeat_interleave(each)
    label = torch.full_like(image, value)
    tags = torch.zeros(len(image), 4, dtype=torch.bool)
    tags[:, value % 4] = True
    return Prototypes(torch.randn(len(image), 5), torch.randn(len(image), 7), label, label, image, tags)


def remembered(bank):
    """Prototypes that the bank holds, without the current ones."""
    return bank.extend(some_prototypes(0, images=0))


@pytest.mark.parametrize(("size", "expected"), [(0, []), (1, [4]), (2, [3, 4]), (9, [1, 2, 3, 4])])
def test_the_bank_holds_the_last_iterations_oldest_first(size, expected):
    bank = MemoryBank(size)
    for value in (1, 2, 3, 4):
        bank.append(some_prototypes(value))
    assert remembered(bank).semantic.unique_consecutive().tolist() == expected


def test_current_prototypes_come_first_in_their_own_places():
    bank, current = MemoryBank(2), some_prototypes(7)
    bank.append(some_prototypes(1))
    known = bank.extend(current)
    assert torch.equal(known.embedding[: len(current)], current.embedding)
    assert len(known) == 12


def test_remembered_images_are_never_those_of_the_current_batch_nor_of_each_other():
    bank = MemoryBank(3)
    for value, images in ((1, 2), (2, 4), (3, 1)):
        bank.append(some_prototypes(value, images))
    known = bank.extend(some_prototypes(5, images=4))
    assert known.image[known.semantic == 5].unique().tolist() == [0, 1, 2, 3]
    assert (known.image[known.semantic != 5] < 0).all()
    assert len(known.image.unique()) == 4 + 2 + 4 + 1
    bank.append(some_prototypes(6, images=3))
    assert len(bank.extend(some_prototypes(5, images=4)).image.unique()) == 4 + 4 + 1 + 3


def test_what_is_remembered_takes_no_gradient_and_leaves_the_source_alone():
    bank, current = MemoryBank(1), some_prototypes(1)
    current.embedding.requires_grad_()
    bank.append(current)
    assert not remembered(bank).embedding.requires_grad
    assert current.image.tolist() == [0, 0, 0, 1, 1, 1]


def test_an_iteration_without_prototypes_takes_its_place_in_the_line():
    bank = MemoryBank(2)
    for value in (1, 2):
        bank.append(some_prototypes(value))
    bank.append(some_prototypes(3, images=0))
    assert remembered(bank).semantic.unique().tolist() == [2]


def test_the_bank_survives_a_file_of_plain_tensors(tmp_path):
    bank, restored = MemoryBank(2), MemoryBank(2)
    for value in (1, 2, 3):
        bank.append(some_prototypes(value))
    torch.save(bank.state_dict(), tmp_path / "bank.pth")
    restored.load_state_dict(torch.load(tmp_path / "bank.pth", weights_only=True))
    bank.append(some_prototypes(4))
    restored.append(some_prototypes(4))
    before, after = remembered(bank), remembered(restored)
    assert torch.equal(before.image, after.image)
    assert torch.equal(before.embedding[:6], after.embedding[:6])
    assert torch.equal(before.tags, after.tags)


@pytest.mark.parametrize("size", [2, 4])
def test_moving_the_bank_keeps_what_it_holds_and_its_order(size, device):
    bank = MemoryBank(size)
    for value in (1, 2):
        bank.append(some_prototypes(value))
    before = remembered(bank)
    bank.to(device)
    assert len(bank.entries) == 2
    assert all(tensor.device.type == device.type for entry in bank.entries for tensor in vars(entry).values())
    bank.to("cpu")
    assert torch.equal(remembered(bank).embedding, before.embedding)
