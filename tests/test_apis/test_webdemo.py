"""The page in the browser: what it answers, and that a real browser shows it."""

import shutil
import socket
import sys
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import trimesh

from mmpose_ext.apis import PosePredictor
from mmpose_ext.apis.people import People
from mmpose_ext.apis.webdemo import analyse, build_webdemo, describe, write_3d

META = dict(
    keypoint_id2name={0: 'pelvis', 1: 'head', 2: 'hand'},
    skeleton_links=[(0, 1), (1, 2)],
    skeleton_link_colors=np.array([(255, 128, 0), (0, 128, 255)]),
    keypoint_colors=np.array([(255, 0, 0)] * 3),
    sigmas=np.full(3, 0.05),
)
JOINTS = np.array([[0.0, 0, 0], [0, -600, 0], [300, -300, 200]])


class Network:
    """Puts the same person into every box, in 3D or not."""

    bottom_up = False
    dataset_meta = META
    box_padding = 1.0

    def __init__(self, name, in_3d):
        self.name, self.in_3d = name, in_3d

    def predict(self, images, boxes=None):
        return [self._people(found.boxes, found.scores) for found in boxes]

    def _people(self, boxes, scores):
        places = boxes[:, None, :2] + (boxes[:, None, 2:] - boxes[:, None, :2]) * (0.5, 0.5)
        steps = np.array([[0, 0], [0, -20], [15, -10]])
        return People(
            keypoints=places + steps,
            keypoint_scores=np.full((len(boxes), 3), 0.9),
            boxes=boxes,
            box_scores=scores,
            joints_3d=np.repeat(JOINTS[None], len(boxes), axis=0) if self.in_3d else None,
        )


@pytest.fixture(scope='module')
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp('page') / 'someone.png'
    cv2.imwrite(str(path), np.full((120, 90, 3), 200, np.uint8))
    return path


@pytest.fixture
def predictors():
    return {name: PosePredictor(Network(name, name == '3D')) for name in ('flat', '3D')}


def test_people_in_3d_are_a_file(predictors, picture, tmp_path):
    result = analyse(predictors['3D'], picture)
    path = write_3d(result, tmp_path / 'people.glb')
    mesh = trimesh.load(path, force='mesh')
    assert len(mesh.split()) == 3 + 2
    assert mesh.bounds[1, 1] == pytest.approx(0.632, abs=1e-3)  # y is up


def test_people_are_in_the_order_of_the_picture(predictors, picture, tmp_path):
    result = next(predictors['3D'].stream(picture, [(50, 0, 90, 90), (0, 0, 40, 90)]))
    result.joints_3d[0] = 2 * JOINTS  # the person on the right is the large one
    mesh = trimesh.load(write_3d(result, tmp_path / 'people.glb'), force='mesh')
    right = mesh.vertices[mesh.vertices[:, 0] > 0.35]
    assert right[:, 1].max() > 1.2
    assert mesh.vertices[mesh.vertices[:, 0] < 0.1, 1].max() < 0.7


def test_people_in_2d_have_no_such_file(predictors, picture, tmp_path):
    assert write_3d(analyse(predictors['flat'], picture), tmp_path / 'people.glb') is None
    assert not list(tmp_path.iterdir())


def test_says_what_was_found(predictors, picture):
    result = analyse(predictors['flat'], picture)
    text = describe(result, 'flat')
    assert '**flat** found 1 person in 90 x 120 pixels.' in text
    assert '| 0 | 0, 0, 90, 120 | 1.00 | 0.90 |' in text
    nobody = SimpleNamespace(keypoints=np.zeros((0, 3, 2)), size=(90, 120))
    assert describe(nobody, 'flat') == '**flat** found nobody in this picture of 90 x 120 pixels.'


def test_a_picture_that_is_none_is_refused(predictors, tmp_path):
    (tmp_path / 'text.jpg').write_text('no picture')
    with pytest.raises(ValueError, match='text'):
        analyse(predictors['flat'], tmp_path / 'text.jpg')


def test_needs_a_method_and_gradio(predictors, monkeypatch):
    with pytest.raises(ValueError, match='at least one'):
        build_webdemo({})
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(ImportError, match=r'mmpose_ext\[webdemo\]'):
        build_webdemo(predictors)


@pytest.fixture
def address(predictors):
    pytest.importorskip('gradio', reason='the extra "webdemo" is not installed')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    page = build_webdemo(predictors)
    page.launch(server_name='127.0.0.1', server_port=port, prevent_thread_lock=True, quiet=True)
    yield f'http://127.0.0.1:{port}'
    page.close()


@pytest.fixture
def browser():
    playwright = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    chromium = shutil.which('chromium') or shutil.which('google-chrome')
    if chromium is None:
        pytest.skip('there is no Chromium: apt install chromium')
    # A closed network must not be asked for updates; the 3D view wants WebGL without a GPU.
    quiet = ['background-networking', 'component-update', 'sync', 'quic']
    options = ['--no-sandbox', '--no-first-run', '--use-angle=swiftshader']
    options += ['--enable-unsafe-swiftshader', *(f'--disable-{name}' for name in quiet)]
    with playwright.sync_playwright() as driver:
        chrome = driver.chromium.launch(executable_path=chromium, args=options)
        page = chrome.new_page(viewport=dict(width=1300, height=1000))
        page.set_default_timeout(60_000)
        yield page
        chrome.close()


def test_a_browser_shows_2d_and_3d(address, browser, picture, tmp_path):
    asked = []
    browser.on('request', lambda request: asked.append(request.url))
    browser.goto(address)
    button = browser.get_by_role('button', name='Find people')
    button.click()
    browser.get_by_text('There is no picture yet').wait_for()

    browser.set_input_files('input[type=file]', picture)
    browser.locator('img[src*="someone.png"]').wait_for()
    button.click()
    browser.get_by_text('found 1 person in 90 x 120 pixels').wait_for()
    drawn = browser.locator('img[src$="image.png"]')
    drawn.wait_for()
    assert drawn.evaluate('image => image.complete && image.naturalWidth') == 90
    assert browser.locator('canvas').count() == 0
    (person,) = download(browser, 'people.json').json()['images'][0]['people']
    assert 'joints_3d' not in person

    browser.get_by_label('3D', exact=True).check()
    button.click()
    canvas = browser.locator('canvas')
    canvas.wait_for()
    (person,) = download(browser, 'people.json').json()['images'][0]['people']
    assert person['joints_3d'] == JOINTS.tolist()
    assert download(browser, 'people.glb').body()[:4] == b'glTF'
    deadline = time.monotonic() + 30
    while colours(canvas) < 50:  # balls and sticks, shaded, instead of an empty view
        assert time.monotonic() < deadline, 'the 3D view stays empty'
        browser.wait_for_timeout(300)

    outside = [url for url in asked if not url.startswith((address, 'data:', 'blob:'))]
    assert outside == []  # nothing is fetched from the network


def download(page, name):
    """Fetch what a link of the page offers."""
    link = page.locator(f'a[download="{name}"]')
    return page.request.get(link.get_attribute('href'))


def colours(canvas):
    """How many colours a part of the page has."""
    pixels = cv2.imdecode(np.frombuffer(canvas.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    return len(np.unique(pixels.reshape(-1, 3), axis=0))
