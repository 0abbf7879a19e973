"""SimDR head: per keypoint one classification of the x and one of the y coordinate."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.codecs.utils import get_simcc_normalized
from mmpose.models.heads import SimCCHead
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor, nn

from mmpose_ext.codecs.functional import count_bins
from mmpose_ext.evaluation.functional.simdr_accuracy import simdr_pck_accuracy
from mmpose_ext.models.heads.flip_pair import check_flip_pair
from mmpose_ext.models.heads.simdr_flip import average_flipped, flip_back

Features = Sequence[Tensor]
Prediction = tuple[Tensor, Tensor]


@MODELS.register_module()
class SimDRHead(SimCCHead):
    """SimDR's head as published, extending MMPose's ``SimCCHead``.

    Source: `SimCC <https://arxiv.org/abs/2107.03332>`_ (first published as "SimDR") and its public
    code, whose three forms are:

    * HRNet: ``deconv_out_channels=None``;
    * ResNet: three deconvolutions, the default of ``SimCCHead``;
    * ResNet without upsampling: ``deconv_out_channels=None, channels_per_keypoint=32`` (28 for
      256x192).

    The flip test reads two more keys of the model's ``test_cfg``:

    * ``shift_bins``: shift of the flipped-back x predictions to lower bins. The default,
      ``simcc_split_ratio - 1``, is exact; the authors always shift by 1, MMPose by 0.
    * ``flip_average``: ``'probability'`` (SimDR) or ``'logit'`` (SA-SimDR, MMPose). The default is
      what was published for the decoder's label type, ``'logit'`` where scores are raw.

    The numbers of ``SimCCHead`` come from ``linear_init='normal'``, its loss, its codec as the
    decoder (or ``SimDRLabel`` with the options named there) and ``shift_bins=0``.

    Args:
        in_channels (int): Number of channels of the last feature map.
        out_channels (int): Number of keypoints K.
        input_size (tuple): Input size of the network, (w, h) in pixels.
        in_featuremap_size (tuple): Size of the last feature map, (w, h).
        simcc_split_ratio (float): Bins per pixel.
        channels_per_keypoint (int): Feature maps per keypoint that the linear layers see,
            keypoint-major. Published: 1, or 28 and 32 without upsampling.
        linear_init (str): Initialization of the linear layers, unless ``init_cfg`` is given.
            ``'default'``: PyTorch's, as published. ``'normal'``: N(0, 0.01), MMPose's.
        loss (dict): Loss.
        decoder (dict, optional): Codec that decodes, usually ``SimDRLabel``.
        init_cfg (dict | list, optional): Initialization. None: see ``linear_init``; convolutions
            get N(0, 0.001), as published.
        **kwargs: Further arguments of ``SimCCHead``: ``deconv_type``, ``deconv_out_channels``,
            ``deconv_kernel_sizes``, ``deconv_num_groups``, ``conv_out_channels``,
            ``conv_kernel_sizes``, ``final_layer``.

    Raises:
        ValueError: If sizes do not fit each other or the decoder, or an option is invalid.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: tuple[int, int],
        in_featuremap_size: tuple[int, int],
        simcc_split_ratio: float = 2.0,
        channels_per_keypoint: int = 1,
        linear_init: str = 'default',
        loss: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list | None = None,
        **kwargs: Any,
    ) -> None:
        bins = count_bins(input_size, simcc_split_ratio)
        _check_featuremap_size(input_size, in_featuremap_size)
        if linear_init not in ('default', 'normal'):
            raise ValueError(f"linear_init must be 'default' or 'normal', got {linear_init!r}.")
        if not isinstance(channels_per_keypoint, int) or channels_per_keypoint < 1:
            raise ValueError(
                f'channels_per_keypoint must be a positive integer, got {channels_per_keypoint}.'
            )
        if init_cfg is None:
            init_cfg = self.default_init_cfg
            if linear_init == 'default':
                init_cfg = [cfg for cfg in init_cfg if 'Linear' not in cfg['layer']]
        super().__init__(
            in_channels=in_channels,
            out_channels=out_channels * channels_per_keypoint,
            input_size=input_size,
            in_featuremap_size=in_featuremap_size,
            simcc_split_ratio=simcc_split_ratio,
            loss=loss or {'type': 'SimDRSmoothingLoss'},
            decoder=decoder,
            init_cfg=init_cfg,
            **kwargs,
        )
        self.out_channels = out_channels
        self.mlp_head_x: nn.Linear
        self.mlp_head_y: nn.Linear
        if channels_per_keypoint > 1:
            values = self.mlp_head_x.in_features * channels_per_keypoint
            self.mlp_head_x = nn.Linear(values, bins[0])
            self.mlp_head_y = nn.Linear(values, bins[1])
        self._check_decoder()

    def forward(self, feats: Features) -> Prediction:
        """Predict both axes.

        Args:
            feats: Feature maps, of which the last, (B, in_channels, h, w), is used.

        Returns:
            Logits of the x axis (B, K, Wx) and of the y axis (B, K, Wy).

        Raises:
            ValueError: If the feature map is not of the size that the head was made for.
        """
        self._check_features(feats[-1])
        if self.deconv_head is not None:
            x = self.deconv_head(feats)
        else:
            x = feats[-1] if self.final_layer is None else self.final_layer(feats[-1])
        # Keypoint-major channels: (B, K * t, h, w) to (B, K, t * h * w).
        x = x.reshape(x.shape[0], self.out_channels, -1)
        return self.mlp_head_x(x), self.mlp_head_y(x)

    def predict(
        self,
        feats: Any,
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict | None = None,
    ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Predict keypoints.

        Args:
            feats: Feature maps; with ``test_cfg['flip_test']`` a list of two: those of the images
                and those of the mirrored images.
            batch_data_samples: The batch's B samples.
            test_cfg: ``flip_test``, ``shift_bins``, ``flip_average``, ``output_heatmaps``.

        Returns:
            B predictions with ``keypoints`` (1, K, 2) in input pixels, ``keypoint_scores`` (1, K)
            and, if the decoder decodes them, ``keypoints_visible``. With ``output_heatmaps`` also
            ``keypoint_x_labels`` (1, K, Wx) and ``keypoint_y_labels`` (1, K, Wy) in them, and a
            list of B heatmaps (K, Wy, Wx), the products of the two.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            pred = self._flip_test(feats, batch_data_samples, test_cfg)
        else:
            pred = self.forward(feats)
        preds = self.decode(pred)
        if not test_cfg.get('output_heatmaps', False):
            return preds
        x_labels, y_labels = self._intensities(pred)
        for instances, x, y in zip(preds, to_numpy(x_labels), to_numpy(y_labels), strict=True):
            instances.keypoint_x_labels = x[None]
            instances.keypoint_y_labels = y[None]
        heatmaps = torch.matmul(y_labels[..., None], x_labels[..., None, :]).detach()
        return preds, [PixelData(heatmaps=heatmap) for heatmap in heatmaps]

    def decode(self, batch_outputs: Prediction) -> list[InstanceData]:
        """Decode a batch of outputs.

        Args:
            batch_outputs: Logits of the x axis (B, K, Wx) and of the y axis (B, K, Wy).

        Returns:
            B predictions, see :meth:`predict`.
        """
        if self.decoder is None or not self.decoder.support_batch_decoding:
            return super().decode(batch_outputs)
        keypoints, scores = self.decoder.batch_decode(*batch_outputs)
        fields = {'keypoints': keypoints, 'keypoint_scores': scores}
        if isinstance(scores, tuple):
            fields['keypoint_scores'], fields['keypoints_visible'] = scores
        preds = [InstanceData() for _ in keypoints]
        for name, values in fields.items():
            for pred, value in zip(preds, values, strict=True):
                # An assignment also checks the lengths, which took longer than all the decoding.
                pred.set_field(value, name)
        return preds

    def loss(
        self,
        feats: Features,
        batch_data_samples: list[PoseDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Compute the loss and the training accuracy; the logits stay on their device.

        Args:
            feats: Feature maps.
            batch_data_samples: The batch's samples with the codec's labels.
            train_cfg: ``compute_acc=False`` leaves the accuracy out.

        Returns:
            ``loss_kpt`` and ``acc_pose`` (PCK at 0.05), scalars.
        """
        pred = self.forward(feats)
        labels = [sample.gt_instance_labels for sample in batch_data_samples]
        gt = (
            torch.cat([label.keypoint_x_labels for label in labels]),
            torch.cat([label.keypoint_y_labels for label in labels]),
        )
        weights = torch.cat([label.keypoint_weights for label in labels])
        losses = {'loss_kpt': self.loss_module(pred, gt, weights)}
        if (train_cfg or {}).get('compute_acc', True):
            losses['acc_pose'] = simdr_pck_accuracy(
                pred,
                gt,
                self.simcc_split_ratio,
                weights,
                reject_nonpositive=getattr(self.decoder, 'reject_nonpositive', True),
            )
        return losses

    @property
    def _scores_are_probabilities(self) -> bool:
        return getattr(self.decoder, 'score_type', 'raw') == 'softmax'

    def _flip_test(
        self,
        feats: list[Features],
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict,
    ) -> Prediction:
        """Mean prediction of the images and the mirrored images, as logits."""
        check_flip_pair(feats)
        is_simdr = getattr(self.decoder, 'smoothing_type', 'gaussian') != 'gaussian'
        published = 'probability' if self._scores_are_probabilities and is_simdr else 'logit'
        average = test_cfg.get('flip_average') or published
        if average == 'probability' and not self._scores_are_probabilities:
            raise ValueError(
                "flip_average='probability' needs a decoder that scores probabilities: "
                "SimDRLabel with score_type='softmax'."
            )
        shift_bins = test_cfg.get('shift_bins')
        if shift_bins is None:
            shift_bins = self.simcc_split_ratio - 1
        pred, pred_flip = self._forward_pair(feats[0], feats[1])
        flip_indices = batch_data_samples[0].metainfo['flip_indices']
        flipped = flip_back(*pred_flip, flip_indices, shift_bins)
        x, y = (average_flipped(*axis, average) for axis in zip(pred, flipped, strict=True))
        return x, y

    def _forward_pair(self, feats: Features, feats_flip: Features) -> tuple[Prediction, Prediction]:
        """Predictions of the images and the mirrored images, in one pass where that is the same."""
        both = feats[-1], feats_flip[-1]
        # In training the statistics of the batch norms would mix.
        if self.training or both[0].shape != both[1].shape:
            return self.forward(feats), self.forward(feats_flip)
        x, y = (axis.chunk(2) for axis in self.forward([torch.cat(both)]))
        return (x[0], y[0]), (x[1], y[1])

    def _intensities(self, pred: Prediction) -> Prediction:
        """The 1-D distributions to draw: probabilities, or MMPose's normalized raw outputs."""
        if self._scores_are_probabilities:
            return pred[0].softmax(dim=-1), pred[1].softmax(dim=-1)
        sigma = self.decoder.sigma
        return get_simcc_normalized(pred[0], sigma[0]), get_simcc_normalized(pred[1], sigma[1])

    def _check_decoder(self) -> None:
        for name in ('input_size', 'simcc_split_ratio'):
            ours, theirs = getattr(self, name), getattr(self.decoder, name, None)
            if theirs is not None and _comparable(ours) != _comparable(theirs):
                raise ValueError(
                    f'the head has {name} {ours} and its decoder {theirs}; give both the same.'
                )

    def _check_features(self, feature: Tensor) -> None:
        width, height = self.in_featuremap_size
        if tuple(feature.shape[1:]) != (self.in_channels, height, width):
            raise ValueError(
                f'the feature map has the shape {tuple(feature.shape)}, expected '
                f'(B, {self.in_channels}, {height}, {width}) from in_channels {self.in_channels} '
                f'and in_featuremap_size {tuple(self.in_featuremap_size)} (w, h). Set them to what '
                f'the backbone gives for images of {tuple(self.input_size)} (w, h) pixels.'
            )


def _check_featuremap_size(input_size: Sequence[int], in_featuremap_size: Sequence[int]) -> None:
    """Refuse a feature map that no backbone makes of the image, such as (h, w) for (w, h)."""
    if not isinstance(in_featuremap_size, Sequence) or len(in_featuremap_size) != 2:
        raise ValueError(
            f'in_featuremap_size must be (w, h), two positive numbers, got {in_featuremap_size}.'
        )
    strides = range(1, max(input_size) + 1)
    if not any(_downsampled(input_size, s) == tuple(in_featuremap_size) for s in strides):
        raise ValueError(
            f'in_featuremap_size {tuple(in_featuremap_size)} (w, h) is no downsampling of '
            f'input_size {tuple(input_size)} (w, h). Expected '
            f'{_downsampled(input_size, 4)} for HRNet (stride 4) or '
            f'{_downsampled(input_size, 32)} for ResNet (stride 32).'
        )


def _downsampled(size: Sequence[int], stride: int) -> tuple[int, ...]:
    return tuple(-(-length // stride) for length in size)


def _comparable(value: Any) -> Any:
    """Make a list from a config comparable with a tuple."""
    return tuple(value) if isinstance(value, Sequence) else value
