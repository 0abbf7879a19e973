import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from small_recordings import SIZE, write_recordings

from mmpose_ext.apis import dump_event_flow, load_model
from mmpose_ext.flow_file import read_flow

CONFIG = """
model = dict(
    type='EventFlowEstimator',
    data_preprocessor=dict(type='EventDataPreprocessor'),
    flow_net=dict(type='EventFlowNet', base_channels=2, in_channels=8))
"""


@pytest.fixture
def trained(tmp_path):
    """Config and checkpoint of a network of random weights."""
    config, checkpoint = tmp_path / 'flow.py', tmp_path / 'flow.pth'
    config.write_text(CONFIG)
    model = estimator()
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, checkpoint)
    return config, checkpoint


def estimator(in_channels=8):
    torch.manual_seed(0)
    net = dict(type='EventFlowNet', base_channels=2, in_channels=in_channels)
    preprocessor = dict(type='EventDataPreprocessor')
    model = dict(type='EventFlowEstimator', flow_net=net, data_preprocessor=preprocessor)
    return MODELS.build(model).eval()


def folder(root):
    return root / f'pred_flow_events_{SIZE}'


@pytest.fixture
def root(tmp_path):
    """Recordings without predicted flow."""
    root = tmp_path / 'data'
    written = write_recordings(root, (5, 4))
    for path in folder(root).rglob('*.npz'):
        path.unlink()
    return root, written


def test_files_hold_what_the_model_predicts(root):
    """Golden case 31: cut towards 0, to hundredths of a pixel."""
    root, written = root
    model, done = estimator(), []
    count = dump_event_flow(model, root, batch_size=2, progress=lambda *args: done.append(args))
    assert done == [(1, 2), (2, 2)]
    files = sorted(
        path.relative_to(folder(root)).as_posix() for path in folder(root).rglob('*.npz')
    )
    # From frame k to k + 2 there are the intervals k and k + 1, of 4 and 3 intervals.
    starts = [('rec0', k) for k in range(3)] + [('rec1', k) for k in range(2)]
    assert files == [f'{name}/flow{k:04d}.npz' for name, k in starts]
    assert count == 5
    for name, k in starts:
        window = written[name]['events'][k : k + 2].reshape(1, 8, SIZE, SIZE)
        with torch.no_grad():
            flow = model(dict(events=torch.from_numpy(window).float()))[-1][0].numpy()
        read = read_flow(folder(root) / name / f'flow{k:04d}.npz')['flow']
        assert np.abs(flow).max() > 0.1
        np.testing.assert_allclose(read, np.trunc(100 * flow) / 100, atol=0.0101)
        assert np.abs(read - flow).max() < 0.0101
        assert (np.abs(read) <= np.abs(flow) + 1e-4).all()


def test_intervals_without_events_file_are_left_out(root):
    root, _ = root
    path = root / 'annotations' / 'rec0.npz'
    arrays = dict(np.load(path))
    kept = np.array([0, 1, 3])
    arrays.update({key: arrays[key][kept] for key in ('event_frames', 'event_counts')})
    np.savez(path, **arrays)
    assert dump_event_flow(estimator(), root) == 1 + 2
    assert [path.name for path in (folder(root) / 'rec0').iterdir()] == ['flow0000.npz']


def test_command_line(root, trained, run_python):
    root, _ = root
    done = run_python('tools/dump_event_flow.py', *trained, '--data-root', root)
    assert '5 files of flow are written' in done.stdout
    assert len(list(folder(root).rglob('*.npz'))) == 5


def test_refusals(root):
    root, _ = root
    with pytest.raises(FileNotFoundError, match=r'there is no file .*dataset\.json'):
        dump_event_flow(estimator(), root.parent)
    with pytest.raises(ValueError, match=r'sees 4 channels, 2 intervals of .* have 8'):
        dump_event_flow(estimator(in_channels=4), root)
    with pytest.raises(ValueError, match='batch_size must be at least 1, got 0'):
        dump_event_flow(estimator(), root, batch_size=0)
    with pytest.raises(ValueError, match=r"splits must be some of .* got \('val',\)"):
        dump_event_flow(estimator(), root, splits=['val'])
    with pytest.raises(FileNotFoundError, match=r'there is no file .*test\.json'):
        dump_event_flow(estimator(), root, splits=['test'])
    with pytest.raises(ValueError, match='an EventFlowEstimator is needed, got Linear'):
        dump_event_flow(torch.nn.Linear(1, 1), root)


def test_load_model(trained):
    config, checkpoint = trained
    model = load_model(config, checkpoint)
    assert not model.training
    assert model.cfg.model.type == 'EventFlowEstimator'
    for key, value in estimator().state_dict().items():
        assert torch.equal(model.state_dict()[key], value)


def test_load_model_refuses_another_network(trained):
    config, checkpoint = trained
    config.write_text(CONFIG.replace('base_channels=2', 'base_channels=4'))
    with pytest.raises(ValueError, match=r'of another shape: flow_net.encoders.0'):
        load_model(config, checkpoint)
    with pytest.raises(FileNotFoundError):
        load_model(config, checkpoint.with_name('none.pth'))
