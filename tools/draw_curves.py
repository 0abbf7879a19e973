"""Draw the curves of a training, also of one that still runs or was broken off.

    python tools/draw_curves.py WORK_DIR [--best coco/AP]

A training draws them itself when it ends. Losses, accuracies, learning rate and metrics are read
from WORK_DIR/*/vis_data/scalars.json; runs that were resumed are put together.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmpose_ext.visualization.curves import draw_curves, read_history


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and draw.

    Args:
        arguments (Sequence[str], optional): Words of the command line. None: the process's.

    Returns:
        int: 0.

    Raises:
        SystemExit: If there is nothing to draw; says why.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('work_dir', type=Path, help='work directory of the training')
    parser.add_argument('--out', type=Path, help='picture (default: WORK_DIR/curves.png)')
    parser.add_argument('--best', help='metric whose best value is marked')
    parser.add_argument('--less', action='store_true', help='less of it is better')
    options = parser.parse_args(arguments)
    out = options.out or options.work_dir / 'curves.png'
    try:
        history = read_history(options.work_dir)
        draw_curves(history, out, best=options.best, greater=not options.less)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(f'{len(history.train)} lines of training, {len(history.val)} validations: {out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
