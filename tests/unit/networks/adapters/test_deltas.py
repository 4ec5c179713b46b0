"""Each kind of delta against its definition, written out here by loops or by numpy in fp64."""

import numpy as np
import pytest
import torch
from torch import Tensor

from modules.networks.adapters.deltas import KINDS, DoesNotFitError, delta, kind_of


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def change(parts: dict[str, Tensor], weight: Tensor, **options) -> Tensor:
    kind = kind_of(parts.keys())
    assert kind is not None
    return delta(kind, parts, weight, **options)[0]


def close(ours: Tensor, theirs, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(ours.numpy(), np.asarray(theirs), rtol=0, atol=tolerance)


LINEAR, CONV = random(6, 4, seed=1), random(6, 4, 3, 3, seed=2)


def test_lora_is_up_times_down_times_alpha_over_rank():
    up, down = random(6, 2), random(2, 4)
    expected = np.zeros((6, 4))
    for i in range(6):
        for j in range(4):
            expected[i, j] = 0.5 * 3.0 / 2 * sum(up[i, r] * down[r, j] for r in range(2))
    parts = {"up": up, "down": down, "alpha": number(3.0)}
    close(change(parts, LINEAR, multiplier=0.5), expected)


def test_lora_without_alpha_is_taken_at_scale_one_and_a_scale_part_wins_over_alpha():
    parts = {"up": random(6, 2), "down": random(2, 4)}
    plain = parts["up"].numpy() @ parts["down"].numpy()
    close(change(parts, LINEAR), plain)
    scaled = parts | {"alpha": number(7.0), "scale": number(0.25)}
    close(change(scaled, LINEAR), 0.25 * plain)


def test_locon_contracts_the_ranks_of_two_convolutions():
    up, down = random(6, 2, 1, 1), random(2, 4, 3, 3)
    close(
        change({"up": up, "down": down}, CONV),
        np.tensordot(up[:, :, 0, 0].numpy(), down.numpy(), axes=1),
    )


def test_a_middle_core_is_a_cp_decomposition():
    up, down, mid = random(6, 2, 1, 1), random(2, 4, 1, 1), random(2, 2, 3, 3)
    expected = np.zeros((6, 4, 3, 3))
    for n in range(2):
        for m in range(2):
            outer = np.multiply.outer(up[:, n, 0, 0].numpy(), down[m, :, 0, 0].numpy())
            expected += np.multiply.outer(outer, mid[n, m].numpy())
    parts = {"up": up, "down": down, "mid": mid, "alpha": number(1.0)}
    close(change(parts, CONV), expected / 2)


def test_a_kept_rank_drops_the_others_but_leaves_the_scale():
    up, down = random(6, 4), random(4, 4)
    parts = {"up": up, "down": down, "alpha": number(2.0)}
    expected = 2.0 / 4 * sum(np.multiply.outer(up[:, r].numpy(), down[r].numpy()) for r in (0, 1))
    close(change(parts, LINEAR, rank=2), expected)


HADAMARD = {
    "hada_w1_a": random(6, 3, seed=3),
    "hada_w1_b": random(3, 4, seed=4),
    "hada_w2_a": random(6, 3, seed=5),
    "hada_w2_b": random(3, 4, seed=6),
}


def test_loha_is_the_entrywise_product_of_two_low_ranks():
    a1, b1, a2, b2 = (part.numpy() for part in HADAMARD.values())
    expected = np.zeros((6, 4))
    for i in range(6):
        for j in range(4):
            expected[i, j] = (a1[i] @ b1[:, j]) * (a2[i] @ b2[:, j]) * 2.0 / 3
    close(change(HADAMARD | {"alpha": number(2.0)}, LINEAR), expected)


def tucker(core: Tensor, a: Tensor, b: Tensor) -> np.ndarray:
    """sum over r, s of core[r, s, kernel] * a[r, out] * b[s, in], one term at a time."""
    total = np.zeros((a.shape[1], b.shape[1], *core.shape[2:]))
    for r in range(core.shape[0]):
        for s in range(core.shape[1]):
            outer = np.multiply.outer(a[r].numpy(), b[s].numpy())
            total += np.multiply.outer(outer, core[r, s].numpy())
    return total


def test_loha_with_tucker_cores():
    parts = {
        "hada_w1_a": random(3, 6, seed=3),
        "hada_w1_b": random(3, 4, seed=4),
        "hada_w2_a": random(3, 6, seed=5),
        "hada_w2_b": random(3, 4, seed=6),
        "hada_t1": random(3, 3, 3, 3, seed=7),
        "hada_t2": random(3, 3, 3, 3, seed=8),
    }
    first = tucker(parts["hada_t1"], parts["hada_w1_a"], parts["hada_w1_b"])
    second = tucker(parts["hada_t2"], parts["hada_w2_a"], parts["hada_w2_b"])
    close(change(parts | {"alpha": number(3.0)}, CONV), first * second)


W1, W2 = random(3, 2, seed=9), random(2, 2, seed=10)
W1_AB = {"lokr_w1_a": random(3, 1, seed=11), "lokr_w1_b": random(1, 2, seed=12)}
W2_AB = {"lokr_w2_a": random(2, 4, seed=13), "lokr_w2_b": random(4, 2, seed=14)}


@pytest.mark.parametrize(
    ("parts", "scale"),
    [
        ({"lokr_w1": W1, "lokr_w2": W2}, 1.0),  # nothing factored: alpha has no rank to divide
        ({"lokr_w1": W1} | W2_AB, 2.0 / 4),
        (W1_AB | {"lokr_w2": W2}, 2.0 / 1),
        (W1_AB | W2_AB, 2.0 / 4),
    ],
)
def test_lokr_is_a_kronecker_product_of_whole_or_factored_matrices(parts, scale):
    first = parts["lokr_w1"] if "lokr_w1" in parts else parts["lokr_w1_a"] @ parts["lokr_w1_b"]
    second = parts["lokr_w2"] if "lokr_w2" in parts else parts["lokr_w2_a"] @ parts["lokr_w2_b"]
    expected = scale * np.kron(first.numpy(), second.numpy())
    close(change(parts | {"alpha": number(2.0)}, LINEAR), expected)


def test_lokr_of_a_convolution_flat_whole_or_with_a_core():
    flat = {"lokr_w2_a": random(2, 4, seed=13), "lokr_w2_b": random(4, 2 * 9, seed=15)}
    second = (flat["lokr_w2_a"] @ flat["lokr_w2_b"]).reshape(2, 2, 3, 3).numpy()

    def kron(second: np.ndarray) -> np.ndarray:
        rows = np.einsum("ab,cdkl->acbdkl", W1.numpy(), second)
        return rows.reshape(6, 4, 3, 3)

    close(change({"lokr_w1": W1} | flat, CONV), kron(second))
    close(change({"lokr_w1": W1, "lokr_w2": torch.tensor(second)}, CONV), kron(second))
    cored = {
        "lokr_w2_a": random(4, 2, seed=16),
        "lokr_w2_b": random(4, 2, seed=17),
        "lokr_t2": random(4, 4, 3, 3, seed=18),
    }
    core = tucker(cored["lokr_t2"], cored["lokr_w2_a"], cored["lokr_w2_b"])
    close(change({"lokr_w1": W1} | cored, CONV), kron(core))


@pytest.mark.parametrize("weight", [LINEAR, CONV], ids=["linear", "convolution"])
def test_ia3_scales_inputs_or_outputs_of_the_present_weight(weight):
    by_input, by_output = random(4), random(6)
    close(
        change({"weight": by_input, "on_input": torch.tensor(True)}, weight),
        np.einsum("oi...,i->oi...", weight.numpy(), by_input.numpy()),
    )
    close(
        change({"weight": by_output, "on_input": torch.tensor(False)}, weight),
        np.einsum("oi...,o->oi...", weight.numpy(), by_output.numpy()),
    )


def test_full_and_norm_give_weight_and_bias_and_only_the_weight_is_scaled():
    for weight, name, bias in ((LINEAR, "diff", "diff_b"), (random(6), "w_norm", "b_norm")):
        parts = {name: torch.ones_like(weight), bias: random(6), "scale": number(0.5)}
        kind = kind_of(parts.keys())
        assert kind is not None
        on_weight, on_bias = delta(kind, parts, weight, multiplier=2.0)
        assert on_bias is not None
        close(on_weight, np.ones(weight.shape))
        close(on_bias, 2 * parts[bias].numpy())


def test_glora_adds_a_low_rank_and_turns_the_present_weight():
    parts = {
        "a1.weight": random(2, 4, seed=1),
        "a2.weight": random(4, 2, seed=2),
        "b1.weight": random(2, 4, seed=3),
        "b2.weight": random(6, 2, seed=4),
        "alpha": number(9.0),
    }
    a1, a2, b1, b2 = (part.numpy() for name, part in parts.items() if name != "alpha")
    close(change(parts, LINEAR), b2 @ b1 + LINEAR.numpy() @ a2 @ a1)


def test_newer_glora_files_count_their_factors_the_other_way_round_and_heed_alpha():
    a1, a2, b1, b2 = random(4, 2), random(2, 4), random(6, 2, 1, 1), random(2, 4, 3, 3)
    parts = {"a1.weight": a1[:, :, None, None], "a2.weight": a2[:, :, None, None]}
    parts |= {"b1.weight": b1, "b2.weight": b2, "alpha": number(1.0)}
    turned = np.einsum("oikl,ir,rj->ojkl", CONV.numpy(), a1.numpy(), a2.numpy())
    added = np.einsum("or,rikl->oikl", b1[:, :, 0, 0].numpy(), b2.numpy())
    close(change(parts, CONV), (added + turned) / 2)


def cayley(block: np.ndarray, shrink: float = 1.0) -> np.ndarray:
    skew, one = shrink * (block - block.T), np.eye(len(block))
    return (one + skew) @ np.linalg.inv(one - skew)


@pytest.mark.parametrize("weight", [LINEAR, CONV], ids=["linear", "convolution"])
def test_oft_rotates_blocks_of_rows(weight):
    blocks = random(3, 2, 2)
    expected = np.concatenate(
        [
            np.tensordot(cayley(blocks[k].numpy()).T, weight[2 * k : 2 * k + 2].numpy(), axes=1)
            for k in range(3)
        ]
    )
    close(change({"oft_blocks": blocks}, weight), expected - weight.numpy(), 1e-5)
    close(
        change({"oft_blocks": blocks, "alpha": number(0.0)}, weight),
        expected - weight.numpy(),
        1e-5,
    )


def test_a_constraint_shrinks_all_blocks_alike():
    blocks, alpha = random(3, 2, 2), 0.01
    norm = np.sqrt(sum(np.sum((b - b.T) ** 2) for b in blocks.numpy()))
    shrink = (min(norm, alpha * 6) + 1e-8) / (norm + 1e-8)
    assert shrink < 0.5
    rotated = [
        cayley(blocks[k].numpy(), shrink).T @ LINEAR[2 * k : 2 * k + 2].numpy() for k in range(3)
    ]
    ours = change({"oft_blocks": blocks, "alpha": number(alpha)}, LINEAR)
    close(ours, np.concatenate(rotated) - LINEAR.numpy(), 1e-5)


def test_old_oft_holds_the_rotations_themselves_and_rescale_stretches_rows():
    rotations, rescale = random(2, 3, 3), random(6, 1)
    rotated = np.concatenate(
        [rotations[0].numpy().T @ LINEAR[:3].numpy(), rotations[1].numpy().T @ LINEAR[3:].numpy()]
    )
    close(change({"oft_diag": rotations}, LINEAR), rotated - LINEAR.numpy())
    ours = change({"oft_diag": rotations, "rescale": rescale}, LINEAR)
    close(ours, rescale.numpy() * rotated - LINEAR.numpy())


def test_boft_is_a_product_of_orthogonal_butterflies():
    weight, stages = random(8, 3), random(2, 4, 2, 2)
    whole = np.eye(8)
    for stage in range(2):
        factor, apart = np.eye(8), 2**stage
        pairs = [(row, row + apart) for row in range(8) if not row & apart]
        for block, (low, high) in zip(stages[stage].numpy(), pairs, strict=True):
            factor[np.ix_([low, high], [low, high])] = cayley(block)
        whole = factor @ whole
    np.testing.assert_allclose(whole @ whole.T, np.eye(8), atol=1e-9)
    close(change({"oft_blocks": stages}, weight), whole @ weight.numpy() - weight.numpy(), 1e-5)


@pytest.mark.parametrize("weight", [LINEAR, CONV], ids=["linear", "convolution"])
def test_dora_gives_the_columns_lengths_of_their_own_before_the_multiplier(weight):
    change_of_weight, lengths = random(*weight.shape, seed=30), random(4)
    merged = (weight + change_of_weight).numpy()
    expected = np.zeros(weight.shape)
    for j in range(4):
        column = merged[:, j]
        expected[:, j] = column * lengths[j].item() / np.sqrt((column**2).sum())
    parts = {
        "diff": change_of_weight,
        "dora_scale": lengths.reshape(1, 4, *[1] * (weight.ndim - 2)),
    }
    close(change(parts, weight, multiplier=0.5), 0.5 * (expected - weight.numpy()))


def test_dora_by_rows_where_the_file_has_a_length_for_each_row():
    parts = {"up": random(6, 2), "down": random(2, 4)}
    merged, lengths = (LINEAR + parts["up"] @ parts["down"]).numpy(), random(6)
    expected = merged * (lengths.numpy() / np.linalg.norm(merged, axis=1))[:, None]
    for extra in ({"dora_scale": lengths[:, None]}, {"magnitude": lengths}):
        close(change(parts | extra, LINEAR), expected - LINEAR.numpy())


def test_a_bias_joins_the_delta_before_the_scale_dense_or_sparse():
    parts = {"up": random(6, 2), "down": random(2, 4), "alpha": number(1.0)}
    plain, bias = parts["up"].numpy() @ parts["down"].numpy(), random(6, 4)
    close(change(parts | {"bias": bias}, LINEAR), (plain + bias.numpy()) / 2)
    sparse = {
        "bias_indices": torch.tensor([[0, 5], [1, 2]], dtype=torch.int16),
        "bias_values": torch.tensor([3.0, -1.0]),
        "bias_size": torch.tensor([6, 4]),
    }
    plain[0, 1] += 3
    plain[5, 2] -= 1
    close(change(parts | sparse, LINEAR), plain / 2)


def test_a_delta_for_latents_alone_leaves_the_mask_channels_of_an_inpainting_model_be():
    wide, parts = random(6, 9, 3, 3), {"up": random(6, 2, 1, 1), "down": random(2, 4, 3, 3)}
    padded = change(parts, wide, latent_channels=4)
    assert not padded[:, 4:].any()
    close(padded[:, :4], change(parts, CONV).numpy())


@pytest.mark.parametrize(
    "parts",
    [
        {"up": random(4, 2), "down": random(2, 6)},  # as many numbers, but transposed
        {"up": random(6, 2), "down": random(2, 5)},
        {"diff": random(6, 3)},
        {"oft_diag": random(5, 2, 2)},
    ],
)
def test_another_shape_than_the_weights_is_refused(parts):
    with pytest.raises((DoesNotFitError, RuntimeError)):
        change(parts, LINEAR)


def test_factors_of_a_lora_take_the_weights_precision_and_no_kind_goes_below_it():
    up, down = random(6, 2), random(2, 4)
    half = LINEAR.to(torch.float16)
    ours = change({"up": up, "down": down, "alpha": number(0.3)}, half)
    assert ours.dtype == torch.float16
    assert torch.equal(ours, (up.half() @ down.half()) * (0.3 / 2))
    assert change({"diff": random(6, 4).half()}, LINEAR).dtype == torch.float64
    assert change({"diff": random(6, 4).float()}, half).dtype == torch.float32


def test_every_kind_has_a_case_above():
    assert [kind.name for kind in KINDS] == [
        "LoRA", "LoHa", "IA3", "LoKr", "full", "norm", "GLoRA", "OFT",
    ]  # fmt: skip
    assert kind_of({"alpha"}) is None
