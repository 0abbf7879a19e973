"""Figures that others published, read from the metafiles of MMPose and of this package."""

from functools import cache
from pathlib import Path
from typing import Any

import mmpose_ext  # noqa: F401  isort: skip  # mends what MMPose's imports need
import mmpose
import yaml

ROOT = Path(__file__).resolve().parents[2]
MIM = Path(mmpose.__file__).parent / '.mim'
MARK = 'mmpose::'
SUFFIX = ' (published)'


def path_of(config: str) -> Path:
    """Path of a config of MMPose (``mmpose::...``) or of this package, or a path as it is."""
    if config.startswith(MARK):
        return MIM / 'configs' / config.removeprefix(MARK)
    return path if (path := ROOT / config).is_file() else Path(config)


@cache
def models(metafile: Path) -> list[dict[str, Any]]:
    """The models that a metafile lists."""
    return yaml.safe_load(metafile.read_text(encoding='utf-8'))['Models']


def published(config: str, dataset: str, metric: str) -> tuple[float, str] | None:
    """A published figure and the metafile that says it.

    Args:
        config (str): See :func:`path_of`.
        dataset (str): Name of the test data as metafiles write it, such as ``'COCO'``.
        metric (str): Name of the figure as metafiles write it, such as ``'AP'``.

    Returns:
        tuple[float, str] | None: Figure and source; None if no metafile beside the config lists it.
    """
    path = path_of(config)
    is_ours = MIM not in path.parents
    key = metric + SUFFIX if is_ours else metric
    for metafile in sorted(path.parent.glob('*.yml')):
        for model in models(metafile):
            if Path(model['Config']).name != path.name:
                continue
            for result in model.get('Results', []):
                if result['Dataset'] == dataset and key in result['Metrics']:
                    home = ROOT if is_ours else MIM
                    source = metafile.relative_to(home / 'configs')
                    return result['Metrics'][key], f'{"" if is_ours else MARK}{source}'
    return None
