"""The doctor's command line: ``python -m mmpose_ext.doctor [--json]``."""

import argparse
import json
import os
import sys
from dataclasses import asdict

from mmpose_ext.doctor.checks import MODULES, Finding, examine
from mmpose_ext.doctor.environment import Environment, look_around
from mmpose_ext.version import __version__

# What the report lists, as named on the package index.
_LISTED = (
    'torch',
    'torchvision',
    'numpy',
    'mmengine',
    'onedl-mmengine',
    'mmcv',
    'mmcv-lite',
    'onedl-mmcv',
    'mmdet',
    'onedl-mmdetection',
    'mmpose',
    'xtcocotools',
    'opencv-python',
    'opencv-python-headless',
    'smplx',
    'h5py',
    'setuptools',
    'openmim',
)
_COLOURS = {'error': '31', 'note': '33', 'healthy': '32'}


def main(arguments: list[str] | None = None) -> int:
    """Examine the installation and print a report.

    Args:
        arguments (list[str] | None): The command line; ``sys.argv`` by default.

    Returns:
        int: Exit status, 0 if healthy, 1 if something will not work.
    """
    parser = argparse.ArgumentParser(
        prog='python -m mmpose_ext.doctor',
        description='Look at an installation of mmpose_ext and what it stands on; name what is '
        'wrong and the command that cures it. Exit status 0: healthy, 1: not.',
    )
    parser.add_argument('--json', action='store_true', help='print JSON for programs')
    options = parser.parse_args(arguments)

    environment = look_around(MODULES)
    findings = examine(environment)
    healthy = all(finding.severity != 'error' for finding in findings)
    if options.json:
        report = {
            'healthy': healthy,
            'versions': versions(environment),
            'shims': shims(environment),
            'findings': [asdict(finding) for finding in findings],
        }
        print(json.dumps(report, indent=2))
    else:
        print(as_text(environment, findings, colour=sys.stdout.isatty()))
    return 0 if healthy else 1


def versions(environment: Environment) -> dict[str, str]:
    """Return the version of everything that matters and is installed."""
    found = {name: environment.package(name) for name in _LISTED}
    return {
        'python': '.'.join(map(str, sys.version_info[:3])),
        'mmpose_ext': __version__,
        **{name: package.version for name, package in found.items() if package},
    }


def shims(environment: Environment) -> list[str]:
    """Return the names of the shims of :mod:`mmpose_ext.compat` at work here."""
    return environment.fact('mmpose_ext', 'shims') or []


def as_text(environment: Environment, findings: list[Finding], colour: bool) -> str:
    """Return the report for a person to read."""
    lines = [f'{name:24}{version}' for name, version in versions(environment).items()]
    lines.append(f'{"shims at work":24}{", ".join(shims(environment)) or "none"}')
    for finding in findings:
        label = painted(f'{finding.severity:6}', finding.severity, colour)
        lines += ['', f'{label} {finding.problem}', f'{"cure":>6} {finding.cure}']
    errors = sum(finding.severity == 'error' for finding in findings)
    if errors:
        verdict = f'{errors} to cure. Begin at the top; then run the doctor again.'
        verdict = painted(verdict, 'error', colour)
    else:
        verdict = painted('healthy', 'healthy', colour)
    return '\n'.join([*lines, '', verdict])


def painted(text: str, kind: str, colour: bool) -> str:
    """Colour a text for a terminal, unless https://no-color.org forbids it."""
    if not colour or os.environ.get('NO_COLOR'):
        return text
    return f'\x1b[{_COLOURS[kind]}m{text}\x1b[0m'


if __name__ == '__main__':
    sys.exit(main())
