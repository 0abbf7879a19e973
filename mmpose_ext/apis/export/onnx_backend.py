"""Poses by ONNX Runtime, behind the same door as those by PyTorch."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import BottomupPoseEstimator, TopdownPoseEstimator
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmpose_ext.apis.detection import Boxes
from mmpose_ext.apis.export.metadata import (
    ExportMetadata,
    file_sha256,
    metadata_path,
    read_metadata,
)
from mmpose_ext.apis.mesh import MeshPrediction
from mmpose_ext.apis.people import People
from mmpose_ext.apis.torch_backend import TorchBackend
from mmpose_ext.codecs import MultiResolutionAssociativeEmbedding
from mmpose_ext.models.body_models.cameras import crop_camera_to_image
from mmpose_ext.models.body_models.rotations import matrix_to_axis_angle
from mmpose_ext.models.heads.crowd_maps import check_input_sizes
from mmpose_ext.visualization.mesh_person import default_camera
from mmpose_ext.visualization.person3d import crop_of

_FACES = 'smpl_faces'


class OnnxBackend(TorchBackend):
    """Runs an exported model over the people of many pictures, or over many pictures.

    Crops, batches and reading are those of ``TorchBackend``; the network is ONNX Runtime's. The
    flip test and fits of bodies are not part of exported models.

    Args:
        path (str | Path): Model file of ``tools/export.py``, with its description beside it.
        device (str): ``'cpu'``, or ``'cuda'`` with ``onnxruntime-gpu``. Defaults to ``'cpu'``.
        batch_size (int): People, or pictures of a bottom-up model, of a batch. Defaults to 16.

    Attributes:
        metadata (ExportMetadata): The description.

    Raises:
        FileNotFoundError: If there is no such file, or no description beside it.
        ValueError: If the file is no ONNX model, is not the described one, or the device is not
            to be had.
        ImportError: If ONNX Runtime is missing.
    """

    def __init__(self, path: str | Path, *, device: str = 'cpu', batch_size: int = 16) -> None:
        network = OnnxNetwork(path, device)
        self.metadata = network.metadata
        super().__init__(_estimator_of(network), batch_size=batch_size, name=network.metadata.name)
        self._faces = network.faces

    def _read(self, sample: PoseDataSample, image: np.ndarray, box: np.ndarray) -> Any:
        person = super()._read(sample, image, box)
        if self._faces is None:
            return person
        K = default_camera((image.shape[1], image.shape[0]))
        mesh = _mesh_of(sample, person.joints_3d, person.keypoint_scores, self._faces, K, box)
        return person._replace(mesh=mesh)

    def _gather(self, people: list[Any], boxes: Boxes) -> People:
        found = super()._gather(people, boxes)
        if self._faces is None or not people:
            return found
        return replace(found, meshes=tuple(person.mesh for person in people))


class OnnxNetwork:
    """An exported model and its description, to run on arrays.

    Args:
        path (str | Path): Model file.
        device (str): ``'cpu'`` or ``'cuda'``. Defaults to ``'cpu'``.

    Attributes:
        metadata (ExportMetadata): The description.
        faces (np.ndarray | None): Triangles (F, 3) of the body, if there is one in the file.

    Raises:
        FileNotFoundError: See :class:`OnnxBackend`.
        ValueError: See :class:`OnnxBackend`.
        ImportError: See :class:`OnnxBackend`.
    """

    def __init__(self, path: str | Path, device: str = 'cpu') -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f'there is no exported model {path}')
        self.metadata: ExportMetadata = read_metadata(metadata_path(path))
        found = file_sha256(path)
        if found != self.metadata.sha256:
            raise ValueError(
                f'{path} is not the model that {metadata_path(path).name} describes: its SHA-256 '
                f'is {found}, described is {self.metadata.sha256}. Keep the two files of one '
                'export together, or export again'
            )
        self._session = _open_session(self.path, device)
        names = {output.name for output in self._session.get_outputs()}
        (first, *more) = self._session.get_inputs()
        size = self.metadata.input.get('size')
        fits = first.type == 'tensor(uint8)' and size in (None, first.shape[:1:-1])
        if names != set(self.metadata.outputs) or more or not fits:
            raise ValueError(
                f'{path} takes {first.name} as {first.type} {first.shape} and gives '
                f'{sorted(names)}, described are uint8 of {size} and '
                f'{sorted(self.metadata.outputs)}: export again'
            )
        self._input = first.name
        self._names = [name for name in self.metadata.outputs if name != _FACES]
        self.faces = self._read_faces() if _FACES in names else None

    def __call__(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Run the model.

        Args:
            pixels (np.ndarray): BGR pixels (B, 3, H, W) uint8.

        Returns:
            dict[str, np.ndarray]: The outputs by name, see ``metadata.outputs``.
        """
        found = self._session.run(self._names, {self._input: np.ascontiguousarray(pixels)})
        return dict(zip(self._names, found, strict=True))

    def _read_faces(self) -> np.ndarray:
        width, height = self.metadata.input['size']
        blank = np.zeros((1, 3, height, width), np.uint8)
        (faces,) = self._session.run([_FACES], {self._input: blank})
        return np.asarray(faces)


class _TopdownEstimator(TopdownPoseEstimator):
    """MMPose's, which puts keypoints back into pictures, around an exported network."""

    def __init__(self, network: OnnxNetwork) -> None:
        # Past MMPose's constructor, which would build a backbone.
        BaseModel.__init__(self, dict(type='PoseDataPreprocessor'))
        _furnish(self, network)

    def extract_feat(self, inputs: Tensor) -> Tensor:
        return inputs


class _BottomupEstimator(BottomupPoseEstimator):
    """The same for crowds."""

    def __init__(self, network: OnnxNetwork) -> None:
        BaseModel.__init__(self, dict(type='PoseDataPreprocessor'))
        _furnish(self, network)

    def extract_feat(self, inputs: Tensor) -> Tensor:
        return inputs


class _OnnxHead:
    """In the place of a head: everything from pixels to predictions."""

    def __init__(self, network: OnnxNetwork) -> None:
        self.network = network
        codec = network.metadata.codec
        try:
            self.decoder = KEYPOINT_CODECS.build(codec)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f'{metadata_path(network.path)} describes a codec that there is not: {error}'
            ) from error

    def predict(
        self, images: Tensor, samples: list[PoseDataSample], test_cfg: dict | None = None
    ) -> list[InstanceData]:
        found = self.network(images.to(torch.uint8).numpy())
        if self.network.metadata.bottom_up:
            return self._group(found, samples)
        return [
            InstanceData(**{name: values[i : i + 1] for name, values in found.items()})
            for i in range(len(images))
        ]

    def _group(
        self, maps: dict[str, np.ndarray], samples: list[PoseDataSample]
    ) -> list[InstanceData]:
        heatmaps, tags = (torch.from_numpy(maps[name]) for name in ('heatmaps', 'tags'))
        stride = check_input_sizes(samples)[0] / heatmaps.shape[-1]
        decoded = self.decoder.batch_decode(heatmaps, tags, stride=stride)
        return [
            InstanceData(keypoints=keypoints, keypoint_scores=scores, bbox_scores=person_scores)
            for keypoints, scores, person_scores in zip(*decoded, strict=True)
        ]


def _estimator_of(network: OnnxNetwork) -> BaseModel:
    init_default_scope('mmpose')
    kind = _BottomupEstimator if network.metadata.bottom_up else _TopdownEstimator
    estimator = kind(network)
    is_crowd = isinstance(estimator.head.decoder, MultiResolutionAssociativeEmbedding)
    if is_crowd != network.metadata.bottom_up:
        raise ValueError(
            f'{metadata_path(network.path)} describes a {network.metadata.kind} model with the '
            f'codec {network.metadata.codec["type"]}: these do not belong together'
        )
    return estimator


def _furnish(estimator: BaseModel, network: OnnxNetwork) -> None:
    metadata = network.metadata
    estimator.head = _OnnxHead(network)
    estimator.test_cfg = {}
    estimator.metainfo = None
    estimator.dataset_meta = metadata.dataset_meta
    dataset = dict(pipeline=[dict(step) for step in metadata.preprocessing])
    estimator.cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
    estimator.eval()


def _mesh_of(
    sample: PoseDataSample,
    joints: np.ndarray | None,
    scores: np.ndarray,
    faces: np.ndarray,
    K: np.ndarray,
    box: np.ndarray,
) -> MeshPrediction:
    """Put the body of one person before the camera of the photograph."""
    found, crop = sample.pred_instances, crop_of(sample)
    rows = (
        found.smpl_camera,
        crop.center[None],
        crop.scale[None],
        np.diag(K)[None, :2],
        K[None, :2, 2],
    )
    place = crop_camera_to_image(*(torch.tensor(row, dtype=torch.float32) for row in rows))
    pelvis = place[0].numpy().astype(np.float64)
    pose = matrix_to_axis_angle(torch.from_numpy(found.smpl_pose[0])).numpy()
    return MeshPrediction(
        box=box,
        crop=crop,
        keypoints=np.asarray(found.keypoints[0], dtype=np.float64),
        keypoint_scores=scores,
        joints=np.asarray(joints),
        global_orient=pose[0],
        body_pose=pose[1:].ravel(),
        betas=found.smpl_betas[0],
        transl=pelvis - found.smpl_pelvis[0],
        K=K,
        vertices=found.smpl_vertices[0] + pelvis,
        faces=faces,
        smpl_joints=found.smpl_joints[0] + pelvis,
    )


def _open_session(path: Path, device: str) -> Any:
    try:
        # Only here: it is optional.
        onnxruntime = import_module('onnxruntime')
    except ImportError as error:
        raise ImportError(
            f'exported models need ONNX Runtime ({error}): pip install "mmpose_ext[export]"'
        ) from error
    wanted = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider'}
    provider = wanted.get(device.split(':')[0])
    if provider not in onnxruntime.get_available_providers():
        raise ValueError(
            f'this ONNX Runtime does not run on {device!r}, but on '
            f'{onnxruntime.get_available_providers()}; for CUDA install onnxruntime-gpu'
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    index = device.partition(':')[2]
    choice = (provider, {'device_id': index}) if index and device != 'cpu' else provider
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[choice])
    except Exception as error:  # ONNX Runtime's exceptions have no common type of its own
        raise ValueError(f'{path} is no ONNX model that can be run: {error}') from error
