"""Whole scenes at random: one person, or a crowd; and the camera's imperfections."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmpose_ext.synthetic.activities import ACTIVITY_NAMES, draw_pose
from mmpose_ext.synthetic.backdrop import draw_backdrop
from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.camera import Camera, frame_points, look_at
from mmpose_ext.synthetic.clothing import draw_outfit
from mmpose_ext.synthetic.labels import VISIBLE, PersonLabels, label_person
from mmpose_ext.synthetic.renderer import Rendering, render
from mmpose_ext.synthetic.scene import (
    Person,
    Prop,
    Scene,
    draw_betas,
    draw_light,
    draw_thing_colors,
    make_blob,
    make_box,
    make_seat,
    place_person,
)

MAX_PEOPLE = 12
# A crowd's nearest and farthest people differ in size by up to this.
SIZE_RANGE = 6.0
MIN_SIZE = 32
# What people do in easy pictures, and how far they turn from the camera, in radians.
EASY_ACTIVITIES = ('Standing', 'Posing', 'Waving', 'Walking')
_EASY_TURN = 0.7


@dataclass(frozen=True)
class Picture:
    """A finished picture with its labels.

    Attributes:
        scene (Scene): What it shows.
        rendering (Rendering): The clean picture, its depth and ids.
        image (np.ndarray): The picture as the camera takes it, BGR (H, W, 3) uint8.
        labels (list[PersonLabels]): Labels of all people, in the order of their ids.
    """

    scene: Scene
    rendering: Rendering
    image: np.ndarray
    labels: list[PersonLabels]


def _draw_person(
    body: BodyModel,
    rng: np.random.Generator,
    where: tuple[float, float],
    activity: str | None = None,
    yaws: tuple[float, float] = (0.0, 2 * np.pi),
) -> Person:
    """Draw a person at a place of the floor, turned from z towards x by one of ``yaws``."""
    drawn = draw_pose(rng, activity)
    lift = rng.uniform(0.03, 0.35) if drawn.support == 'air' else 0.0
    yaw = rng.uniform(*yaws)
    return place_person(body, drawn, draw_betas(rng), yaw, where, draw_outfit(rng), lift)


def _scatter_things(
    rng: np.random.Generator, people: list[Person], camera: Camera, most: int, reach: float
) -> list[Prop]:
    """Put up to ``most`` boxes and blobs on the floor around people, clear of them."""
    feet = np.array([p.transl[[0, 2]] for p in people])
    eye = camera.center[[0, 2]]
    things = []
    for _ in range(rng.integers(0, most + 1)):
        size = rng.uniform(0.12, 0.6, 3) * (1, rng.uniform(0.6, 2.2), 1)
        place = feet.mean(0) + rng.uniform(-reach, reach, 2)
        clear = np.linalg.norm(feet - place, axis=1).min() > 0.75 + size[[0, 2]].max()
        if not clear or np.linalg.norm(eye - place) < 1.0:
            continue
        center = np.array([place[0], size[1], place[1]])
        if rng.random() < 0.6:
            yaw = rng.uniform(0, np.pi)
            things.append(make_box(center, size, yaw, draw_thing_colors(rng, 6)))
        else:
            things.append(make_blob(center, size, rng, draw_thing_colors(rng, 144)))
    return things


def _occluder(rng: np.random.Generator, person: Person, camera: Camera) -> Prop | None:
    """Put a box, a post or a blob between the camera and a point of a person."""
    target = person.vertices[rng.integers(len(person.vertices))]
    eye = camera.center
    place = eye + (target - eye) * rng.uniform(0.55, 0.85)
    gap = np.linalg.norm(person.vertices - place, axis=1).min()
    scale = min(0.9 * gap, 0.5 * np.linalg.norm(target - eye))
    if scale < 0.06 or place[1] < 0.03:
        return None
    kind = rng.integers(4)
    yaw = rng.uniform(0, np.pi)
    if kind == 0:  # a post
        half = np.array([rng.uniform(0.02, 0.07), 1.6, rng.uniform(0.02, 0.07)])
        return make_box(place * (1, 0, 1) + (0, 1.6, 0), half, yaw, draw_thing_colors(rng, 6))
    if kind == 1:  # a crate or a wall up to the place
        half = np.array([min(scale, rng.uniform(0.15, 0.6)), place[1] / 2, min(scale, 0.2)])
        return make_box(place * (1, 0.5, 1), half, yaw, draw_thing_colors(rng, 6))
    half = np.minimum(scale, rng.uniform(0.06, 0.22, 3))
    if kind == 2:  # a board that hangs there
        return make_box(place, half, yaw, draw_thing_colors(rng, 6))
    return make_blob(place, half, rng, draw_thing_colors(rng, 144))


def stage_single(body: BodyModel, rng: np.random.Generator, size: int) -> Scene:
    """Draw a scene with one person.

    Args:
        body (BodyModel): The body.
        rng (np.random.Generator): Source of randomness.
        size (int): Width and height of the image in pixels.

    Returns:
        Scene: The scene. One in eight images cuts the person off, one in three has
        something between camera and person.
    """
    person = _draw_person(body, rng, (0.0, 0.0))
    cut_off = rng.random() < 0.125
    fill, shift = ((1.0, 1.5), 0.12) if cut_off else ((0.55, 0.97), 0.08)
    camera = frame_points(person.vertices, rng, size, size, fill, shift)
    props = [make_seat(person, rng)] if person.support == 'seat' else []
    props += _scatter_things(rng, [person], camera, 4, 3.5)
    if rng.random() < 0.36:
        occluder = _occluder(rng, person, camera)
        props += [occluder] if occluder is not None else []
    light = draw_light(rng, camera)
    return Scene([person], camera, light, draw_backdrop(rng, camera, person.vertices), props)


def stage_easy(body: BodyModel, rng: np.random.Generator, size: int) -> Scene:
    """Draw a scene with one person who is easy to see.

    Args:
        body (BodyModel): The body.
        rng (np.random.Generator): Source of randomness.
        size (int): Width and height of the image in pixels.

    Returns:
        Scene: The scene. The person is upright, whole, faces the camera within 40 degrees or
        so, fills most of the image, and nothing is put before it on purpose.
    """
    activity = str(rng.choice(EASY_ACTIVITIES))
    person = _draw_person(body, rng, (0.0, 0.0), activity, (-_EASY_TURN, _EASY_TURN))
    camera = frame_points(person.vertices, rng, size, size, (0.75, 0.95), 0.03, (0.0, 0.0))
    props = _scatter_things(rng, [person], camera, 4, 3.5)
    light = draw_light(rng, camera)
    return Scene([person], camera, light, draw_backdrop(rng, camera, person.vertices), props)


def stage_crowd(body: BodyModel, rng: np.random.Generator, size: int, count: int) -> Scene:
    """Draw a scene with several people at distances that differ by a factor of six.

    Args:
        body (BodyModel): The body.
        rng (np.random.Generator): Source of randomness.
        size (int): Width and height of the image in pixels.
        count (int): Number of people.

    Returns:
        Scene: The scene.
    """
    near = rng.uniform(2.2, 3.2)
    height = rng.uniform(1.1, 2.6)
    # A standing person at the nearest place fills most of the image.
    focal = rng.uniform(0.72, 0.95) * size * near / 1.75
    camera = look_at(
        np.array([0.0, height, 0.0]),
        np.array([0.0, height - rng.uniform(0.15, 0.3) * near * height / 2.2, near]),
        rng.normal(0, 2.0),
        focal,
        size,
        size,
    )
    people: list[Person] = []
    places = _crowd_places(rng, count, near, 0.42 * size / focal)
    # Few lie down: standing people are what hides each other.
    for place in places:
        lively = ACTIVITY_NAMES[: ACTIVITY_NAMES.index('Lying')]
        activity = str(rng.choice(lively)) if rng.random() < 0.45 else None
        people.append(_draw_person(body, rng, place, activity))
    props = [make_seat(p, rng) for p in people if p.support == 'seat']
    props += _scatter_things(rng, people, camera, 5, 4.0)
    if rng.random() < 0.3:
        occluder = _occluder(rng, people[rng.integers(count)], camera)
        props += [occluder] if occluder is not None else []
    light = draw_light(rng, camera)
    skins = np.concatenate([p.vertices for p in people])
    return Scene(people, camera, light, draw_backdrop(rng, camera, skins), props)


def stage_easy_crowd(body: BodyModel, rng: np.random.Generator, size: int, count: int) -> Scene:
    """Draw a scene with several people who are easy to see, of sizes that differ up to six times.

    Args:
        body (BodyModel): The body.
        rng (np.random.Generator): Source of randomness.
        size (int): Width and height of the image in pixels.
        count (int): Number of people.

    Returns:
        Scene: The scene. The people are upright, face the camera within 40 degrees or so and stand
        beside each other as the camera sees them; nothing else stands there.
    """
    near = rng.uniform(2.6, 3.2)
    height = rng.uniform(1.0, 1.5)
    # Reaching up, a person at the nearest place still fits into the image.
    focal = rng.uniform(0.65, 0.75) * size * near / 1.75
    eye, target = np.array([0.0, height, 0.0]), np.array([0.0, 0.95, near])
    camera = look_at(eye, target, rng.normal(0, 1.0), focal, size, size)
    people = []
    for place in _easy_crowd_places(rng, count, near, 0.5 * size / focal):
        activity = str(rng.choice(EASY_ACTIVITIES))
        yaws = (np.pi - _EASY_TURN, np.pi + _EASY_TURN)
        people.append(_draw_person(body, rng, place, activity, yaws))
    light = draw_light(rng, camera)
    skins = np.concatenate([p.vertices for p in people])
    return Scene(people, camera, light, draw_backdrop(rng, camera, skins), [])


def _easy_crowd_places(
    rng: np.random.Generator, count: int, near: float, half_width: float
) -> list[tuple[float, float]]:
    """Draw places on the floor, as ``_crowd_places`` does, that lie beside each other in the image.

    ``half_width`` is that of the image, as x / z. If a crowd does not fit beside each other, its
    people move away from the camera.
    """
    while True:
        shares = np.sort(rng.uniform(0, 1, count))
        if count > 1:
            shares[0], shares[-1] = shares[0] / 3, 1 - (1 - shares[-1]) / 3
        depths = near * SIZE_RANGE**shares
        # Half of the room that arms and stride take, as x / z.
        reach = 0.45 / depths
        gap = 2 * (half_width - reach.sum())
        if gap > 0:
            break
        near *= 1.05
    order = rng.permutation(count)
    # What is left of the width is shared out between and beside them.
    gaps = np.diff(np.sort(rng.uniform(0, gap, count)), prepend=0.0)
    right = np.cumsum(gaps + 2 * reach[order])
    middles = -half_width + right - reach[order]
    return [(float(x * z), float(z)) for x, z in zip(middles, depths[order], strict=True)]


def _crowd_places(
    rng: np.random.Generator, count: int, near: float, spread: float
) -> list[tuple[float, float]]:
    """Draw places on the floor before a camera at the origin that looks along z.

    Distances are log-uniform over ``SIZE_RANGE``, the first person's over its nearest and
    the second's over its farthest third. Half of the others stand close to someone. No two
    are nearer to each other than 0.5 m.
    """
    places: list[tuple[float, float]] = []
    thirds = {0: (0.0, 1 / 3), 1: (2 / 3, 1.0)}
    while len(places) < count:
        share = rng.uniform(*thirds.get(len(places), (0.0, 1.0)))
        z = near * SIZE_RANGE**share
        x = rng.uniform(-spread, spread) * z
        if len(places) > 1 and rng.random() < 0.5:
            friend = places[rng.integers(len(places))]
            x, z = np.array(friend) + rng.uniform(-0.9, 0.9, 2)
        inside = near <= z <= SIZE_RANGE * near and abs(x) <= spread * z
        apart = all(np.hypot(x - px, z - pz) > 0.5 for px, pz in places)
        if inside and apart:
            places.append((float(x), float(z)))
    return places


def take_photo(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add what a camera adds: exposure, contrast, colour cast, blur and noise.

    Args:
        image (np.ndarray): Clean BGR image (H, W, 3) uint8.
        rng (np.random.Generator): Source of randomness.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.
    """
    gamma = np.exp(rng.normal(0, 0.16))
    # Automatic exposure towards a mean brightness that varies.
    gain = np.clip(rng.uniform(85, 150) / max(image.mean(), 1), 0.75, 1.6)
    cast = 1 + 0.035 * rng.standard_normal(3)
    levels = np.linspace(0, 1, 256)[:, None] ** gamma * gain * cast * 255
    table = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[None])
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    strength = rng.uniform(0, 6)
    noise = rng.standard_normal(image.shape[:2], dtype=np.float32) * np.float32(strength)
    grain = np.repeat(np.rint(noise).astype(np.int16)[..., None], 3, axis=2)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _good_single(labels: PersonLabels, pixels: int) -> bool:
    """Whether enough of the person can be seen to learn from."""
    enough = (labels.coco_visibility > 0).sum() >= 8
    return bool(
        enough and (labels.coco_visibility == VISIBLE).sum() >= 5 and labels.area >= 0.015 * pixels
    )


def make_single(
    body: BodyModel, rng: np.random.Generator, size: int, easy: bool = False
) -> Picture:
    """Make a picture of one person, of whom at least 5 keypoints are visible.

    Args:
        body (BodyModel): The body.
        rng (np.random.Generator): Source of randomness.
        size (int): Width and height in pixels.
        easy (bool): Whether to keep to what a small network learns in minutes; see
            :func:`stage_easy`. Defaults to False.

    Returns:
        Picture: The picture.

    Raises:
        ValueError: If the size is below 32 pixels.
    """
    _check_size(size)
    while True:
        scene = (stage_easy if easy else stage_single)(body, rng, size)
        rendering = render(scene, body)
        labels = label_person(scene, 1, rendering, body)
        if _good_single(labels, size * size):
            return Picture(scene, rendering, take_photo(rendering.image, rng), [labels])


def make_crowd(
    body: BodyModel,
    rng: np.random.Generator,
    size: int,
    people: tuple[int, int] = (1, MAX_PEOPLE),
    easy: bool = False,
) -> Picture:
    """Make a picture of a crowd.

    Args:
        body (BodyModel): The body.
        rng (np.random.Generator): Source of randomness.
        size (int): Width and height in pixels.
        people (tuple[int, int]): Fewest and most people. Defaults to (1, 12).
        easy (bool): Whether to keep to what a small network learns in minutes; see
            :func:`stage_easy_crowd`. Defaults to False.

    Returns:
        Picture: The picture. Some people may be hidden altogether: their area is 0.

    Raises:
        ValueError: If the size is below 32 pixels, or the numbers of people not in 1..12.
    """
    _check_size(size)
    low, high = people
    if not 1 <= low <= high <= MAX_PEOPLE:
        raise ValueError(
            f'a crowd has 1 to {MAX_PEOPLE} people, the fewest not above the most; got {people}'
        )
    stage = stage_easy_crowd if easy else stage_crowd
    scene = stage(body, rng, size, int(rng.integers(low, high + 1)))
    rendering = render(scene, body)
    labels = [label_person(scene, k + 1, rendering, body) for k in range(len(scene.people))]
    return Picture(scene, rendering, take_photo(rendering.image, rng), labels)


def _check_size(size: int) -> None:
    """Refuse images too small to show anything."""
    if size < MIN_SIZE:
        raise ValueError(f'images must be at least {MIN_SIZE} pixels wide, got {size}')
