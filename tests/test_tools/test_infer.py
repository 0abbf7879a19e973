"""From the command line to files."""

import json
import runpy

import cv2
import pytest
from pose_models import pictures, save_model

from mmpose_ext.apis import Boxes


@pytest.fixture(scope='module')
def main(root):
    return runpy.run_path(str(root / 'tools/infer.py'))['main']


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return [str(path) for path in save_model('simdr', tmp_path_factory.mktemp('simdr'))]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Six pictures and two files that are none."""
    folder = tmp_path_factory.mktemp('photos')
    for number, picture in enumerate(pictures(*[(48, 40)] * 6)):
        cv2.imwrite(str(folder / f'{number}.png'), picture)
    (folder / '6.png').write_text('no picture')
    (folder / '7.png').write_bytes((folder / '0.png').read_bytes()[:300])
    return folder


def read(out):
    return json.loads((out / 'results.json').read_text())


def test_a_folder_with_two_broken_pictures(main, model, folder, tmp_path, capsys):
    assert main([*model, str(folder), '--out', str(tmp_path), '--batch-size', '3']) == 0
    said = capsys.readouterr()
    assert '6 of 8 pictures, 2 errors' in said.out
    errors = [line for line in said.err.splitlines() if line.startswith('error: ')]
    assert [name in line for name, line in zip(('6.png', '7.png'), errors, strict=True)]
    found = read(tmp_path)
    assert [len(image['people']) for image in found['images']] == [1] * 6
    assert [error['name'] for error in found['errors']] == [
        str(folder / f'{n}.png') for n in (6, 7)
    ]
    assert not found['interrupted']
    assert len(list(tmp_path.glob('*_pose.jpg'))) == 6


def test_several_inputs_and_no_pictures(main, model, folder, tmp_path):
    inputs = [str(folder / '0.png'), str(folder / '3.png')]
    options = ['--out', str(tmp_path), '--no-pictures', '--no-flip-test']
    assert main([model[0], *options, model[1], *inputs]) == 0
    assert [image['name'] for image in read(tmp_path)['images']] == inputs
    assert [path.name for path in tmp_path.iterdir()] == ['results.json']


def test_a_video_becomes_a_video(main, model, tmp_path, capsys):
    path = tmp_path / 'walk.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for picture in pictures(*[(64, 48)] * 4):
        writer.write(picture)
    writer.release()
    assert main([*model, str(path), '--out', str(tmp_path / 'out')]) == 0
    assert '4 of 4 pictures, 0 errors' in capsys.readouterr().out
    assert [image['index'] for image in read(tmp_path / 'out')['images']] == [0, 1, 2, 3]
    (video,) = (tmp_path / 'out').glob('*.mp4')
    capture = cv2.VideoCapture(str(video))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    capture.release()


def test_exit_status_of_no_result(main, model, folder, tmp_path, capsys):
    out = ['--out', str(tmp_path)]
    assert main([*model, str(folder / '6.png'), *out]) == 1
    assert '0 of 1 picture, 1 error\n' in capsys.readouterr().out
    assert main([*model, str(folder / 'none.png'), *out]) == 1
    assert 'none.png' in capsys.readouterr().err
    assert main([model[0], 'none.pth', str(folder), *out]) == 1
    assert 'infer: ' in capsys.readouterr().err


def test_boxes_of_a_file(main, model, folder, tmp_path):
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps({str(folder / '1.png'): [[4, 4, 30, 36], [10, 2, 40, 40]]}))
    inputs = [str(folder / '1.png'), str(folder / '2.png')]
    out = tmp_path / 'out'
    assert main([*model, *inputs, '--boxes', str(boxes), '--out', str(out)]) == 0
    found = read(out)
    assert [person['box'] for person in found['images'][0]['people']] == [
        [4, 4, 30, 36],
        [10, 2, 40, 40],
    ]
    assert [error['name'] for error in found['errors']] == inputs[1:]


def test_a_detector(main, model, folder, tmp_path, monkeypatch):
    asked = []

    def load_detector(config, checkpoint, **options):
        asked.append((config, checkpoint, options['score_thr']))
        return lambda images: [Boxes.of([(4, 4, 30, 36)], [0.75]) for _ in images]

    monkeypatch.setitem(main.__globals__, 'load_detector', load_detector)
    options = ['--det-config', 'd.py', '--det-checkpoint', 'd.pth', '--det-thr', '0.5']
    assert main([*model, str(folder / '0.png'), *options, '--out', str(tmp_path)]) == 0
    assert asked == [('d.py', 'd.pth', 0.5)]
    (person,) = read(tmp_path)['images'][0]['people']
    assert (person['box'], person['box_score']) == ([4, 4, 30, 36], 0.75)


def test_ctrl_c_leaves_what_is_done(main, model, folder, tmp_path, monkeypatch, capsys):
    asked = []

    def detector(images):
        asked.append(len(images))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return [Boxes.of([(4, 4, 30, 36)]) for _ in images]

    monkeypatch.setitem(main.__globals__, 'load_detector', lambda *files, **options: detector)
    options = ['--det-config', 'd.py', '--det-checkpoint', 'd.pth', '--batch-size', '2']
    assert main([*model, str(folder), *options, '--out', str(tmp_path)]) == 130
    found = read(tmp_path)
    assert found['interrupted']
    assert len(found['images']) == len(list(tmp_path.glob('*_pose.jpg'))) == 4
    assert '4 of 4 pictures' in capsys.readouterr().out


def test_a_window(main, model, folder, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr(cv2, 'imshow', lambda title, picture: shown.append(picture.shape))
    monkeypatch.setattr(cv2, 'waitKey', lambda wait: ord('q') if len(shown) == 2 else ord(' '))
    assert main([*model, str(folder), '--show', '--out', str(tmp_path)]) == 0
    assert len(shown) == len(read(tmp_path)['images']) == 2
    assert read(tmp_path)['interrupted']


def test_no_screen(main, model, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('sys.platform', 'linux')
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    assert main([*model, str(folder), '--show', '--out', str(tmp_path)]) == 1
    assert 'no screen' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['config.py', 'model.pth'], 'a config needs a checkpoint and at least one input'),
        (['c.py', 'm.pth', 'a.jpg', '--det-config', 'd.py'], 'belong together'),
        (
            ['m.onnx', 'a.jpg', '--boxes', 'b', '--det-config', 'd', '--det-checkpoint', 'w'],
            'either --boxes or a detector',
        ),
    ],
)
def test_arguments_that_do_not_belong_together(main, capsys, options, said):
    with pytest.raises(SystemExit):
        main([*options, '--out', 'out'])
    assert said in capsys.readouterr().err
