"""MMPose's own command-line tools, run with this package loaded."""

import runpy
from pathlib import Path

import mmpose


def stock_tool_path(name: str) -> Path:
    """Path of a tool of the installed MMPose.

    Args:
        name (str): File name without suffix, such as ``'train'``.

    Returns:
        Path: The tool inside a pip-installed MMPose (``mmpose/.mim/tools``) or
        beside the package of a source checkout.

    Raises:
        FileNotFoundError: If this MMPose has no such tool.
    """
    package = Path(mmpose.__file__).parent
    candidates = (package / '.mim/tools' / f'{name}.py', package.parent / 'tools' / f'{name}.py')
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f'MMPose {mmpose.__version__} has no tool {name!r}: looked at '
        f'{" and ".join(map(str, candidates))}. Reinstall it with '
        '"pip install --no-deps --force-reinstall mmpose==1.3.2".'
    )


def run_stock_tool(name: str) -> None:
    """Run a tool of the installed MMPose in this process, on this ``sys.argv``.

    Args:
        name (str): File name without suffix, such as ``'train'``.

    Raises:
        FileNotFoundError: If this MMPose has no such tool.
    """
    runpy.run_path(str(stock_tool_path(name)), run_name='__main__')
