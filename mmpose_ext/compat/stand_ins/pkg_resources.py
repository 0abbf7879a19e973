"""Stands in for ``pkg_resources``: the three names of it that MMEngine uses."""

from importlib import metadata
from pathlib import Path

__all__ = ['Distribution', 'DistributionNotFound', 'get_distribution']


class DistributionNotFound(Exception):  # noqa: N818, the name in pkg_resources
    """No package of that name is installed."""


class Distribution:
    """An installed package.

    Args:
        distribution (importlib.metadata.Distribution): What it is made from.
    """

    def __init__(self, distribution: metadata.Distribution) -> None:
        self._distribution = distribution
        self.version = distribution.version
        self.location = str(Path(str(distribution.locate_file(''))).resolve())

    def has_metadata(self, name: str) -> bool:
        """Whether the package's metadata folder holds a file of that name."""
        return self._distribution.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        """Return the text of a file in the package's metadata folder.

        Raises:
            KeyError: If there is no such file.
        """
        text = self._distribution.read_text(name)
        if text is None:
            raise KeyError(f'{self._distribution.name} has no metadata file {name!r}')
        return text


def get_distribution(name: str) -> Distribution:
    """Return the installed package of that name.

    Args:
        name (str): Name on the package index, such as ``'mmpose'``.

    Raises:
        DistributionNotFound: If it is not installed.
    """
    try:
        return Distribution(metadata.distribution(name))
    except metadata.PackageNotFoundError as error:
        raise DistributionNotFound(f'the package {name!r} is not installed') from error


def __getattr__(name: str) -> None:
    if name.startswith('__'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    raise AttributeError(
        f'pkg_resources.{name} is not there: setuptools 82 dropped pkg_resources, and this is '
        'what mmpose_ext puts in its place for MMEngine. Run: pip install "setuptools<81"'
    )
