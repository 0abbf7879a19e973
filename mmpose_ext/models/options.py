"""Checks of the options that losses and formulas share."""

from collections.abc import Sequence


def check_option(name: str, value: str, options: Sequence[str]) -> None:
    """Refuse a value that is none of the options.

    Args:
        name (str): Name of the argument.
        value (str): Its value.
        options (Sequence[str]): What it may be.

    Raises:
        ValueError: If it is none.
    """
    if value not in options:
        raise ValueError(f'{name} must be one of {tuple(options)}, got {value!r}.')


def check_not_negative(**values: float) -> None:
    """Refuse negative numbers and NaN.

    Args:
        values (float): Arguments by name.

    Raises:
        ValueError: If one is negative or no number.
    """
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f'{name} must not be negative, got {value}.')
