"""Stage 1 of EventHPE on events of a real scene: five frames of PoseTrack18."""

import json

import pytest

CONFIG = (
    'configs/eventhpe/posetrack18-tiny/eventhpe-flownet-half_1xb16-60e_posetrack18-tiny-64x64.py'
)
EPOCHS = 30


@pytest.fixture(scope='module')
def events(real_data, tmp_path_factory, run_python):
    """Squares of the video as an event camera would have seen them, others to test on."""
    video = real_data / 'posetrack18/000001_mpiinew_test/000001_mpiinew_test.mp4'
    folder = tmp_path_factory.mktemp('video') / 'events'
    for seed, (split, crops) in enumerate({'train': 20, 'test': 6}.items()):
        run_python(
            *('tools/dataset_converters/video_events.py', video, '--out', folder),
            *('--name', split, '--split', split, '--crops', crops, '--crop-size', 320),
            *('--seed', seed),
        )
    return folder


def test_flow_of_a_real_scene_explains_its_pictures(events, run_python, tmp_path):
    """The second picture, warped by the flow, is much nearer to the first than as it is."""
    options = [f'train_cfg.max_epochs={EPOCHS}', f'train_cfg.val_interval={EPOCHS}']
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options += [
            f'{loader}.dataset.data_root={events}/',
            f'{loader}.num_workers=0',
            f'{loader}.persistent_workers=False',
        ]
    options += [f'default_hooks.checkpoint.interval={EPOCHS}', 'randomness.seed=0']
    run_python('tools/train.py', CONFIG, '--work-dir', tmp_path, '--cfg-options', *options)
    scores = tmp_path / 'scores.json'
    run_python(
        *('tools/test.py', CONFIG, tmp_path / f'epoch_{EPOCHS}.pth', '--work-dir', tmp_path),
        *('--out', scores, '--cfg-options', *options),
    )
    found = json.loads(scores.read_text())
    print(found)
    assert found['flow/photometric-zero'] > 1  # something moves
    assert found['flow/gain'] > 0.15
