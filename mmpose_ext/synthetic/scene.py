"""Scenes: people, things around them, light, camera; and how they are drawn at random."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from mmpose_ext.synthetic.activities import DrawnPose
from mmpose_ext.synthetic.backdrop import Backdrop
from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.camera import Camera
from mmpose_ext.synthetic.clothing import Outfit
from mmpose_ext.synthetic.poses import angles_to_pose
from mmpose_ext.synthetic.skeleton import JOINT
from mmpose_ext.synthetic.skinning import pose_body

# Standard normal shape coefficients are cut off here, as SMPL's users do.
MAX_BETA = 2.5


@dataclass(frozen=True)
class Person:
    """A person in the world.

    Attributes:
        activity (str): What the person does.
        betas (np.ndarray): SMPL's shape coefficients (10,).
        pose (np.ndarray): SMPL's axis-angle vectors (24, 3), the root first.
        transl (np.ndarray): Place (3,) of the pelvis in metres.
        vertices (np.ndarray): Skin (V, 3) in metres.
        normals (np.ndarray): Unit normals (V, 3).
        joints (np.ndarray): SMPL's joints (24, 3) in metres.
        outfit (Outfit): What the person wears.
        support (str): What carries the person; see :class:`activities.Activity`.
    """

    activity: str
    betas: np.ndarray
    pose: np.ndarray
    transl: np.ndarray
    vertices: np.ndarray
    normals: np.ndarray
    joints: np.ndarray
    outfit: Outfit
    support: str


@dataclass(frozen=True)
class Prop:
    """A thing: a closed mesh with one colour per face.

    Attributes:
        vertices (np.ndarray): Vertices (V, 3) in metres.
        faces (np.ndarray): Triangles (F, 3), counter-clockwise seen from outside.
        colors (np.ndarray): Colours (F, 3), BGR in 0..1.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray


@dataclass(frozen=True)
class Light:
    """Sun or lamp, and what comes from all sides.

    Attributes:
        direction (np.ndarray): Unit vector (3,) towards the lamp.
        lamp (np.ndarray): Colour (3,) of its light, BGR.
        ambient (np.ndarray): Colours (2, 3) of the light from above and from below.
    """

    direction: np.ndarray
    lamp: np.ndarray
    ambient: np.ndarray


@dataclass
class Scene:
    """Everything that a picture shows.

    Attributes:
        people (list[Person]): The people.
        props (list[Prop]): The things.
        camera (Camera): The camera.
        light (Light): The light.
        backdrop (Backdrop): What is behind.
    """

    people: list[Person]
    camera: Camera
    light: Light
    backdrop: Backdrop
    props: list[Prop] = field(default_factory=list)


def place_person(
    body: BodyModel,
    drawn: DrawnPose,
    betas: np.ndarray,
    yaw: float,
    where: tuple[float, float],
    outfit: Outfit,
    lift: float = 0.0,
) -> Person:
    """Put a person on the floor.

    Args:
        body (BodyModel): The body.
        drawn (DrawnPose): What the person does.
        betas (np.ndarray): Shape coefficients (10,).
        yaw (float): Heading in radians; at 0 the person faces along z.
        where (tuple[float, float]): Place of the pelvis on the floor, x and z in metres.
        outfit (Outfit): What the person wears.
        lift (float): Height of the lowest point above the floor in metres. Defaults to 0.

    Returns:
        Person: The person.
    """
    pose = angles_to_pose(drawn.angles[None])
    pitch, roll = drawn.tilt
    root = Rotation.from_euler('YXZ', [np.rad2deg(yaw), pitch, -roll], degrees=True)
    pose[0, 0] = root.as_rotvec()
    vertices, joints, normals = pose_body(body, betas[None], pose, np.zeros((1, 3)))
    transl = np.array([where[0], lift - vertices[0, :, 1].min(), where[1]])
    return Person(
        drawn.activity,
        betas,
        pose[0],
        transl,
        vertices[0] + transl,
        normals[0],
        joints[0] + transl,
        outfit,
        drawn.support,
    )


def draw_betas(rng: np.random.Generator) -> np.ndarray:
    """Draw shape coefficients (10,) of an adult: standard normal, cut at ``MAX_BETA``."""
    return np.clip(rng.standard_normal(10), -MAX_BETA, MAX_BETA)


def draw_light(rng: np.random.Generator, camera: Camera) -> Light:
    """Draw a light: somewhere above, more often from the camera's side.

    Args:
        rng (np.random.Generator): Source of randomness.
        camera (Camera): The camera.

    Returns:
        Light: The light.
    """
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.3)
    sun = np.array([np.cos(azimuth), height, np.sin(azimuth)])
    sun -= 0.6 * camera.R[2] * (1, 0, 1)
    warm = rng.normal(0, 0.05)
    lamp = rng.uniform(0.4, 0.9) * np.array([1 - warm, 1, 1 + warm])
    sky = rng.uniform(0.45, 0.72) * np.array([1 + warm, 1, 1 - warm])
    return Light(sun / np.linalg.norm(sun), lamp, np.stack([sky, sky * rng.uniform(0.45, 0.7)]))


def draw_thing_colors(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw colours (count, 3) of a thing whose faces differ a little."""
    base = rng.uniform(0.06, 0.85) * (1 + 0.35 * rng.standard_normal(3))
    return np.clip(base * rng.uniform(0.88, 1.12, (count, 1)), 0.02, 0.95)


_CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
_CUBE_FACES = np.array(
    [
        *([0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5]),
        *([0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6]),
        *([0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]),
    ]
)


def make_box(center: np.ndarray, half: np.ndarray, yaw: float, colors: np.ndarray) -> Prop:
    """Make a box.

    Args:
        center (np.ndarray): Middle (3,) in metres.
        half (np.ndarray): Half its extent (3,) in metres.
        yaw (float): Turn about the vertical in radians.
        colors (np.ndarray): Colours (6, 3) of its sides.

    Returns:
        Prop: The box.
    """
    turn = Rotation.from_euler('y', yaw).as_matrix()
    return Prop((_CUBE * half) @ turn.T + center, _CUBE_FACES, np.repeat(colors, 2, axis=0))


def _ball_mesh(rings: int = 7, sectors: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Give a closed unit ball: vertices and faces."""
    polar = np.pi * np.arange(1, rings) / rings
    turn = 2 * np.pi * np.arange(sectors) / sectors
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(turn)),
            np.repeat(np.cos(polar)[:, None], sectors, 1),
            np.outer(np.sin(polar), np.sin(turn)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    vertices = np.concatenate([ring, [[0, 1, 0], [0, -1, 0]]])
    k, n = np.arange(sectors), (np.arange(sectors) + 1) % sectors
    top, bottom, last = len(ring), len(ring) + 1, (rings - 2) * sectors
    bands = [
        np.stack([a + k, a + n, b + n, a + k, b + n, b + k], 1).reshape(-1, 3)
        for a, b in ((r * sectors, (r + 1) * sectors) for r in range(rings - 2))
    ]
    caps = [np.stack([np.full(sectors, top), n, k], 1)]
    caps.append(np.stack([np.full(sectors, bottom), last + k, last + n], 1))
    return vertices, np.concatenate([*bands, *caps])


_BALL, _BALL_FACES = _ball_mesh()


def make_blob(
    center: np.ndarray, half: np.ndarray, rng: np.random.Generator, colors: np.ndarray
) -> Prop:
    """Make a bumpy ellipsoid: a bush, a bag, a cushion.

    Args:
        center (np.ndarray): Middle (3,) in metres.
        half (np.ndarray): Half its extent (3,) in metres.
        rng (np.random.Generator): Source of the bumps.
        colors (np.ndarray): Colours (F, 3) of its faces.

    Returns:
        Prop: The blob.
    """
    bumps = rng.uniform(0.8, 1.15, (len(_BALL), 1))
    return Prop(_BALL * bumps * half + center, _BALL_FACES, colors)


def make_seat(person: Person, rng: np.random.Generator) -> Prop:
    """Put a box under someone who sits.

    Args:
        person (Person): The person.
        rng (np.random.Generator): Source of size and colour.

    Returns:
        Prop: The box, from the floor up to the person's seat.
    """
    hips = person.joints[[JOINT['left_hip'], JOINT['right_hip']]].mean(0)
    height = max(hips[1] - 0.085, 0.08)
    forward = Rotation.from_rotvec(person.pose[0]).apply([0.0, 0.0, 1.0])
    heading = np.arctan2(forward[0], forward[2])
    half = np.array([rng.uniform(0.2, 0.45), height / 2, rng.uniform(0.19, 0.24)])
    back = half[2] - 0.16
    center = np.array([hips[0], height / 2, hips[2]])
    center -= back * np.array([np.sin(heading), 0, np.cos(heading)])
    return make_box(center, half, heading, draw_thing_colors(rng, 6))
