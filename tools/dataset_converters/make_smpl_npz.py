"""Make the npz of SMPLImageDataset: people in images with SMPL parameters, joints and cameras.

SPIN's layout, in which many mesh datasets are passed around; joints and cameras of Human3.6M's
frames can be taken from MMPose's files:

    python tools/dataset_converters/make_smpl_npz.py spin h36m.npz --out h36m_smpl.npz \
        --body3d h36m_body3d.npz --cameras cameras.pkl

Human3.6M as preprocess_h36m.py prepares it, with SMPL parameters (in camera space, by image):

    python tools/dataset_converters/make_smpl_npz.py h36m annotation_body3d/fps10/h36m_train.npz \
        --cameras annotation_body3d/cameras.pkl --mosh h36m_mosh.npz --out h36m_smpl_train.npz

3DPW as it is downloaded; with an SMPL model file and Human3.6M's regressor it gets 3D joints too:

    python tools/dataset_converters/make_smpl_npz.py 3dpw data/3dpw/sequenceFiles --split test \
        --out 3dpw_test.npz [--body-model SMPL_NEUTRAL.pkl --regressor J_regressor_h36m.npy]

Every row is checked before the file gets its name.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from smpl_sources import human36m_arrays, spin_arrays
from threedpw import threedpw_arrays

from mmpose_ext.datasets.datasets.smpl_image_file import SMPLImages, read_smpl_images
from mmpose_ext.fileio import atomic_path
from mmpose_ext.models.body_models.smpl_body import SMPLBody


def write_people(path: Path, arrays: dict[str, np.ndarray]) -> SMPLImages:
    """Write a file of SMPLImageDataset, if the dataset can read it.

    Args:
        path (Path): The file, ``.npz``.
        arrays (dict[str, np.ndarray]): Its arrays.

    Returns:
        SMPLImages: What it holds.

    Raises:
        ValueError: If a row is not what the dataset wants, or the name is no ``.npz``.
        OSError: If the file cannot be written.
    """
    if path.suffix != '.npz':
        raise ValueError(f'--out should be a .npz, got {path}')
    with atomic_path(path) as temporary:
        np.savez(temporary, **arrays)
        try:
            return read_smpl_images(str(temporary))
        except ValueError as error:
            raise ValueError(str(error).replace(str(temporary), str(path))) from None


def describe(people: SMPLImages) -> str:
    """Say how many people are labelled in which way.

    Args:
        people (SMPLImages): The people.

    Returns:
        str: A line.
    """
    return (
        f'{len(people.imgnames)} people, {int(people.parameters.labelled.sum())} with SMPL '
        f'parameters, {int(people.visible_3d.any(1).sum())} with 3D joints, '
        f'{int(people.visible_2d.any(1).sum())} with 2D keypoints, '
        f'{int(people.has_camera.sum())} with a camera'
    )


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest='kind', required=True)
    spin = kinds.add_parser('spin', help="SPIN's npz")
    spin.add_argument('source', metavar='NPZ')
    spin.add_argument('--body3d', metavar='NPZ', help="MMPose's Human3.6M, for joints and cameras")
    spin.add_argument('--cameras', metavar='PKL', help='cameras.pkl that belongs to it')
    h36m = kinds.add_parser('h36m', help="MMPose's npz of Human3.6M and SMPL parameters")
    h36m.add_argument('source', metavar='NPZ')
    h36m.add_argument('--cameras', metavar='PKL', required=True)
    h36m.add_argument('--mosh', metavar='NPZ', required=True, help='imgname, pose, shape')
    for kind in (spin, h36m):
        kind.add_argument(
            '--box',
            choices=('root', 'file'),
            default='root',
            help='crop: 2 m about the pelvis where a camera is known, or that of the file',
        )
        kind.add_argument(
            '--world-up',
            choices=('x', 'y', 'z'),
            default='z',
            help="axis of the cameras' world that points up: z in Human3.6M, y for mannequins",
        )
    pw3d = kinds.add_parser('3dpw', help='the sequenceFiles of 3DPW')
    pw3d.add_argument('source', metavar='SEQUENCE_FILES')
    pw3d.add_argument('--split', choices=('train', 'validation', 'test'), required=True)
    pw3d.add_argument('--body-model', metavar='FILE', help='SMPL, to make the 3D joints')
    pw3d.add_argument('--regressor', metavar='FILE', help='J_regressor_h36m, for that body')
    pw3d.add_argument('--regressor-order', choices=('mmpose', 'spin'), default='mmpose')
    pw3d.add_argument(
        '--box',
        choices=('root', 'joints'),
        default='root',
        help="crop: 2 m about the pelvis, or 1.2 times the extent of the joints, SPIN's",
    )
    pw3d.add_argument('--stride', type=int, default=1, help='every which frame; default: 1')
    for kind in (spin, h36m, pw3d):
        kind.add_argument('--out', metavar='NPZ', type=Path, required=True)
    return parser.parse_args(args)


def convert(options: argparse.Namespace) -> dict[str, np.ndarray]:
    """Make the arrays that the command line asks for.

    Args:
        options (argparse.Namespace): The command line.

    Returns:
        dict[str, np.ndarray]: Arrays of SMPLImageDataset.

    Raises:
        ValueError, OSError: As the converters say.
    """
    if options.kind == 'spin':
        return spin_arrays(
            *(options.source, options.body3d, options.cameras, options.box, options.world_up)
        )
    if options.kind == '3dpw':
        body = None
        if options.regressor and not options.body_model:
            raise ValueError('--regressor is of a body: give --body-model too')
        if options.body_model:
            body = SMPLBody(
                options.body_model,
                joint_regressor=options.regressor,
                regressor_order=options.regressor_order,
            )
        return threedpw_arrays(options.source, options.split, body, options.stride, options.box)
    return human36m_arrays(
        *(options.source, options.cameras, options.mosh, options.box, options.world_up)
    )


def main(args: list[str] | None = None) -> None:
    """Convert what the command line asks for."""
    options = parse_args(args)
    try:
        people = write_people(options.out, convert(options))
    except (OSError, ValueError) as error:
        sys.exit(f'make_smpl_npz: {error}')
    except KeyboardInterrupt:
        sys.exit('make_smpl_npz: interrupted; nothing was written')
    print(f'{options.out}: {describe(people)}')


if __name__ == '__main__':
    main()
