"""Predict the bodies of the people of a photograph and write pictures and meshes.

    python tools/infer_mesh.py CONFIG CHECKPOINT IMAGE --out meshes

IMAGE -> 3D joints -> SMPL -> IMAGE_overlay.jpg (the bodies over the photograph and
from the side, the 3D joints), IMAGE_person0.glb (y up, metres), IMAGE.json
(parameters, joints, camera), and with --gif IMAGE_person0.gif. The camera of a
photograph is seldom known: without --focal, its focal length is taken to be
the longer side, which changes how far away people are put and nothing else.
--center is for photographs that were cropped from others.

The joints are taken to lie in a volume 2 m wide, as wide as the crop at the
person: boxes, once padded, should be of that size, above all with --refine, which
fits bodies to these joints. IMAGE.json holds the padded boxes.
"""

import argparse
import math
import sys
from pathlib import Path

from mmpose_ext.apis import infer_meshes, load_mesh_model, write_meshes
from mmpose_ext.apis.mesh import as_photo, body_of
from mmpose_ext.visualization.mesh_person import default_camera


def parse_box(text: str) -> list[float]:
    """Read a box x1,y1,x2,y2.

    Args:
        text (str): Four numbers with commas.

    Returns:
        list[float]: Pixels.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    box = _numbers(text)
    if len(box) != 4:
        raise argparse.ArgumentTypeError(f'a box is x1,y1,x2,y2 in pixels, got {text!r}')
    return box


def parse_point(text: str) -> list[float]:
    """Read a point x,y.

    Args:
        text (str): Two numbers with a comma.

    Returns:
        list[float]: Pixels.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    point = _numbers(text)
    if len(point) != 2 or not all(map(math.isfinite, point)):
        raise argparse.ArgumentTypeError(f'a point is x,y in pixels, got {text!r}')
    return point


def _numbers(text: str) -> list[float]:
    """Read numbers with commas; none if it is something else."""
    try:
        return [float(number) for number in text.split(',')]
    except ValueError:
        return []


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a model with PoShHead')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('image', type=Path, help='photograph')
    parser.add_argument('--out', type=Path, required=True, help='folder for the files')
    parser.add_argument(
        '--boxes',
        type=parse_box,
        nargs='+',
        metavar='X1,Y1,X2,Y2',
        help='a box for each person in pixels (default: the whole image)',
    )
    parser.add_argument(
        '--padding',
        type=float,
        default=1.0,
        help='factor by which boxes grow to be 2 m wide at the person; 1.2 suits tight ones '
        '(default: 1)',
    )
    parser.add_argument('--focal', type=float, help='focal length in px (default: longer side)')
    parser.add_argument(
        '--center',
        type=parse_point,
        metavar='X,Y',
        help='principal point in px (default: the middle of the image)',
    )
    parser.add_argument(
        '--refine',
        action='store_true',
        help='fit bodies to the 3D joints, which needs boxes 2 m wide at the person',
    )
    parser.add_argument('--gif', action='store_true', help='write turntables too')
    parser.add_argument(
        '--formats',
        nargs='*',
        default=['glb'],
        choices=['glb', 'obj', 'ply'],
        help='of the meshes (default: glb)',
    )
    parser.add_argument('--device', default='cpu', help='default: cpu')
    return parser.parse_args()


def main() -> None:
    """Read the command line, predict, write."""
    args = parse_arguments()
    try:
        photo = as_photo(args.image)
        K = default_camera((photo.shape[1], photo.shape[0]))
        if args.focal is not None:
            K[(0, 1), (0, 1)] = args.focal
        if args.center is not None:
            K[:2, 2] = args.center
        model = load_mesh_model(args.config, args.checkpoint, args.device)
        people = infer_meshes(
            model, photo, args.boxes, K=K, padding=args.padding, refine=args.refine
        )
        files = write_meshes(
            *(args.out, args.image.stem, photo, people),
            *(body_of(model), model.dataset_meta),
            formats=args.formats,
            gif=args.gif,
        )
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f'infer_mesh: {error}')
    for number, person in enumerate(people):
        x, y, z = person.smpl_joints[0]
        print(f'person {number}: pelvis at x {x:.2f} m, y {y:.2f} m, z {z:.2f} m')
    for file in files:
        print(f'{file} is written')


if __name__ == '__main__':
    main()
