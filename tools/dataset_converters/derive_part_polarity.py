"""Derive part polarities from 3D joints: which end of each bone is nearer to the camera.

    python tools/dataset_converters/derive_part_polarity.py \
        data/h36m/annotation_body3d/fps10/h36m_train.npz data/h36m/polarity_train.json

The first file is in MMPose's Human3.6M layout (imgname, S in camera space in metres), which
preprocess_h36m.py and make_mannequin.py write. In the second, `id` is the row of the first.
docs/human36m.md describes the format.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from mmpose_ext.codecs.functional.hemlets import polarity_from_depth
from mmpose_ext.datasets.datasets.human36m_file import Human36mFrames, read_human36m
from mmpose_ext.datasets.datasets.part_polarity import UNKNOWN, write_part_polarity
from mmpose_ext.skeletons.human36m18 import NAMES, PARTS

MILLIMETRES = 1000.0


def derive_polarity(
    frames: Human36mFrames, eps: float = 100.0, eps_mode: str = 'mm', tau: float = 0.25
) -> np.ndarray:
    """Derive the polarity of each of the 14 parts of each person.

    Args:
        frames (Human36mFrames): N people with the 18 joints of HEMlets.
        eps (float): Ends whose depths differ by no more are level; mm. Defaults to 100, our
            choice: the paper gives no value.
        eps_mode (str): ``'mm'``, or ``'bone_ratio'``: the threshold is ``tau`` times the length
            of the bone. Defaults to ``'mm'``.
        tau (float): Share of the length, 0 to 1; 0.25 is a tilt of 14.5 degrees. Defaults to 0.25.

    Returns:
        np.ndarray: Codes (N, 14) int64: 1 child closer, 0 level, -1 farther, -2 where an end is
        not labelled.

    Raises:
        ValueError: If ``eps`` is negative, ``tau`` is not in [0, 1) or the mode is unknown.
    """
    if not (0 <= eps < np.inf):
        raise ValueError(f'eps is a length in mm, 0 or more, got {eps}')
    if not (0 <= tau < 1):
        raise ValueError(f'tau is a share of the bone, from 0 to below 1, got {tau}')
    if eps_mode not in ('mm', 'bone_ratio'):
        raise ValueError(f"eps_mode is 'mm' or 'bone_ratio', got {eps_mode!r}")
    joints = frames.joints * MILLIMETRES
    parent, child = np.array(PARTS).T
    if eps_mode == 'mm':
        codes = polarity_from_depth(joints[..., 2], PARTS, eps)
    else:
        lengths = np.linalg.norm(joints[:, parent] - joints[:, child], axis=-1)
        codes = polarity_from_depth(joints[..., 2], PARTS, tau, bone_lengths=lengths)
    labelled = (frames.visible[:, parent] > 0) & (frames.visible[:, child] > 0)
    return np.where(labelled, codes, UNKNOWN)


def describe(polarity: np.ndarray) -> str:
    """Say how often each part is closer, level, farther and unknown.

    Args:
        polarity (np.ndarray): Codes (N, 14).

    Returns:
        str: A table, a line for each part.
    """
    shares = [(polarity == code).mean(axis=0) for code in (1, 0, -1, UNKNOWN)]
    lines = [f'{"part":32s}{"closer":>9s}{"level":>9s}{"farther":>9s}{"unknown":>9s}']
    for (parent, child), *row in zip(PARTS, *shares, strict=True):
        name = f'{NAMES[parent]} > {NAMES[child]}'
        lines.append(f'{name:32s}' + ''.join(f'{share:9.1%}' for share in row))
    return '\n'.join(lines)


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', metavar='NPZ', help='3D dataset in the Human3.6M layout')
    parser.add_argument('out', type=Path, metavar='JSON', help='file to write')
    parser.add_argument('--eps', type=float, default=100.0, help='level up to, mm; default: 100')
    parser.add_argument(
        '--eps-mode',
        choices=('mm', 'bone_ratio'),
        default='mm',
        help='bone_ratio: level up to TAU times the length of the bone; default: mm',
    )
    parser.add_argument('--tau', type=float, default=0.25, help='for bone_ratio; default: 0.25')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    """Derive what the command line asks for."""
    options = parse_args(args)
    try:
        frames = read_human36m(options.source)
        polarity = derive_polarity(frames, options.eps, options.eps_mode, options.tau)
        write_part_polarity(options.out, range(len(polarity)), frames.imgnames, polarity)
    except (OSError, ValueError) as error:
        sys.exit(f'derive_part_polarity: {error}')
    print(describe(polarity))
    print(f'{options.out}: {len(polarity)} people')


if __name__ == '__main__':
    main()
