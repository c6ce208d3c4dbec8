"""The two-headed network: shapes, the background divided out, style mixing."""

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")

from marrowscope.training.classifier.net import (
    LAST_LAYER,
    PIXEL_MEAN,
    PIXEL_STD,
    Architecture,
    CellClassifier,
    MixStyle,
    WhitePoint,
)

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.train


def _standardised(rgb: "Tensor") -> "Tensor":
    mean, std = torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1), torch.tensor(PIXEL_STD).view(1, 3, 1, 1)
    standardised: Tensor = (rgb - mean) / std
    return standardised


def _cell_on(background: tuple[float, float, float], size: int = 64) -> "Tensor":
    """A dark disc's transmittance under a lamp of the given colour, 0-1, (1,3,S,S)."""
    ramp = torch.arange(size) - size / 2
    inside = (ramp[:, None] ** 2 + ramp[None, :] ** 2 < (size / 4) ** 2).float()
    passes = 1 - inside * torch.tensor([0.6, 0.8, 0.3]).view(3, 1, 1)
    lit: Tensor = (passes * torch.tensor(background).view(3, 1, 1))[None]
    return lit


def test_the_lamp_and_the_background_colour_are_divided_out() -> None:
    layer = WhitePoint()
    warm = layer(_standardised(_cell_on((1.0, 0.9, 0.8))))
    green = layer(_standardised(_cell_on((0.6, 0.7, 0.6))))
    torch.testing.assert_close(warm, green, atol=1e-4, rtol=1e-4)


def test_a_crop_without_background_is_brightened_by_a_bounded_gain() -> None:
    dark = _standardised(torch.full((1, 3, 32, 32), 0.1))
    mean, std = torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1), torch.tensor(PIXEL_STD).view(1, 3, 1, 1)
    rgb = WhitePoint(largest_gain=2.5)(dark) * std + mean
    assert rgb.max().item() == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize("architecture", ["b3", "lite2"])
def test_heads_and_features_have_the_promised_shapes(architecture: Architecture) -> None:
    net = CellClassifier(11, architecture).eval()
    with torch.no_grad():
        out = net(torch.zeros(2, 3, 32, 32))
    assert out.blast_logit.shape == (2, 1)
    assert out.type_logits.shape == (2, 11)
    assert out.features.shape == (2, LAST_LAYER[architecture])


@pytest.mark.parametrize(("architecture", "blocks"), [("b3", 26), ("lite2", 21)])
def test_every_block_belongs_to_one_of_seven_stacks(architecture: Architecture, blocks: int) -> None:
    stacks = list(CellClassifier(2, architecture).stacks())
    assert len(stacks) == 7
    assert sum(len(stack) for stack in stacks) == blocks


def test_style_mixing_swaps_statistics_in_training_only() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 4, 6, 6) * torch.arange(1, 9).view(8, 1, 1, 1)
    mixing = MixStyle(probability=1.0)
    mixed = mixing.train()(x)
    assert not torch.allclose(mixed, x)
    # The pattern inside each map is untouched: it is only scaled and shifted.
    flat, flat_mixed = x.flatten(2), mixed.flatten(2)
    centred = flat - flat.mean(2, keepdim=True)
    centred_mixed = flat_mixed - flat_mixed.mean(2, keepdim=True)
    cosine = torch.nn.functional.cosine_similarity(centred, centred_mixed, dim=2)
    torch.testing.assert_close(cosine, torch.ones_like(cosine), atol=1e-4, rtol=0)
    assert mixing.eval()(x) is x


def test_a_flat_softmax_reads_like_two_heads() -> None:
    """The product of both heads is the softmax over blast and types that one flat head gives."""
    torch.manual_seed(1)
    net = CellClassifier(3, heads="flat").eval()
    for head in (net.blast, net.types):
        torch.nn.init.normal_(head.weight, std=0.3)
    with torch.no_grad():
        out = net(torch.rand(4, 3, 32, 32))
        logits = torch.cat([net.blast(out.features), net.types(out.features)], dim=1)
    expected = logits.softmax(dim=1)
    torch.testing.assert_close(out.blast_logit[:, 0].sigmoid(), expected[:, 0])
    product = (1 - out.blast_logit.sigmoid()) * out.type_logits.softmax(dim=1)
    torch.testing.assert_close(product, expected[:, 1:])
