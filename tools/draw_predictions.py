"""Draw a trained model's predictions on its own test set into one sheet.

    python tools/draw_predictions.py CONFIG CHECKPOINT --out predictions.jpg

For each person, left to right: what the network is given, what it predicts,
the truth. For 3D models: what the network is given, the predicted 2D skeleton,
the predicted 3D skeleton from two sides with the true one in thin grey, the
predicted and the true polarity of each part. For models that predict a body:
the predicted and the true body over the photograph and from the side. For
bottom-up models, for each photograph: the photograph, the truth, the predicted
people in a colour each with their scores, the highest heatmap, and its tag. For
jigsaw pretraining: the puzzle, where the model finds each patch, the person put
together accordingly (right patches framed green, wrong ones red), the person as
he is. For clips of events, some steps of each: the events, the flow, the predicted
and the true body over the events and from the side. For optical flow: the gray
frame, the events, the predicted and the true flow.
"""

import argparse

from mmpose_ext.apis import draw_predictions


def main() -> None:
    """Read the command line and draw the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of the model')
    parser.add_argument('checkpoint', help='checkpoint of the model')
    parser.add_argument('--out', required=True, help='image to write')
    parser.add_argument(
        '--people',
        type=int,
        default=12,
        help='people, photographs of bottom-up models, or clips of events (default: 12)',
    )
    parser.add_argument(
        '--people-per-row',
        type=int,
        help='default: 3, 2 puzzles, or 1 for 3D, bottom-up and events',
    )
    parser.add_argument('--kpt-thr', type=float, help='lowest score that is drawn')
    parser.add_argument('--device', default='cpu', help='default: cpu')
    options = vars(parser.parse_args())
    print(f'{draw_predictions(**options)} drawn into {options["out"]}')


if __name__ == '__main__':
    main()
