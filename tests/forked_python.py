"""Runs ``python SCRIPT ARGS`` or ``python -c CODE ARGS`` without importing torch for each.

A server of :mod:`multiprocessing` has imported what others wrote, and each script is a process
of its own, a fork of the server: most of a small run's time is such imports. MMPose and
mmpose_ext are imported by the script itself, since what it imports first is what is tested.
"""

import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import quick_mmengine

# The slow ones among those that importing mmpose_ext and a step of an optimizer import.
PRELOADED = (
    *('torch.distributed.fsdp', 'torch.distributed.optim', 'torch._dynamo', 'scipy.stats'),
    *('scipy.interpolate', 'scipy.io', 'matplotlib.pyplot', 'cv2', 'h5py', 'smplx'),
    *('pycocotools.cocoeval', 'xtcocotools.cocoeval', 'shapely.geometry', 'rich.console'),
    *('mmengine.runner', 'mmengine.hub', 'mmengine.infer', __name__),
)


def run_script(
    args: list[str], cwd: Path, timeout: float, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess:
    """Run a script or ``-c CODE``; its standard output and error together are ``stdout``.

    Raises:
        subprocess.TimeoutExpired: If it has not ended after so many seconds; it is killed.
    """
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(list(PRELOADED))
    env = dict(os.environ if env is None else env)
    with tempfile.NamedTemporaryFile('r') as output:
        process = context.Process(
            target=_be_python, args=(args, str(cwd), env, output.name, _plain_path())
        )
        process.start()
        try:
            process.join(timeout)
        finally:
            late = process.is_alive()
            process.kill()
            process.join()
        if late:
            raise subprocess.TimeoutExpired(args, timeout, output.read())
        return subprocess.CompletedProcess(args, process.exitcode, output.read())


@cache
def _plain_path() -> list[str]:
    """Where a python that starts looks for modules; tests and tools have added to this one's."""
    code = 'import json, sys; print(json.dumps(sys.path[1:]))'
    env = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    command = [sys.executable, '-c', code]
    found = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    path: list[str] = json.loads(found.stdout)
    return path


def _be_python(
    args: list[str], cwd: str, env: dict[str, str], output: str, plain_path: list[str]
) -> None:
    """Become ``python ARGS``, as far as a script can tell."""
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    named = list(filter(None, env.get('PYTHONPATH', '').split(os.pathsep)))
    is_code = args[0] == '-c'
    sys.path[:] = ['' if is_code else str(Path(args[0]).resolve().parent), *named, *plain_path]
    quick_mmengine.install()
    _customize(named)
    if is_code:
        sys.argv = ['-c', *args[2:]]
        _execute(args[1], '<string>', '__main__')
    else:
        sys.argv = list(args)
        runpy.run_path(args[0], run_name='__main__')


def _customize(folders: list[str]) -> None:
    """Run the first sitecustomize.py of the folders, as a python does that starts."""
    for file in (Path(folder) / 'sitecustomize.py' for folder in folders):
        if file.is_file():
            _execute(file.read_text(), str(file), 'sitecustomize')
            return


def _execute(code: str, file: str, name: str) -> None:
    exec(compile(code, file, 'exec'), {'__name__': name})
