"""What a benchmark measured, as a JSON file beside its page, for :mod:`performance` to collect."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmpose_ext.fileio import write_text

HEAD = """\
| what | against | its time, ms | mmpose_ext, ms | ratio | wanted | met | difference |
| --- | --- | ---: | ---: | ---: | --- | --- | ---: |"""


@dataclass(frozen=True)
class Comparison:
    """Two ways to the same, timed in one run.

    Attributes:
        what (str): What was timed.
        against (str): The other way.
        other_ms (float): The other's milliseconds.
        ours_ms (float): Ours.
        ratio (float): The other's time divided by ours, the median over turns.
        wanted (str): What was asked for; empty for nothing.
        is_met (bool): Whether that came out.
        difference (float): Largest difference of the results, relative to the largest value.
    """

    what: str
    against: str
    other_ms: float
    ours_ms: float
    ratio: float
    wanted: str = ''
    is_met: bool = True
    difference: float = 0.0

    @property
    def verdict(self) -> str:
        """Whether it came out as wanted, in a word."""
        return ('met' if self.is_met else 'missed') if self.wanted else '-'

    def row(self) -> str:
        """A line to go below ``HEAD``."""
        return (
            f'| {self.what} | {self.against} | {self.other_ms:.3f} | {self.ours_ms:.3f} '
            f'| {self.ratio:.2f} | {self.wanted or "-"} | {self.verdict} | {self.difference:.1g} |'
        )


@dataclass(frozen=True)
class Section:
    """A table of another kind, for the page of all benchmarks.

    Attributes:
        title (str): Its heading.
        text (str): Markdown: the table, and what is to be said above it.
    """

    title: str
    text: str


@dataclass(frozen=True)
class Record:
    """What a benchmark measured.

    Attributes:
        page (str): File name of its page.
        written (str): Command, machine and versions, in a sentence.
        comparisons (Sequence[Comparison]): Its ratios.
        sections (Sequence[Section]): Tables of another kind.
    """

    page: str
    written: str
    comparisons: Sequence[Comparison] = ()
    sections: Sequence[Section] = ()

    @property
    def title(self) -> str:
        """The page without its suffix."""
        return Path(self.page).stem


def record_path(page: Path) -> Path:
    """Where the record of a page lies."""
    return page.with_suffix('.json')


def write_record(
    page: Path,
    written: str,
    comparisons: Iterable[Comparison],
    sections: Iterable[Section] = (),
) -> None:
    """Write the record of a page beside it."""
    record = Record(page.name, written, list(comparisons), list(sections))
    write_text(record_path(page), json.dumps(asdict(record), indent=1) + '\n')


def read_record(page: Path) -> Record | None:
    """Read the record of a page.

    Returns:
        Record, optional: None where the benchmark has never been run.

    Raises:
        ValueError: If the file is not a record.
    """
    path = record_path(page)
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
        comparisons = [Comparison(**one) for one in found.pop('comparisons')]
        sections = [Section(**one) for one in found.pop('sections')]
        return Record(**found, comparisons=comparisons, sections=sections)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f'{path} is no record of a benchmark ({error!r}): remove it, and measure again.'
        ) from error
