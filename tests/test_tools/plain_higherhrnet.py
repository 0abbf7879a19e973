"""HigherHRNet and SWAHR in plain torch, written from the description of the authors' network.

Module names are those of the authors' checkpoints. Independent of MMPose: what the converter is
checked against.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu


def conv_bn(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def conv_bn_relu(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return conv_bn(inputs, outputs, stride=stride).append(nn.ReLU())


class Residual(nn.Module):
    """A basic block (kernels 3, 3) or a bottleneck (kernels 1, 3, 1)."""

    def __init__(self, inputs: int, channels: tuple[int, ...], kernels: tuple[int, ...]) -> None:
        super().__init__()
        self.count = len(kernels)
        before = inputs
        for i, (outputs, kernel) in enumerate(zip(channels, kernels, strict=True), 1):
            conv, norm = conv_bn(before, outputs, kernel)
            self.add_module(f'conv{i}', conv)
            self.add_module(f'bn{i}', norm)
            before = outputs
        if before != inputs:
            self.downsample = conv_bn(inputs, before, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for i in range(1, self.count + 1):
            out = getattr(self, f'bn{i}')(getattr(self, f'conv{i}')(out))
            out = relu(out) if i < self.count else out
        return relu(out + (self.downsample(x) if hasattr(self, 'downsample') else x))


def basic(channels: int) -> Residual:
    return Residual(channels, (channels, channels), (3, 3))


def bottleneck(inputs: int) -> Residual:
    return Residual(inputs, (64, 64, 256), (1, 3, 1))


class Exchange(nn.Module):
    """A module of a stage: four basic blocks a branch, then each branch gets a sum of all."""

    def __init__(self, channels: list[int], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(basic(c) for _ in range(4))) for c in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self.path(channels, i, j) for j in range(len(channels)))
            for i in range(outputs)
        )

    @staticmethod
    def path(channels: list[int], i: int, j: int) -> nn.Module:
        if j == i:
            return nn.Identity()
        if j > i:
            return conv_bn(channels[j], channels[i], 1)
        steps = [conv_bn_relu(channels[j], channels[j], stride=2) for _ in range(i - j - 1)]
        return nn.Sequential(*steps, conv_bn(channels[j], channels[i], stride=2))

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        xs = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        outputs = []
        for i, row in enumerate(self.fuse_layers):
            total = None
            for j, (path, x) in enumerate(zip(row, xs, strict=True)):
                term = path(x)
                if j > i:
                    term = interpolate(term, scale_factor=2 ** (j - i), mode='nearest')
                total = term if total is None else total + term
            outputs.append(relu(total))
        return outputs


class PlainHigherHRNet(nn.Module):
    """The network; ``scales`` adds SWAHR's branch, whose maps come first in each output."""

    def __init__(self, width: int, keypoints: int, scales: bool) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(4)]
        self.conv1, self.bn1 = conv_bn(3, 64, stride=2)
        self.conv2, self.bn2 = conv_bn(64, 64, stride=2)
        self.layer1 = nn.Sequential(bottleneck(64), *(bottleneck(256) for _ in range(3)))
        first, second = conv_bn_relu(256, widths[0]), conv_bn_relu(256, widths[1], stride=2)
        self.transition1 = nn.ModuleList([first, nn.Sequential(second)])
        # What leads to a new branch; branches that exist go on as they are.
        for number in (2, 3):
            new = nn.Sequential(conv_bn_relu(widths[number - 1], widths[number], stride=2))
            kept = [nn.Identity() for _ in range(number)]
            self.add_module(f'transition{number}', nn.ModuleList([*kept, new]))
        for stage, modules in ((2, 1), (3, 4), (4, 3)):
            lasts = [stage] * (modules - 1) + [1 if stage == 4 else stage]
            exchanges = [Exchange(widths[:stage], outputs) for outputs in lasts]
            self.add_module(f'stage{stage}', nn.Sequential(*exchanges))

        c, k = width, keypoints
        self.final_layers = nn.ModuleList([nn.Conv2d(c, 2 * k, 1), nn.Conv2d(c, k, 1)])
        up = nn.Sequential(
            nn.ConvTranspose2d(c + 2 * k, c, 4, 2, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU()
        )
        blocks = [nn.Sequential(basic(c)) for _ in range(4)]
        self.deconv_layers = nn.ModuleList([nn.Sequential(up, *blocks)])
        if scales:
            self.conv_scale_layers = nn.ModuleList(
                nn.Sequential(
                    nn.Conv2d(c, k, 1),
                    nn.BatchNorm2d(k),
                    nn.ReLU(),
                    nn.Conv2d(k, k, 9, padding=4, groups=k),
                )
                for _ in range(2)
            )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = relu(self.bn1(self.conv1(image)))
        x = self.layer1(relu(self.bn2(self.conv2(x))))
        xs = self.stage2([path(x) for path in self.transition1])
        xs = self.stage3([*xs, self.transition2[-1](xs[-1])])
        (x,) = self.stage4([*xs, self.transition3[-1](xs[-1])])
        low = self.final_layers[0](x)
        finer = self.deconv_layers[0](torch.cat([x, low], dim=1))
        outputs = low, self.final_layers[1](finer)
        if hasattr(self, 'conv_scale_layers'):
            a, b = self.conv_scale_layers[0](x), self.conv_scale_layers[1](finer)
            return torch.cat([a, outputs[0]], dim=1), torch.cat([b, outputs[1]], dim=1)
        return outputs


def random_network(width: int, keypoints: int, scales: bool) -> PlainHigherHRNet:
    """The network for testing, with random weights and batch statistics."""
    network = PlainHigherHRNet(width, keypoints, scales)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()
