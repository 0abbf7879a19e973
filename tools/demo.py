"""What `make demo` runs: from nothing to 3D poses of the people of a picture, in minutes.

Makes mannequin people, trains HEMlets Pose on them through MMPose's Runner, tests
it and draws what it sees: the 2D and the 3D pose of each person, and which limbs
point towards the camera. Then trains a person detector, RTMDet, on crowds of mannequins
through the same tools, and lets both look at pictures of several people: the detector
finds them, HEMlets gives the pose of each. Every step is a command that is printed
before it runs and can be typed by hand as well.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAKE = 'tools/dataset_converters/make_mannequin.py'
CONFIG = 'configs/hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py'
# 14 epochs instead of 24, so that the detector is trained in the time, too.
SHORTER = (
    *('train_cfg.max_epochs=14', 'train_cfg.val_interval=7'),
    *('default_hooks.checkpoint.interval=7', 'param_scheduler.1.milestones=[10,13]'),
)
DATA = 'data/mannequin_easy'
WORK_DIR = 'work_dirs/demo'
DET_CONFIG = 'configs/detection/mannequin/rtmdet-tiny-third_1xb16-6e_mannequin-crowd-192x192.py'
DET_DATA = 'data/mannequin_crowd_easy'
DET_WORK_DIR = 'work_dirs/demo_detector'
PHOTOS = 'data/mannequin_photos'
# Of a training log of some hundred lines, these tell how it goes.
TELLING = ('Epoch(train)', 'MPJPE:', 'coco/bbox_mAP:', ' pictures, ')


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


def train(config: str, work_dir: str, out: Path, *options: str) -> str:
    """Train and test a model.

    Args:
        config (str): Config.
        work_dir (str): Folder for checkpoints, emptied before.
        out (Path): Folder for the logs.
        options (str): Options of the config to change.

    Returns:
        str: The last checkpoint.
    """
    shutil.rmtree(ROOT / work_dir, ignore_errors=True)
    changes = ['--cfg-options', *options] if options else []
    name = Path(work_dir).name
    command = ['tools/train.py', config, '--work-dir', work_dir, *changes]
    run(out / f'train_{name}.log', *command)
    checkpoint = Path((ROOT / work_dir / 'last_checkpoint').read_text().strip())
    path = checkpoint.relative_to(ROOT).as_posix()
    run(out / f'test_{name}.log', 'tools/test.py', config, path, '--work-dir', work_dir)
    return path


def main() -> None:
    """Run the steps of the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=ROOT / 'demo', help='folder for the pictures')
    out = parser.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    start = time.time()

    sizes = ['--num-train', '2000', '--num-val', '200', '--size', '256', '--contact-sheet']
    run(out / 'make_mannequin.log', MAKE, 'single', '--easy', '--out', DATA, *sizes)
    shutil.copy(ROOT / DATA / 'contact_sheet.png', out / 'mannequins.png')
    pose = train(CONFIG, WORK_DIR, out, *SHORTER)
    draw = ['tools/draw_predictions.py', CONFIG, pose]
    run(out / 'draw.log', *draw, '--out', str(out / 'predictions.jpg'))

    crowd = ['crowd', '--easy', '--people', '1', '5', '--size', '192', '--out', DET_DATA]
    run(out / 'make_crowds.log', MAKE, *crowd)
    detector = train(DET_CONFIG, DET_WORK_DIR, out)

    photos = ['crowd', '--easy', '--people', '2', '4', '--size', '512', '--seed', '1']
    photos += ['--num-train', '1', '--num-val', '6', '--out', PHOTOS]
    run(out / 'make_photos.log', MAKE, *photos)
    infer = ['tools/infer.py', CONFIG, pose, f'{PHOTOS}/images/val', '--kpt-thr', '0.02']
    infer += ['--det-config', DET_CONFIG, '--det-checkpoint', detector, '--out']
    run(out / 'infer.log', *infer, str(out / 'people'))

    print(f'\nDone in {(time.time() - start) / 60:.1f} minutes. Look at:')
    print(f'  {out / "mannequins.png"}   some of the people it was trained on')
    print(f'  {out / "predictions.jpg"}  people it had not seen: 2D pose, 3D pose, polarities')
    print(f'  {out / "people"}           pictures of several people, found and posed')
    print('For a picture of your own, put its name in the place of the folder:')
    print(f'  python {shlex.join(infer)} {out / "own"}')


if __name__ == '__main__':
    main()
