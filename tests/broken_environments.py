"""Makes a child process see a broken installation, through a folder on its PYTHONPATH."""

import os
from pathlib import Path

_HIDE = """
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec


def find_spec_unless_hidden(name, *args, **kwargs):
    return None if name in {names} else find_spec(name, *args, **kwargs)


PathFinder.find_spec = find_spec_unless_hidden
"""


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a child that looks for modules in ``folder`` first."""
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get('PYTHONPATH'))))
    return {**os.environ, 'PYTHONPATH': path, **variables}


def hide_modules(folder: Path, *names: str) -> None:
    """Let the modules of these names be nowhere to be found."""
    (folder / 'sitecustomize.py').write_text(_HIDE.format(names=set(names)))


def fake_module(folder: Path, name: str, source: str) -> None:
    """Put a module in the place of one; ``a.b`` becomes ``b.py`` in package ``a``."""
    *packages, module = name.split('.')
    place = folder.joinpath(*packages)
    place.mkdir(parents=True, exist_ok=True)
    if packages:
        (place / '__init__.py').touch()
    (place / f'{module}.py').write_text(source)


def fake_distribution(folder: Path, name: str, version: str) -> None:
    """Let a package of that name appear to be installed."""
    place = folder / f'{name.replace("-", "_")}-{version}.dist-info'
    place.mkdir()
    (place / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
