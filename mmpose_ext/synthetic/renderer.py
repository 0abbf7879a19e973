"""Deferred shading: what each pixel shows, then its colour."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmpose_ext.synthetic.backdrop import render_backdrop
from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.camera import Camera
from mmpose_ext.synthetic.clothing import body_colors
from mmpose_ext.synthetic.rasterizer import Fragments, rasterize
from mmpose_ext.synthetic.scene import Light, Scene

# Person ids: 0 background, 1..N people, this for things.
PROP_ID = 255
# Part ids: 0..23 the joint that moves the part most, this where there is no person.
NO_PART = 255


@dataclass(frozen=True)
class Rendering:
    """A picture and what is in it, pixel by pixel.

    Attributes:
        image (np.ndarray): BGR image (H, W, 3) uint8.
        depth (np.ndarray): Depth (H, W) in metres of people and things, float64,
            infinite where only the backdrop is seen.
        person_id (np.ndarray): 0 backdrop, 1..N people, 255 things; (H, W) uint8.
        part_id (np.ndarray): Part (H, W) uint8 of a person, as the SMPL joint that moves
            it, 255 where no person is.
    """

    image: np.ndarray
    depth: np.ndarray
    person_id: np.ndarray
    part_id: np.ndarray


@dataclass(frozen=True)
class _Geometry:
    """All meshes of a scene in one: people first, then things."""

    vertices: np.ndarray
    faces: np.ndarray
    owner: np.ndarray
    num_body_vertices: int
    num_body_faces: int


def _gather(scene: Scene, body: BodyModel) -> _Geometry:
    """Join the meshes of a scene."""
    people, props = scene.people, scene.props
    vertices = [p.vertices for p in people] + [p.vertices for p in props]
    faces = [body.faces] * len(people) + [p.faces for p in props]
    starts = np.cumsum([0] + [len(v) for v in vertices[:-1]])
    ids = [*range(1, len(people) + 1), *[PROP_ID] * len(props)]
    return _Geometry(
        np.concatenate(vertices),
        np.concatenate([f + s for f, s in zip(faces, starts, strict=True)]),
        np.repeat(np.array(ids, dtype=np.uint8), [len(f) for f in faces]),
        len(people) * body.num_vertices,
        len(people) * len(body.faces),
    )


def _light_up(normals: np.ndarray, light: Light) -> np.ndarray:
    """Give the light (P, 3) that falls on surfaces: Lambert's law and a sky."""
    lamp = np.maximum(normals @ light.direction, 0)[:, None] * light.lamp
    up = (0.5 + 0.5 * normals[:, 1])[:, None]
    return lamp + light.ambient[1] + (light.ambient[0] - light.ambient[1]) * up


def _shade_people(
    scene: Scene, body: BodyModel, faces: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Give the colours (P, 3) of pixels that show people."""
    F = len(body.faces)
    number, corners = faces // F, body.faces[faces % F]
    weights = weights.astype(np.float32)
    rest = _interpolate(body.v_template.astype(np.float32), corners, weights)
    normals = np.stack([p.normals for p in scene.people]).astype(np.float32)
    V = body.num_vertices
    normal = _interpolate(normals.reshape(-1, 3), corners + number[:, None] * V, weights)
    # Folds of cloth: the light plays on them although the shape is smooth.
    fold = np.sin(rest @ np.array([[31, 17, 11], [-23, 29, 7], [13, -19, 37]], np.float32))
    normal += 0.10 * fold
    normal /= np.sqrt(np.einsum('ij,ij->i', normal, normal))[:, None]
    colors = np.empty_like(rest)
    for index, person in enumerate(scene.people):
        own = number == index if len(scene.people) > 1 else slice(None)
        colors[own] = body_colors(rest[own], person.outfit)
    return colors * _light_up(normal, scene.light)


def _interpolate(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mix the values of three corners."""
    return np.einsum('pci,pc->pi', values[corners], weights)


def _shade_props(scene: Scene, faces: np.ndarray) -> np.ndarray:
    """Give the colours (P, 3) of pixels that show things."""
    normals, colors = [], []
    for prop in scene.props:
        p = prop.vertices[prop.faces]
        normal = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        normals.append(normal / np.linalg.norm(normal, axis=1, keepdims=True))
        colors.append(prop.colors)
    lit = np.concatenate(colors) * _light_up(np.concatenate(normals), scene.light)
    return lit[faces]


_SHADOW_CELLS = 96


def _spread(steps: int) -> np.ndarray:
    """Give barycentric weights (S, 3) of points spread evenly over a triangle."""
    pairs = [(i, j) for i in range(steps + 1) for j in range(steps + 1 - i)]
    return np.array([(i, j, steps - i - j) for i, j in pairs]) / steps


# The large faces of a box need many points, the small ones of a blob few.
_MANY, _FEW = _spread(15), _spread(2)


def _shadow(scene: Scene, geometry: _Geometry, floor: tuple) -> np.ndarray:
    """Give how dark (H, W) the floor is where the lamp does not reach: 0 to 1.

    Vertices are thrown onto the floor along the light and smeared out: soft shadows.
    """
    sun = scene.light.direction
    # Things have few vertices: take points all over their faces.
    clouds = [geometry.vertices[: geometry.num_body_vertices]]
    for prop in scene.props:
        weights = _MANY if len(prop.faces) <= 12 else _FEW
        clouds.append((weights @ prop.vertices[prop.faces]).reshape(-1, 3))
    v = np.concatenate(clouds)
    thrown = v[:, [0, 2]] - v[:, 1:2] * sun[[0, 2]] / max(sun[1], 0.25)
    low = thrown.min(0) - 0.4
    cell = (thrown.max(0) + 0.4 - low) / _SHADOW_CELLS
    where = ((thrown - low) / cell).astype(np.int64)
    grid = np.zeros((_SHADOW_CELLS, _SHADOW_CELLS), np.float32)
    grid[where[:, 1], where[:, 0]] = 1
    sigma = np.maximum(0.045 / cell, 0.8)
    grid = cv2.GaussianBlur(cv2.dilate(grid, np.ones((3, 3))), (0, 0), sigma[0], sigmaY=sigma[1])
    at = [(f - np.float32(low[k])) * np.float32(1 / cell[k]) for k, f in enumerate(floor)]
    return cv2.remap(grid, at[0], at[1], cv2.INTER_LINEAR, borderValue=0)


def _soften_edges(image: np.ndarray, person_id: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Blend the pixels at outlines, where the z-buffer leaves stairs."""
    near = np.minimum(depth, 1e3).astype(np.float32)
    jump = np.zeros(person_id.shape, bool)
    for axis in (0, 1):
        step = np.abs(np.diff(near, axis=axis)) > 0.06
        step |= np.diff(person_id, axis=axis) != 0
        before, after = [slice(None)] * 2, [slice(None)] * 2
        before[axis], after[axis] = slice(0, -1), slice(1, None)
        jump[tuple(before)] |= step
        jump[tuple(after)] |= step
    soft = cv2.GaussianBlur(image, (3, 3), 0.7)
    np.copyto(image, soft, where=jump[..., None])
    return image


def render(scene: Scene, body: BodyModel) -> Rendering:
    """Take a picture of a scene.

    Args:
        scene (Scene): The scene.
        body (BodyModel): The body of its people.

    Returns:
        Rendering: The picture, without noise or blur, and its depth, person and part ids.
    """
    camera: Camera = scene.camera
    H, W = camera.height, camera.width
    geometry = _gather(scene, body)
    seen = rasterize(camera.to_camera(geometry.vertices), geometry.faces, camera.K, (H, W))
    image, is_floor, floor = render_backdrop(scene.backdrop, camera)
    image *= (scene.light.ambient[0] + 0.45 * scene.light.lamp).astype(np.float32)
    dark = _shadow(scene, geometry, floor) * is_floor
    image *= (1 - np.float32(0.5) * dark)[..., None]

    person_id = np.zeros(H * W, np.uint8)
    part_id = np.full(H * W, NO_PART, np.uint8)
    person_id[seen.pixels] = geometry.owner[seen.faces]
    flat = image.reshape(-1, 3)
    _paint(flat, part_id, scene, body, geometry, seen)
    person_id = person_id.reshape(H, W)
    image = _soften_edges(image, person_id, seen.depth)
    image = cv2.convertScaleAbs(np.maximum(image, 0), alpha=255)
    return Rendering(image, seen.depth, person_id, part_id.reshape(H, W))


def _paint(
    flat: np.ndarray,
    part_id: np.ndarray,
    scene: Scene,
    body: BodyModel,
    geometry: _Geometry,
    seen: Fragments,
) -> None:
    """Colour the covered pixels of a flat image (H * W, 3) and mark their parts, in place."""
    human = seen.faces < geometry.num_body_faces
    if human.any():
        faces, pixels = seen.faces[human], seen.pixels[human]
        flat[pixels] = _shade_people(scene, body, faces, seen.barycentric[human])
        part_id[pixels] = body.face_parts[faces % len(body.faces)]
    if not human.all():
        faces = seen.faces[~human] - geometry.num_body_faces
        flat[seen.pixels[~human]] = _shade_props(scene, faces)
