"""Rewrite a trained network so that it predicts the same with less work.

BatchNorm at rest is one multiplication and one addition per filter; both go into the convolution.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from geoseg.learning.unet import LEVELS, Lift, OriginUNet, OriginUnit, UNet, Unit


def fuse(model: nn.Module) -> nn.Module:
    """Give a copy in evaluation mode with BatchNorm folded into the convolutions.

    The outputs are equal up to rounding. A network of another kind is copied as it is.
    """
    model = copy.deepcopy(model).eval()
    if isinstance(model, UNet):
        _fuse_units(model)
    if isinstance(model, OriginUNet):
        model.lifts = nn.ModuleList(map(SubPixelLift, model.lifts))
        if not model.classic:
            _fuse_origin(model)
    if torch.backends.mkldnn.is_available():
        _steady(model)
    return model


def _steady(module: nn.Module) -> None:
    """Replace every convolution by one that is computed the same way at any size of input."""
    for name, child in module.named_children():
        if _is_plain(child):
            setattr(module, name, SteadyConvolution(child))
        elif isinstance(child, ActiveConvolution):
            setattr(module, name, SteadyConvolution(child.convolution, "relu"))
        else:
            _steady(child)


def _is_plain(module: nn.Module) -> bool:
    """Tell a convolution with zeros around it; networks of others have kinds that pad otherwise."""
    if type(module) is not nn.Conv2d:
        return False
    return module.padding_mode == "zeros" and not isinstance(module.padding, str)


class ActiveConvolution(nn.Module):
    """A convolution, then ReLU in place."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, pixels: Tensor) -> Tensor:
        """Convolve and activate."""
        return self.convolution(pixels).relu_()


class SteadyConvolution(nn.Module):
    """A convolution that oneDNN computes on the CPU, however small the input is.

    torch hands single inputs of up to 20,480 values, and 1x1 kernels on one thread, to another
    implementation that sums in another order: a small tile would differ in the last bit.
    oneDNN applies ReLU while the sums are in its registers.
    """

    def __init__(self, convolution: nn.Conv2d, activation: str = "none") -> None:
        super().__init__()
        self.convolution = convolution
        self.activation = activation

    def forward(self, pixels: Tensor) -> Tensor:
        """Convolve, and activate."""
        one = self.convolution
        if pixels.device.type == "cpu" and pixels.dtype == torch.float32:
            shape = one.padding, one.stride, one.dilation, one.groups
            return torch.ops.mkldnn._convolution_pointwise(
                pixels, one.weight, one.bias, *shape, self.activation, [], ""
            )
        found = one(pixels)
        return found.relu_() if self.activation == "relu" else found


def _fuse_units(module: nn.Module) -> None:
    """Replace every unit by a convolution with a bias."""
    for name, child in module.named_children():
        if isinstance(child, Unit):
            setattr(module, name, ActiveConvolution(fuse_conv_bn_eval(child[0], child[1])))
        else:
            _fuse_units(child)


def _fuse_origin(model: OriginUNet) -> None:
    """Replace every unit whose activations before BatchNorm nobody needs."""
    for depth, pair in enumerate(model.encoder):
        pair[0] = ClampedUnit(pair[0])
        if depth >= LEVELS - 2:
            pair[1] = ClampedUnit(pair[1])
    for pair in model.decoder:
        pair[0], pair[1] = ClampedUnit(pair[0]), ClampedUnit(pair[1])
    model.narrow = ClampedUnit(model.narrow)


class ClampedUnit(nn.Module):
    """Convolution, ReLU and BatchNorm in one: norm(relu(x)) = a * relu(x) + b.

    That is a * x + b, kept above b where a > 0 and below b elsewhere: exact at any padding, which
    folding BatchNorm forward into the next convolution is not.
    """

    def __init__(self, unit: OriginUnit) -> None:
        super().__init__()
        norm = unit.norm
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
        shift = (norm.bias - scale * norm.running_mean).detach()
        self.convolution = copy.deepcopy(unit.convolution)
        self.convolution.weight.data *= scale[:, None, None, None]
        self.convolution.bias.data = self.convolution.bias.data * scale + shift
        endless = torch.full_like(shift, torch.inf)
        self.register_buffer("low", torch.where(scale > 0, shift, -endless)[:, None, None])
        self.register_buffer("high", torch.where(scale > 0, endless, shift)[:, None, None])
        self.rising = bool((scale > 0).all())

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Give the output; twice, in the form of the unit that this replaces."""
        out = self.convolution(pixels).clamp_min_(self.low)
        out = out if self.rising else out.clamp_max_(self.high)
        return out, out


class SubPixelLift(nn.Module):
    """Upsampling and 2x2 convolution in one, at the low resolution.

    The four pixels that come of one see one, two, two and four pixels around it, the same one more
    than once: 9 taps instead of 16, and nothing is upsampled that is four times as large.
    Source: Shi et al., Real-Time Single Image Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network, 2016. Departs: the kernels of the phases differ in size.
    """

    def __init__(self, lift: Lift) -> None:
        super().__init__()
        weight = lift.weight.detach()
        rows = weight.sum(2, keepdim=True), weight
        kernels = [one for row in rows for one in (row.sum(3, keepdim=True), row)]
        self.phases = nn.ModuleList(_active(kernel, lift.bias.detach()) for kernel in kernels)

    def forward(self, pixels: Tensor) -> Tensor:
        """Double the resolution, and convolve."""
        n, _, rows, cols = pixels.shape
        padded = functional.pad(pixels, (0, 1, 0, 1))
        found = [
            phase(padded[:, :, : rows + i // 2, : cols + i % 2])
            for i, phase in enumerate(self.phases)
        ]
        out = torch.empty(
            (n, found[0].shape[1], 2 * rows, 2 * cols), dtype=pixels.dtype, device=pixels.device,
            memory_format=torch.channels_last,
        )
        for i, one in enumerate(found):
            out[:, :, i // 2 :: 2, i % 2 :: 2] = one
        return out


def _active(weight: Tensor, bias: Tensor) -> ActiveConvolution:
    outputs, inputs, *size = weight.shape
    convolution = nn.Conv2d(inputs, outputs, tuple(size))
    convolution.weight.data, convolution.bias.data = weight.clone(), bias.clone()
    return ActiveConvolution(convolution)
