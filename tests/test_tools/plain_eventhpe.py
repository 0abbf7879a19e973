"""EventHPE's two networks in plain torch, written from the description of the authors' release.

Module names are those of the authors' checkpoints. Independent of ours: what the converter is
checked against.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu


def block(first: nn.Module, channels: int) -> nn.Module:
    module = nn.Module()
    module.conv_block = nn.Sequential(
        *(first, nn.BatchNorm2d(channels), nn.ReLU()),
        *(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()),
    )
    return module


class PlainFlowNet(nn.Module):
    """The flow network; flow in px at 1/8, 1/4, 1/2 and 1."""

    def __init__(self, inputs: int = 8, base: int = 32) -> None:
        super().__init__()
        c = [inputs, base, 2 * base, 4 * base, 8 * base]
        self.encoders = nn.ModuleList(
            block(nn.Conv2d(c[i], c[i + 1], 3, 2, 1, bias=False), c[i + 1]) for i in range(4)
        )
        self.residual = block(nn.ConvTranspose2d(c[4], c[4], 3, 1, 1, bias=False), c[4])
        sizes = [
            (2 * c[4], c[3]),
            (2 * c[3] + 2, c[2]),
            (2 * c[2] + 2, c[1]),
            (2 * c[1] + 2, c[1] // 2),
        ]
        self.decoders, self.flows = nn.ModuleList(), nn.ModuleList()
        for before, after in sizes:
            up = nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=False)
            self.decoders.append(block(up, after))
            head = nn.Module()
            head.conv_block = nn.Sequential(nn.Conv2d(after, 2, 1, bias=False), nn.Tanh())
            self.flows.append(head)

    def forward(self, x: Tensor, dt: float = 1) -> list[Tensor]:
        size, maps, flows = x.shape[-2], [], []
        for encoder in self.encoders:
            x = encoder.conv_block(x)
            maps.append(x)
        x = self.residual.conv_block(x) + x
        for i in range(4):
            x = self.decoders[i].conv_block(torch.cat([x, maps[3 - i]], dim=1))
            raw = self.flows[i].conv_block(x)
            flows.append(raw * size / dt)
            x = torch.cat([x, raw], dim=1)
        return flows


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(relu(self.bn2(self.conv2(y)))))
        return relu(y + (self.downsample(x) if hasattr(self, 'downsample') else x))


class ImageEncoder(nn.Module):
    """ResNet-50 without its last layer, under torchvision's names."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        before = width
        for number, count in enumerate((3, 4, 6, 3), 1):
            channels, blocks = width * 2 ** (number - 1), []
            for index in range(count):
                stride = 2 if number > 1 and index == 0 else 1
                blocks.append(Bottleneck(before, channels, stride))
                before = 4 * channels
            self.add_module(f'layer{number}', nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(relu(self.bn1(self.conv1(x))))
        for number in range(1, 5):
            x = getattr(self, f'layer{number}')(x)
        return x.mean(dim=(2, 3))


class PlainShapeNet(nn.Module):
    """The shape network without the body; ``width`` 64 is the authors' ResNet-50."""

    def __init__(self, inputs: int = 10, width: int = 64) -> None:
        super().__init__()
        channels = 32 * width
        self.img_encoder = ImageEncoder(inputs, width)
        self.tmp_encoder = nn.Module()
        self.tmp_encoder.gru = nn.GRU(channels, channels, batch_first=True)
        self.regressor = nn.Module()
        self.regressor.decpose = nn.Linear(channels, 24 * 6)
        self.regressor.dectrans = nn.Linear(channels, 3)

    def forward(
        self, events: Tensor, flow: Tensor, rotmats: Tensor, transl: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Rotations (B, T, 24, 3, 3) and translations (B, T, 3) after each step."""
        frames = torch.cat([events, flow], dim=2)
        x = torch.stack([self.img_encoder(frames[:, t]) for t in range(frames.shape[1])], dim=1)
        x = self.tmp_encoder.gru(x, hidden[None])[0] + x
        turns = self.regressor.decpose(x).unflatten(-1, (24, 6))
        steps = self.regressor.dectrans(x)
        poses, places = [], []
        for t in range(x.shape[1]):
            first = normalize(turns[:, t, :, :3], dim=-1)
            third = normalize(torch.linalg.cross(first, turns[:, t, :, 3:]), dim=-1)
            second = torch.linalg.cross(third, first)
            rotmats = torch.stack([first, second, third], dim=-1) @ rotmats
            transl = transl + steps[:, t]
            poses.append(rotmats)
            places.append(transl)
        return torch.stack(poses, dim=1), torch.stack(places, dim=1)


def shake(network: nn.Module) -> nn.Module:
    """Give a network for testing batch statistics that are not those of a fresh one."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()
