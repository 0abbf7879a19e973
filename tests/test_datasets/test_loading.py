import cv2
import mmcv.image.io
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms.loading import is_truncated


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)


def load(path):
    return TRANSFORMS.build({'type': 'StrictLoadImage'})({'img_path': str(path)})


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp'])
def test_loads_what_the_stock_transform_loads(tmp_path, image, suffix):
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), image)
    ours = load(path)
    stock = TRANSFORMS.build({'type': 'LoadImage'})({'img_path': str(path)})
    np.testing.assert_array_equal(ours['img'], stock['img'])
    assert ours['img_shape'] == stock['img_shape'] == (60, 80)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('part', [0.3, 0.6, 0.95])
def test_refuses_a_truncated_image(tmp_path, image, suffix, part):
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), image)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(OSError, match=f'a{suffix}.*'):
        load(path)


def test_progressive_jpeg_cut_between_scans(image):
    done, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    data = data.tobytes()
    assert done
    assert data.count(b'\xff\xda') > 1
    assert not is_truncated(data)
    assert is_truncated(data[: data.rfind(b'\xff\xda') + 8])


def test_thumbnail_in_the_header_does_not_hide_the_cut(image):
    thumbnail = cv2.imencode('.jpg', image[:8, :8])[1].tobytes()
    data = cv2.imencode('.jpg', image)[1].tobytes()
    length = (len(thumbnail) + 2).to_bytes(2, 'big')
    whole = data[:2] + b'\xff\xe1' + length + thumbnail + data[2:]
    assert cv2.imdecode(np.frombuffer(whole, np.uint8), 1).shape == (60, 80, 3)
    assert not is_truncated(whole)
    assert is_truncated(whole[:-200])


@pytest.mark.parametrize('content', [b'', b'no image at all'])
def test_refuses_what_is_no_image(tmp_path, content):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    with pytest.raises(OSError, match=r'a\.jpg'):
        load(path)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(OSError, match=r'none\.jpg'):
        load(tmp_path / 'none.jpg')


def test_refuses_a_decoder_that_is_not_there(monkeypatch):
    with pytest.raises(ValueError, match=r"imdecode_backend should be one of .*, got 'cv3'"):
        TRANSFORMS.build({'type': 'StrictLoadImage', 'imdecode_backend': 'cv3'})
    monkeypatch.setattr('mmcv.image.io.TurboJPEG', None)
    with pytest.raises(ImportError, match='PyTurboJPEG'):
        TRANSFORMS.build({'type': 'StrictLoadImage', 'imdecode_backend': 'turbojpeg'})


@pytest.mark.parametrize('error', [ImportError, MemoryError])
def test_does_not_blame_the_image_for_the_machine(tmp_path, image, monkeypatch, error):
    def fail(*arguments, **options):
        raise error('not the image')

    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), image)
    monkeypatch.setattr('mmcv.imfrombytes', fail)
    with pytest.raises(error, match='not the image'):
        load(path)


def test_other_decoders(tmp_path, image):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), image)
    before = mmcv.image.io.imread_backend
    for backend in ('pillow', None):
        transform = TRANSFORMS.build({'type': 'StrictLoadImage', 'imdecode_backend': backend})
        np.testing.assert_array_equal(transform({'img_path': str(path)})['img'], image)
    assert mmcv.image.io.imread_backend == before
