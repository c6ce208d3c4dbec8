"""Batch norms whose statistics come from elsewhere: measured anew on the images at hand."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn


@torch.no_grad()
def record_batch_norm(net: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set every batch norm's running statistics to the plain average over ``batches`` of (N,3,S,S)."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # means a cumulative average
    was_training = net.training
    net.eval()
    for norm in norms:  # these alone: stochastic depth and style mixing would falsify what is recorded
        norm.train()
    for batch in batches:
        net(batch)
    net.train(was_training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@torch.no_grad()
def record_batch_statistics(network: nn.Module, images: Tensor) -> None:
    """Re-measure every batch norm's mean and variance on `images` without changing what the network computes.

    Weights published with batch norm folded carry no statistics of the new domain; training from them in
    train mode would start by replacing the recorded statistics and lose the weights' worth. Scale and offset
    are re-expressed for the new mean and variance, so the eval-mode function stays exactly the same.
    """
    pairs: list[tuple[nn.BatchNorm2d, Tensor, Tensor]] = []

    def measure(layer: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        flat = inputs[0].float().transpose(0, 1).flatten(1)
        pairs.append((cast("nn.BatchNorm2d", layer), flat.mean(dim=1), flat.var(dim=1, unbiased=False)))

    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    handles = [layer.register_forward_hook(measure) for layer in norms]
    was_training = network.training
    network.eval()
    network(images)
    for handle in handles:
        handle.remove()
    for layer, mean, variance in pairs:
        _express_with(layer, mean, variance)
    network.train(was_training)


def _express_with(layer: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    old_mean, old_variance = cast("Tensor", layer.running_mean), cast("Tensor", layer.running_var)
    scale = layer.weight / torch.sqrt(old_variance + layer.eps)
    layer.bias.add_(scale * (mean - old_mean))
    layer.weight.copy_(scale * torch.sqrt(variance + layer.eps))
    old_mean.copy_(mean)
    old_variance.copy_(variance)
