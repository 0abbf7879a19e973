"""What the doctor knows about an installation, gathered without importing any of it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PROBES = ('mmpose_ext', 'torch', 'torchvision', 'mmcv', 'xtcocotools', 'cv2')
_TIMEOUT = 300  # seconds for one probe; a cold disk may need one of them
_RUN = 'import runpy; runpy.run_path({!r}, run_name="__main__")'


@dataclass(frozen=True)
class Package:
    """One installed package as its metadata describe it."""

    version: str
    folder: str = ''
    editable: bool = False

    @property
    def release(self) -> tuple[int, ...]:
        """The leading numbers of the version: ``(2, 13, 0)`` of ``2.13.0+cpu``."""
        return tuple(int(part) for part in re.findall(r'\d+', self.version.split('+')[0])[:3])


@dataclass(frozen=True)
class Probe:
    """What one probe found, or why it failed (empty if it did not)."""

    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ''


@dataclass(frozen=True)
class Environment:
    """An installation.

    Attributes:
        python (tuple[int, int]): Version of the interpreter.
        packages (dict[str, list[Package]]): By normalised name; more than one where a
            package is installed more than once.
        absent (frozenset[str]): Those of the modules asked for that cannot be found.
        probes (dict[str, Probe]): By name, one per entry of :data:`PROBES`.
        compat (bool): False under ``MMPOSE_EXT_NO_COMPAT=1``.
    """

    python: tuple[int, int]
    packages: dict[str, list[Package]]
    absent: frozenset[str]
    probes: dict[str, Probe]
    compat: bool = True

    def package(self, name: str) -> Package | None:
        """Return the package of that name that Python finds first, if any."""
        return next(iter(self.packages.get(name, ())), None)

    @property
    def revived(self) -> bool:
        """Whether MMEngine is OneDL's continuation of it."""
        return 'onedl-mmengine' in self.packages

    def fact(self, probe: str, name: str) -> Any:
        """Return what a probe found under that name; None if it failed."""
        return self.probes[probe].facts.get(name)


def look_around(modules: Iterable[str]) -> Environment:
    """Gather everything about the running interpreter's installation.

    Args:
        modules (Iterable[str]): Names of the top-level modules to look for.
    """
    with ThreadPoolExecutor() as pool:
        probes = dict(zip(PROBES, pool.map(run_probe, PROBES), strict=True))
    return Environment(
        python=sys.version_info[:2],
        packages=installed_packages(),
        absent=frozenset(name for name in modules if find_spec(name) is None),
        probes=probes,
        compat=os.environ.get('MMPOSE_EXT_NO_COMPAT') != '1',
    )


def run_probe(name: str) -> Probe:
    """Run one probe of :mod:`mmpose_ext.doctor.probes` in a process of its own."""
    script = _RUN.format(str(Path(__file__).with_name('probes.py')))
    try:
        child = subprocess.run(
            [sys.executable, '-c', script, name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return Probe(error=f'it did not finish within {_TIMEOUT} s')
    try:
        report = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Probe(error=_describe_death(child))
    return Probe(facts=report, error=report.pop('error', ''))


def installed_packages() -> dict[str, list[Package]]:
    """Return every installed package by normalised name, in the order Python looks."""
    packages: dict[str, list[Package]] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata['Name']
        if not name:
            continue  # a leftover of an interrupted pip
        origin = json.loads(distribution.read_text('direct_url.json') or '{}')
        package = Package(
            version=distribution.version,
            folder=str(Path(str(distribution.locate_file(''))).resolve()),
            editable=origin.get('dir_info', {}).get('editable', False),
        )
        same_name = packages.setdefault(re.sub('[-_.]+', '-', name).lower(), [])
        if package not in same_name:
            same_name.append(package)
    return packages


def _describe_death(child: subprocess.CompletedProcess[str]) -> str:
    said = (child.stderr.strip().splitlines() or ['it printed nothing'])[-1]
    if child.returncode < 0:
        return f'the process died of {signal.Signals(-child.returncode).name}: {said}'
    return f'the process ended with status {child.returncode}: {said}'
