"""What `make demo` runs: from nothing to a trained 3D pose estimator, in minutes.

Makes mannequin people, trains HEMlets Pose on them through MMPose's Runner, tests
it and draws what it sees: the 2D and the 3D pose of each person, and which limbs
point towards the camera. Every step is a command that is printed before it runs
and can be typed by hand as well.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'configs/hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py'
DATA = 'data/mannequin_easy'
WORK_DIR = 'work_dirs/demo'
# Of a training log of some hundred lines, these tell how it goes.
TELLING = ('Epoch(train)', 'MPJPE:')


def run(log: Path, *command: str) -> None:
    """Print a command, run it with its whole output in ``log``, and echo the telling lines.

    Args:
        log (Path): File that receives the output.
        command (str): The words of the command after ``python``.

    Raises:
        SystemExit: If the command fails: with the last lines of the log.
    """
    print(f'\n$ python {shlex.join(command)}', flush=True)
    with log.open('w', encoding='utf-8') as stream:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in process.stdout or ():
            stream.write(line)
            if any(word in line for word in TELLING):
                print(line.rstrip().split(' - INFO - ')[-1], flush=True)
    if process.wait():
        tail = ''.join(log.read_text(encoding='utf-8').splitlines(keepends=True)[-15:])
        raise SystemExit(f'{tail}\nThat command failed; all it printed is in {log}.')


def main() -> None:
    """Run the steps of the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=ROOT / 'demo', help='folder for the pictures')
    out = parser.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    start = time.time()

    make = 'tools/dataset_converters/make_mannequin.py'
    sizes = ['--num-train', '2000', '--num-val', '200', '--size', '256', '--contact-sheet']
    run(out / 'make_mannequin.log', make, 'single', '--easy', '--out', DATA, *sizes)
    shutil.copy(ROOT / DATA / 'contact_sheet.png', out / 'mannequins.png')

    shutil.rmtree(ROOT / WORK_DIR, ignore_errors=True)
    run(out / 'train.log', 'tools/train.py', CONFIG, '--work-dir', WORK_DIR)
    checkpoint = (ROOT / WORK_DIR / 'last_checkpoint').read_text().strip()
    checkpoint = str(Path(checkpoint).relative_to(ROOT))
    run(out / 'test.log', 'tools/test.py', CONFIG, checkpoint, '--work-dir', WORK_DIR)
    draw = ['tools/draw_predictions.py', CONFIG, checkpoint]
    run(out / 'draw.log', *draw, '--out', str(out / 'predictions.jpg'))

    print(f'\nDone in {(time.time() - start) / 60:.1f} minutes. Look at:')
    print(f'  {out / "mannequins.png"}   some of the people it was trained on')
    print(f'  {out / "predictions.jpg"}  people it had not seen: 2D pose, 3D pose, polarities')


if __name__ == '__main__':
    main()
