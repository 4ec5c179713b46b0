"""A soft mask mixes by direction and magnitude, the more original the more noise there is."""

import pytest
import torch

from modules.diffusion.soft_mask import SoftMask, mixed

OLD = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 4, 1, 1)
NEW = torch.tensor([0.0, 3.0, 0.0, 0.0]).view(1, 4, 1, 1)


def half(share: float = 0.5, detail: float = 4.0) -> torch.Tensor:
    return mixed(OLD, NEW, torch.full((1, 1, 1, 1), share), detail).flatten()


@pytest.mark.parametrize(("share", "expected"), [(0.0, OLD), (1.0, NEW)])
def test_the_ends_of_a_mixture_are_what_is_mixed(share: float, expected: torch.Tensor) -> None:
    assert half(share).tolist() == pytest.approx(expected.flatten().tolist(), abs=1e-4)


def test_a_mixture_has_the_linear_direction_and_the_powered_magnitude() -> None:
    found = half()
    assert float(found[1] / found[0]) == pytest.approx(3.0)
    assert float(found.norm()) == pytest.approx(((1 + 3**4) / 2) ** 0.25, abs=1e-4)
    assert float(half(detail=1.0).norm()) == pytest.approx(2.0, abs=1e-4)


def test_a_half_masked_place_is_free_at_low_noise_and_held_at_high() -> None:
    mask = SoftMask(OLD, torch.full((1, 1, 1, 1), 0.5), power=1.0, scale=0.5)
    shares = {sigma: 0.5 ** (sigma * 0.5) for sigma in (0.03, 2.0, 14.6)}
    for sigma, share in shares.items():
        expected = mixed(OLD, NEW, torch.full((1, 1, 1, 1), share), 4.0)
        assert torch.allclose(mask.blend(NEW, torch.tensor(sigma)), expected)
    assert torch.equal(mask.finish(NEW), NEW)


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_what_is_wholly_masked_or_wholly_kept_does_not_depend_on_the_noise(kept: float) -> None:
    mask = SoftMask(OLD, torch.full((1, 1, 1, 1), 1 - kept))
    for sigma in (0.03, 999.0):
        found = mask.blend(NEW, torch.tensor(sigma))
        assert torch.allclose(found, OLD if kept else NEW, atol=1e-4)
