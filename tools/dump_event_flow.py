"""Write the flow that EventHPE's stage 1 predicts, for stage 2 to read.

    python tools/dump_event_flow.py CONFIG CHECKPOINT --data-root ROOT

From each frame to the second next: ROOT/pred_flow_events_W/REC/flow%04d.npz, in hundredths of a
pixel. Stage 2 reads them with flow_source='file' and dict(type='LoadEventFlow'), as the authors
do; by default it runs stage 1 itself and needs no such files.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from mmpose_ext.apis.event_flow import dump_event_flow
from mmpose_ext.apis.loading import load_model
from mmpose_ext.event_layout import SPLITS


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of an EventFlowEstimator')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('--data-root', type=Path, required=True, help='root of the recordings')
    parser.add_argument(
        '--splits', nargs='+', default=list(SPLITS), choices=SPLITS, help='default: both'
    )
    parser.add_argument('--batch-size', type=int, default=16, help='windows at a time; default: 16')
    parser.add_argument('--device', default='cpu', help='default: cpu')
    return parser.parse_args()


def main() -> None:
    """Read the command line, predict, write."""
    args = parse_arguments()
    try:
        model = load_model(args.config, args.checkpoint, args.device)
        with tqdm(unit='recording', desc='flow', disable=None) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            written = dump_event_flow(
                *(model, args.data_root),
                splits=args.splits,
                batch_size=args.batch_size,
                progress=show,
            )
    except (OSError, ValueError) as error:
        sys.exit(f'dump_event_flow: {error}')
    print(f'{written} files of flow are written to {args.data_root}')


if __name__ == '__main__':
    main()
