"""Runs tests again and again on sources that change in between: the inner half of mutations.py.

It stands in a copy of the repository, which is its working directory and its PYTHONPATH, reads
what to give to pytest from standard input, a JSON list on a line, and answers each with a line:
the exit status of pytest and the tests that went red. Each run is a fork of this process, which
has imported what mmpose_ext imports, but not mmpose_ext.
"""

import compileall
import contextlib
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from types import ModuleType
from typing import Any

COPY = Path.cwd()
# The slow ones among the imports of the package and of its tests.
PRELOADED = (
    *('torch.distributed.fsdp', 'torch.distributed.optim', 'torch._dynamo', 'scipy.stats'),
    *('scipy.interpolate', 'scipy.io', 'scipy.spatial.transform', 'scipy.optimize', 'cv2'),
    *('matplotlib.pyplot', 'h5py', 'smplx', 'pycocotools.cocoeval', 'xtcocotools.cocoeval'),
    *('mmengine.runner', 'mmdet.models', 'mmpose.apis', 'mmpose.models', 'mmpose.datasets'),
    *('mmpose.evaluation', 'mmpose.engine', 'mmpose.visualization'),
    *('pytest', 'pytest_timeout', 'xdist.plugin'),
)
# Exit statuses of a run, beside pytest's own.
ELSEWHERE, TIMED_OUT = 97, 98


def preload() -> None:
    """Import all but mmpose_ext, mended by its shims, and compile its sources."""
    package = ModuleType('mmpose_ext')  # without what its __init__ registers
    package.__path__ = [str(COPY / 'mmpose_ext')]
    sys.modules['mmpose_ext'] = package
    importlib.import_module('mmpose_ext.compat').install()
    for name in PRELOADED:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.split('.')[0] == 'mmpose_ext']:
        del sys.modules[name]
    # By content: two mutations of a file may have the same size and second.
    compileall.compile_dir(
        COPY / 'mmpose_ext', quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH
    )
    sys.dont_write_bytecode = True


class _Red:
    """A plugin of pytest that writes down which tests go red."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            with self.path.open('a', encoding='utf-8') as file:
                file.write(json.dumps(report.nodeid) + '\n')


def run_tests(args: list[str], folder: Path, timeout: int) -> tuple[int, list[str]]:
    """Fork and run pytest there.

    Args:
        args (list[str]): What to give to pytest.
        folder (Path): Where to write what it prints.
        timeout (int): Seconds after which it is ended.

    Returns:
        tuple[int, list[str]]: The exit status of pytest, or ELSEWHERE or TIMED_OUT; and the names
        of the tests that went red.
    """
    red = folder / 'red.txt'
    red.write_text('')
    child = os.fork()
    if not child:
        status = 99
        try:
            os.setpgid(0, 0)
            signal.alarm(timeout)
            output = os.open(folder / 'log.txt', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            status = _run_pytest(args, _Red(red))
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests started and left
    names = [json.loads(line) for line in red.read_text(encoding='utf-8').splitlines()]
    return TIMED_OUT if status == -signal.SIGALRM else status, names


def _run_pytest(args: list[str], plugin: _Red) -> int:
    import pytest

    # A traceback takes longer than most tests. pytest-timeout would set the same alarm anew.
    options = ('-q', '--tb=no', '--assert=plain', '-p', 'no:cacheprovider', '-o', 'timeout=0')
    status = int(pytest.main([*options, *args], plugins=[plugin]))
    sys.stdout.flush()
    file = sys.modules['mmpose_ext'].__file__ if 'mmpose_ext' in sys.modules else None
    return status if file and Path(file).is_relative_to(COPY) else ELSEWHERE


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # so that nothing but answers goes there
    preload()
    folder, timeout = Path(sys.argv[1]), int(sys.argv[2])
    for line in sys.stdin:
        answer = run_tests(json.loads(line), folder, timeout)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == '__main__':
    main()
