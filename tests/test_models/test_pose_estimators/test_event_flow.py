import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.structures import PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.models.functional import photometric_error
from mmpose_ext.models.pose_estimators import EventFlowEstimator

FINEST = (0, 0, 0, 1)


def estimator(**options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='EventFlowEstimator',
            flow_net=dict(type='EventFlowNet', base_channels=4, max_flow=8, **options),
            photometric=dict(type='FlowPhotometricLoss', scale_weights=FINEST),
            smoothness=dict(type='FlowSmoothnessLoss', loss_weight=0.1),
        )
    )


def inputs(batch=2, height=32, width=48):
    torch.manual_seed(1)
    events = (torch.rand(batch, 8, height, width) > 0.8).float()
    return dict(events=events, gray=255 * torch.rand(batch, 2, height, width))


def moving_stripes(batch=8, size=32):
    """Smooth stripes that move right or left by 2 px; their sign is in the events."""
    signs = torch.tensor([1.0, -1.0]).repeat(batch // 2).view(-1, 1, 1)
    x = torch.arange(size).view(1, 1, size).expand(batch, size, size)
    y = torch.arange(size).view(1, size, 1)
    first, second = (127 + 100 * torch.sin((x - shift) * 0.4 + 0.2 * y) for shift in (0, 2 * signs))
    channels = torch.arange(8).view(1, 8, 1, 1)
    edges = (x[:, None] - signs[:, None] * channels // 4 + y) % 8 == 0
    return dict(events=edges.float(), gray=torch.stack((first, second), dim=1)), 2 * signs


def test_losses():
    model, batch = estimator(), inputs()
    losses = model(batch, None, 'loss')
    assert set(losses) == {'loss_photometric', 'loss_smoothness', 'photometric_gain'}
    first, second = batch['gray'].split(1, dim=1)
    flow = model(batch)[-1].detach()
    error = photometric_error(first, second, flow)
    torch.testing.assert_close(losses['loss_photometric'].detach(), error)
    gain = 1 - error / photometric_error(first, second, torch.zeros_like(flow))
    torch.testing.assert_close(losses['photometric_gain'], gain)
    assert not losses['photometric_gain'].requires_grad
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, losses['loss_photometric'] + losses['loss_smoothness'])


def test_defaults_are_the_papers():
    model = EventFlowEstimator(dict(type='EventFlowNet', base_channels=4))
    assert model.photometric.loss_weight == 1
    assert model.smoothness.loss_weight == 0.5
    assert model.photometric.scale_weights == model.smoothness.scale_weights == (1, 1, 1, 1)
    assert (model.photometric.eps, model.photometric.alpha) == (1e-3, 0.45)
    assert all(key.startswith('flow_net.') for key in model.state_dict())


def test_predictions_go_into_the_samples():
    model, batch = estimator().eval(), inputs()
    samples = [PoseDataSample(metainfo=dict(id=k)) for k in range(2)]
    for sample in samples:
        sample.gt_fields = PixelData(gray=torch.zeros(2, 32, 48))
    with torch.no_grad():
        predicted = model(batch, samples, 'predict')
        flow = model(batch)[-1]
    assert [sample.id for sample in predicted] == [0, 1]
    for sample, expected in zip(predicted, flow, strict=True):
        assert torch.equal(sample.pred_fields.flow, expected)
        assert sample.pred_fields.flow.dtype == torch.float32
        assert sample.gt_fields.gray.shape == (2, 32, 48)
    new = model(dict(events=batch['events']), None, 'predict')
    assert [sample.pred_fields.shape for sample in new] == [(32, 48)] * 2


def test_length_of_windows_reaches_the_network():
    model, batch = estimator(dt_mode='divide').eval(), inputs()
    plain = model(batch)[-1]
    halved = model({**batch, 'dt': torch.tensor([1.0, 2.0])})[-1]
    torch.testing.assert_close(halved[0], plain[0])
    torch.testing.assert_close(halved[1], plain[1] / 2)


def test_learns_the_flow_of_stripes_without_labels():
    """From the gray frames alone; of stripes only the motion across them can be seen."""
    model = estimator()
    batch, shift = moving_stripes()
    optimizer = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    for _ in range(60):
        losses = model(batch, None, 'loss')
        optimizer.update_params(model.parse_losses(losses)[0])
    assert losses['photometric_gain'] > 0.5
    u, v = model.eval()(batch)[-1][..., 4:-4, 4:-4].mean(dim=(2, 3)).T
    # The phase of the stripes is 0.4 x + 0.2 y.
    torch.testing.assert_close(u + 0.5 * v, shift.flatten(), atol=0.5, rtol=0)


def test_refusals():
    model, batch = estimator(), inputs()
    with pytest.raises(ValueError, match=r"lack 'gray', there are \['events'\]: load it"):
        model(dict(events=batch['events']), None, 'loss')
    with pytest.raises(ValueError, match="lack 'events'"):
        model(dict(gray=batch['gray']))
    with pytest.raises(ValueError, match="'tensor', 'loss' or 'predict', got 'test'"):
        model(batch, None, 'test')
    with pytest.raises(ValueError, match='2 windows of events need as many samples, got 1'):
        model(batch, [PoseDataSample()], 'predict')
