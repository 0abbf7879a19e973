"""The mannequin: a procedural human body with the parts of an SMPL model."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmpose_ext.synthetic import deformation
from mmpose_ext.synthetic.anatomy import body_field, field_gradient
from mmpose_ext.synthetic.skeleton import (
    COCO_MIXTURE,
    H36M_MIXTURE,
    LANDMARK_NAMES,
    PELVIS_HEIGHT,
    rest_joints,
)
from mmpose_ext.synthetic.surface import project_to_surface, ray_to_surface, surface_nets

SMPL_NUM_VERTICES = 6890
LEVELS = ('coarse', 'full')

# Places of the skin that have a name: (start inside the body, direction), both for the
# left side, heights above the soles. The first six are LANDMARK_NAMES.
_PLACES = {
    'nose': ((0.0, 1.570, 0.05), (0.0, 0.0, 1.0)),
    'eye': ((0.031, 1.604, 0.03), (0.0, 0.0, 1.0)),
    'ear': ((0.03, 1.580, -0.004), (1.0, 0.0, 0.0)),
    'crown': ((0.0, 1.60, -0.01), (0.0, 1.0, 0.0)),
    'thumb': ((0.77, 1.382, 0.046), (0.8, 0.0, 0.6)),
    'index': ((0.82, 1.384, 0.010), (1.0, 0.0, 0.25)),
    'middle': ((0.82, 1.384, -0.006), (1.0, 0.0, 0.0)),
    'ring': ((0.82, 1.384, -0.018), (1.0, 0.0, -0.1)),
    'pinky': ((0.82, 1.384, -0.032), (1.0, 0.0, -0.35)),
    'BigToe': ((0.105, 0.020, 0.10), (0.0, 0.0, 1.0)),
    'SmallToe': ((0.140, 0.020, 0.08), (0.45, 0.0, 1.0)),
    'Heel': ((0.106, 0.025, -0.04), (0.0, 0.0, -1.0)),
}
# Vertex numbers that the smplx library looks up in a body of 6890 vertices
# (smplx.vertex_ids, SMPL-H's table): an interface that the vertex order has to meet.
SMPLX_VERTEX_IDS = {
    **{'nose': 332, 'reye': 6260, 'leye': 2800, 'rear': 4071, 'lear': 583},
    **{'rthumb': 6191, 'rindex': 5782, 'rmiddle': 5905, 'rring': 6016, 'rpinky': 6133},
    **{'lthumb': 2746, 'lindex': 2319, 'lmiddle': 2445, 'lring': 2556, 'lpinky': 2673},
    **{'LBigToe': 3216, 'LSmallToe': 3226, 'LHeel': 3387},
    **{'RBigToe': 6617, 'RSmallToe': 6624, 'RHeel': 6787},
}


@dataclass(frozen=True)
class BodyModel:
    """A skinned body as in an SMPL file; see Loper et al., SIGGRAPH Asia 2015.

    Attributes:
        v_template (np.ndarray): Vertices (V, 3) of the T-pose in metres.
        faces (np.ndarray): Triangles (F, 3), counter-clockwise seen from outside.
        weights (np.ndarray): Skinning weights (V, 24).
        J_regressor (np.ndarray): SMPL's joints from vertices, (24, V).
        J_regressor_coco (np.ndarray): COCO's keypoints from vertices, (17, V).
        J_regressor_h36m (np.ndarray): Keypoints in MMPose's Human3.6M order, (17, V).
        shapedirs (np.ndarray): Shape directions (V, 3, 10), metres per unit.
        posedirs (np.ndarray): Pose correctives (V, 3, 207) in metres.
        normals (np.ndarray): Outward normals (V, 3) of the T-pose.
        face_parts (np.ndarray): For each face the joint (F,) that moves it most.
        landmark_ids (np.ndarray): Vertices (6,) of the ``LANDMARK_NAMES``.
    """

    v_template: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    J_regressor: np.ndarray
    J_regressor_coco: np.ndarray
    J_regressor_h36m: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    normals: np.ndarray
    face_parts: np.ndarray
    landmark_ids: np.ndarray

    @property
    def num_vertices(self) -> int:
        """Number of vertices."""
        return len(self.v_template)


@lru_cache(maxsize=2)
def build_body(level: str = 'coarse') -> BodyModel:
    """Build the mannequin.

    Both levels have the same skin, joints and deformations, sampled differently.

    Args:
        level (str): ``'coarse'``, some 1,500 vertices for rendering, or ``'full'``, 6890
            vertices, with those that the smplx library asks for by number in their places.
            Defaults to ``'coarse'``.

    Returns:
        BodyModel: The body. It is shared: its arrays are read-only.

    Raises:
        ValueError: If ``level`` is neither.
    """
    if level not in LEVELS:
        raise ValueError(f'level must be one of {LEVELS}, got {level!r}')
    vertices, faces = surface_nets(body_field, _grid(level))
    if level == 'full':
        vertices, faces = _split_edges(vertices, faces, SMPL_NUM_VERTICES)
    vertices = project_to_surface(vertices, body_field, field_gradient)
    places = named_places()
    wanted = list(LANDMARK_NAMES) if level == 'coarse' else [*SMPLX_VERTEX_IDS, 'crown']
    place_ids = _snap(vertices, np.stack([places[name] for name in wanted]))
    if level == 'full':
        order = _order_by_id(len(vertices), place_ids[:-1], list(SMPLX_VERTEX_IDS.values()))
        rank = np.argsort(order)
        vertices, faces, place_ids = vertices[order], rank[faces], rank[place_ids]
        by_name = dict(zip(wanted, place_ids, strict=True))
        place_ids = np.array([by_name[_SMPLX_NAME[name]] for name in LANDMARK_NAMES])
    body = _flesh_out(vertices, faces, place_ids)
    for array in vars(body).values():
        array.flags.writeable = False
    return body


_SMPLX_NAME = {
    **{'nose': 'nose', 'left_eye': 'leye', 'right_eye': 'reye'},
    **{'left_ear': 'lear', 'right_ear': 'rear', 'crown': 'crown'},
}


def _flesh_out(vertices: np.ndarray, faces: np.ndarray, landmark_ids: np.ndarray) -> BodyModel:
    """Add to a mesh everything that is a function of the T-pose."""
    weights = deformation.skinning_weights(vertices)
    shapedirs = deformation.shape_directions(vertices, weights)
    normals = field_gradient(vertices)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    regressor = _joint_regressor(vertices, shapedirs)
    sources = np.zeros((24 + len(landmark_ids), len(vertices)))
    sources[:24] = regressor
    sources[np.arange(24, len(sources)), landmark_ids] = 1
    return BodyModel(
        v_template=vertices,
        faces=faces,
        weights=weights,
        J_regressor=regressor,
        J_regressor_coco=COCO_MIXTURE @ sources,
        J_regressor_h36m=H36M_MIXTURE @ sources,
        shapedirs=shapedirs,
        posedirs=deformation.pose_correctives(weights, normals),
        normals=normals,
        face_parts=weights[faces].sum(1).argmax(1),
        landmark_ids=landmark_ids,
    )


def _joint_regressor(vertices: np.ndarray, shapedirs: np.ndarray) -> np.ndarray:
    """Find sparse rows that give the joints of the mean body and of every shape exactly.

    For each joint the weights of the nearest vertices, Gaussian at first, are changed as
    little as possible such that they sum to 1 and reproduce the joint and its motion
    along all shape directions: a least-norm solution of 34 linear equations.
    """
    joints, moves = rest_joints(), deformation.shape_of_joints()
    regressor = np.zeros((24, len(vertices)))
    support = max(80, len(vertices) // 20)
    for row, (joint, move) in enumerate(zip(joints, moves, strict=True)):
        distance = np.linalg.norm(vertices - joint, axis=1)
        near = np.argsort(distance, kind='stable')[:support]
        prior = np.exp(-0.5 * (distance[near] / (0.5 * distance[near].max())) ** 2)
        prior /= prior.sum()
        # Centred at the joint and scaled to some 1, the equations are well conditioned.
        equations = np.concatenate(
            [
                np.ones((1, support)),
                10 * (vertices[near] - joint).T,
                100 * (shapedirs[near] - move).reshape(support, -1).T,
            ]
        )
        target = np.concatenate([[1.0], np.zeros(len(equations) - 1)])
        change = np.linalg.lstsq(equations, target - equations @ prior, rcond=1e-9)[0]
        regressor[row, near] = prior + change
    return regressor


def named_places() -> dict[str, np.ndarray]:
    """Find the named places of the skin: landmarks, finger tips, toes and heels.

    Returns:
        dict[str, np.ndarray]: Points (3,) of the T-pose in metres, by the names of
        ``LANDMARK_NAMES`` and of ``SMPLX_VERTEX_IDS``.
    """
    start = np.array([place[0] for place in _PLACES.values()]) - (0.0, PELVIS_HEIGHT, 0.0)
    direction = np.array([place[1] for place in _PLACES.values()])
    found = ray_to_surface(start, direction, body_field)
    places: dict[str, np.ndarray] = {}
    for name, point in zip(_PLACES, found, strict=True):
        mirrored = point * (-1.0, 1.0, 1.0)
        if point[0] == 0:
            places[name] = point
        elif name in ('eye', 'ear'):
            places |= {f'left_{name}': point, f'right_{name}': mirrored}
            places |= {f'l{name}': point, f'r{name}': mirrored}
        else:
            upper = name[0].isupper()
            places['L' + name if upper else 'l' + name] = point
            places['R' + name if upper else 'r' + name] = mirrored
    return places


def _snap(vertices: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Move the vertex nearest to each place onto it, in place; return their ids."""
    ids = np.linalg.norm(vertices - places[:, None], axis=-1).argmin(1)
    if len(np.unique(ids)) < len(ids):
        raise ValueError('two named places share a vertex; refine the grid around them')
    vertices[ids] = places
    return ids


def _order_by_id(count: int, ids: np.ndarray, wanted: list[int]) -> np.ndarray:
    """Order vertices such that ``order[wanted[k]] == ids[k]``, the others as they come."""
    order = np.empty(count, dtype=np.int64)
    order[wanted] = ids
    free = np.setdiff1d(np.arange(count), wanted)
    order[free] = np.setdiff1d(np.arange(count), ids)
    return order


def _split_edges(
    vertices: np.ndarray, faces: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split the longest edges, with the two faces beside each, until there are ``count``.

    Raises:
        ValueError: If there are more vertices than that to begin with.
    """
    if len(vertices) > count:
        raise ValueError(f'the grid gives {len(vertices)} vertices, more than {count}')
    while len(vertices) < count:
        corners = np.stack([faces, np.roll(faces, -1, 1)], -1)
        length = np.linalg.norm(vertices[corners[..., 0]] - vertices[corners[..., 1]], axis=-1)
        # The longest edge of a face is split if it is the longest of both its faces, so
        # that no face is cut twice in a round.
        longest = length.argmax(1)
        edge = np.sort(np.take_along_axis(corners, longest[:, None, None], 1)[:, 0], axis=1)
        unique, inverse, uses = np.unique(edge, axis=0, return_inverse=True, return_counts=True)
        both = np.flatnonzero(uses == 2)
        size = np.linalg.norm(np.subtract(*vertices[unique[both]].swapaxes(0, 1)), axis=1)
        room = min(max(len(both) // 4, 1), count - len(vertices))
        chosen = both[np.argsort(-size, kind='stable')[:room]]
        new_id = np.full(len(unique), -1)
        new_id[chosen] = len(vertices) + np.arange(len(chosen))
        middle = new_id[inverse.reshape(-1)]
        cut = middle >= 0
        turned = faces[cut][np.arange(cut.sum())[:, None], (longest[cut, None] + np.arange(3)) % 3]
        m = middle[cut]
        halves = np.stack(
            [
                np.stack([turned[:, 0], m, turned[:, 2]], 1),
                np.stack([m, turned[:, 1], turned[:, 2]], 1),
            ]
        )
        vertices = np.concatenate([vertices, vertices[unique[chosen]].mean(1)])
        faces = np.concatenate([faces[~cut], *halves])
    return vertices, faces


def _steps(start: float, *stretches: tuple[float, float]) -> np.ndarray:
    """Give grid coordinates from ``start`` in stretches (end, about which step)."""
    parts = [np.array([start])]
    for end, step in stretches:
        begin = parts[-1][-1]
        number = max(1, round((end - begin) / step))
        parts.append(np.linspace(begin, end, number + 1)[1:])
    return np.concatenate(parts)


def _grid(level: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the grid of a level: fine at head, hands and feet, coarse along the limbs."""
    if level == 'coarse':
        half = _steps(0.0, (0.20, 0.0335), (0.70, 0.062), (0.92, 0.033))
        y = _steps(-0.02, (0.11, 0.03), (0.80, 0.063), (1.33, 0.055), (1.46, 0.026), (1.74, 0.031))
        z = _steps(-0.16, (0.22, 0.0335))
    else:
        half = _steps(0.0, (0.20, 0.0176), (0.70, 0.0318), (0.90, 0.0120))
        y = _steps(
            -0.02, (0.11, 0.0159), (0.80, 0.0254), (1.33, 0.0233), (1.46, 0.0127), (1.74, 0.0159)
        )
        z = _steps(-0.16, (0.22, 0.0165))
    x = np.concatenate([-half[:0:-1], half])
    return x, y - PELVIS_HEIGHT, z
