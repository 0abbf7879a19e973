"""What can be wrong with a dataset, and the report of what is."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmpose_ext.fileio import write_text

ERROR, WARNING = 'error', 'warning'


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Attributes:
        severity (str): ``'error'`` if it stops a training, spoils it or its metrics; ``'warning'``
            if it may be meant.
        title (str): What is wrong, in a few words.
        cure (str): What to do about it.
    """

    severity: str
    title: str
    cure: str


KINDS = {
    # The file as a whole
    'file': Kind(
        ERROR,
        'the annotation file cannot be used',
        'Export it anew as COCO keypoints: a JSON object with images, annotations, categories.',
    ),
    'no-people': Kind(
        ERROR,
        'nobody has a labelled keypoint',
        'Export keypoints, not boxes or masks alone; visibility is 1 or 2 for labelled ones.',
    ),
    # Images
    'image-entry': Kind(
        ERROR,
        'an image lacks an id, a name or a size',
        'Give each image an integer id, file_name, and width and height in pixels.',
    ),
    'image-id-twice': Kind(
        ERROR,
        'an image id occurs twice',
        'Number the images anew: people of both would land on one. Merged files need that.',
    ),
    'image-twice': Kind(
        WARNING, 'a picture is listed twice', 'List it once, with all of its people.'
    ),
    'image-missing': Kind(
        ERROR,
        'a picture is not there',
        'Copy it there, correct file_name (case counts), or give the right folder of images.',
    ),
    'image-unreadable': Kind(
        ERROR, 'a picture cannot be read', 'Copy or download it again, or take it out.'
    ),
    'image-size': Kind(
        ERROR,
        'a picture is not of the size that the file says',
        'Label the pictures that you train with: scaled ones need scaled keypoints. Width and '
        'height changed over: write the EXIF rotation into the pixels before labelling.',
    ),
    'image-without-people': Kind(
        WARNING,
        'an image has no annotation',
        'Fine if nobody is on it; top-down training passes it over.',
    ),
    # Annotations
    'annotation-entry': Kind(
        ERROR, 'an annotation is no JSON object with an id', 'Give each an integer id of its own.'
    ),
    'annotation-id-twice': Kind(
        ERROR, 'an annotation id occurs twice', 'Number them anew: the first would be lost.'
    ),
    'annotation-id-zero': Kind(
        ERROR,
        'an annotation has id 0',
        "Count from 1: COCO's evaluation takes 0 for 'not matched' and the person for missed.",
    ),
    'annotation-without-image': Kind(
        ERROR,
        'an annotation is of an image that is not in the file',
        'Add the image, or take the annotation out: it would be left out without a word.',
    ),
    'annotation-twice': Kind(
        WARNING,
        'a person is annotated twice',
        'Take one out: the other counts as missed in the evaluation.',
    ),
    'box': Kind(
        ERROR,
        'a box is missing or no [x, y, width, height]',
        'Give four finite numbers in pixels, width and height not negative.',
    ),
    'box-zero': Kind(
        ERROR,
        'a box has no area, or none inside its picture',
        'Draw it around the person: MMPose leaves such people out.',
    ),
    'box-outside': Kind(
        WARNING,
        'a box reaches more than a pixel out of its picture',
        'If it is so for most boxes, they are corners [x1, y1, x2, y2]: subtract x1 and y1.',
    ),
    'area': Kind(
        ERROR,
        'the area of a person is missing or not positive',
        "Give the mask's area, or 0.53 of the box's as MMPose does: OKS and AP divide by it.",
    ),
    'keypoints': Kind(
        ERROR,
        'keypoints are missing or no numbers x, y, visibility',
        'Give 3 finite numbers for each keypoint; 0, 0, 0 for one that is not labelled.',
    ),
    'keypoint-count': Kind(
        ERROR,
        'a person has another number of keypoints than the dataset',
        'List all keypoints of the category in its order, unlabelled ones as 0, 0, 0.',
    ),
    'visibility': Kind(
        ERROR,
        'a visibility is not 0, 1 or 2',
        '0: not labelled, 1: labelled but hidden, 2: visible.',
    ),
    'keypoint-outside': Kind(
        WARNING,
        'a labelled keypoint is more than a pixel outside its picture',
        'Label what is on the picture only, others 0, 0, 0; if most are, the picture was scaled.',
    ),
    'keypoint-far': Kind(
        WARNING,
        'a visible keypoint is far outside its box',
        'More than half a box away: the box, or the keypoint, is of somebody else.',
    ),
    'normalised': Kind(
        ERROR,
        'coordinates are fractions of the picture',
        'Multiply x by width and y by height: COCO counts in pixels.',
    ),
    'num-keypoints-zero': Kind(
        ERROR,
        'num_keypoints is 0 for a person with labelled keypoints',
        'Count the visibilities above 0: MMPose leaves people with num_keypoints 0 out.',
    ),
    'num-keypoints': Kind(
        WARNING,
        'num_keypoints is missing or not the number of labelled keypoints',
        'Count the visibilities above 0; CrowdPose counts those of 2, and may stay so.',
    ),
    # Categories and the dataset's metainfo
    'category': Kind(
        ERROR,
        'an annotation is of a category that is not in the file',
        'Give categories: [{"id": 1, "name": "person", "keypoints": [...]}] and category_id 1.',
    ),
    'category-keypoints': Kind(
        ERROR,
        'keypoints of the category are not those of the dataset',
        'Names and order must agree: change the metainfo (docs/custom_data.md), or export in the '
        "dataset's order.",
    ),
    'category-skeleton': Kind(
        ERROR, 'a skeleton names a keypoint that is not there', 'It counts keypoints from 1.'
    ),
    # The config around it
    'dataset': Kind(
        ERROR, 'the dataset of the config cannot be built', 'Read what it says; see its options.'
    ),
    'model-keypoints': Kind(
        ERROR,
        'the model predicts another number of keypoints',
        "Set the head's out_channels (num_keypoints of bottom-up heads).",
    ),
    'evaluator-file': Kind(
        ERROR,
        'the metric reads another annotation file than the dataset',
        'Set ann_file of val_evaluator and test_evaluator to that of the dataset: AP is -1 or 0 '
        'otherwise.',
    ),
    'splits-share': Kind(
        WARNING,
        'a picture is in the training and in another split',
        'Split by picture, better by person or video: the metric is too good otherwise.',
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind (str): Key of :data:`KINDS`.
        where (str): Where: ``'annotation 7 of image 3 (a.jpg)'``.
        message (str): What was found, with the value.
    """

    kind: str
    where: str
    message: str


@dataclass
class Report:
    """What was looked at, and what is wrong with it.

    Attributes:
        source (str): The annotation file, and where it is used.
        counts (dict[str, int]): How many images, annotations, ... there are.
        findings (list[Finding]): What is wrong.
        pictures (list[Path]): The picture files that it uses.
    """

    source: str
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)

    def add(self, kind: str, where: str, message: str) -> None:
        """Note a finding.

        Args:
            kind (str): Key of :data:`KINDS`.
            where (str): Where.
            message (str): What was found.

        Raises:
            KeyError: If there is no such kind.
        """
        KINDS[kind]
        self.findings.append(Finding(kind, where, message))

    def number(self, severity: str) -> int:
        """How many findings there are of a severity.

        Args:
            severity (str): ``'error'`` or ``'warning'``.

        Returns:
            int: Their number.
        """
        return sum(KINDS[finding.kind].severity == severity for finding in self.findings)

    def by_kind(self) -> dict[str, list[Finding]]:
        """The findings by kind, errors first, in the order of :data:`KINDS`.

        Returns:
            dict[str, list[Finding]]: Kinds that were found.
        """
        order = sorted(KINDS, key=lambda kind: KINDS[kind].severity != ERROR)
        found: dict[str, list[Finding]] = {kind: [] for kind in order}
        for finding in self.findings:
            found[finding.kind].append(finding)
        return {kind: list_ for kind, list_ in found.items() if list_}

    def to_dict(self) -> dict[str, Any]:
        """The report in plain types.

        Returns:
            dict[str, Any]: With ``source``, ``counts``, ``errors``, ``warnings`` and ``kinds``:
            severity, title, cure, count and all findings of each.
        """
        return {
            'source': self.source,
            'counts': self.counts,
            'errors': self.number(ERROR),
            'warnings': self.number(WARNING),
            'kinds': {
                kind: {
                    **vars(KINDS[kind]),
                    'count': len(found),
                    'findings': [{'where': f.where, 'message': f.message} for f in found],
                }
                for kind, found in self.by_kind().items()
            },
        }

    def to_text(self, examples: int = 3) -> str:
        """The report to read.

        Args:
            examples (int): How many findings of a kind are shown. Defaults to 3.

        Returns:
            str: Lines; the first findings of each kind and its cure.
        """
        counts = ', '.join(f'{number} {what}' for what, number in self.counts.items())
        lines = [f'{self.source}: {counts}' if counts else self.source]
        for kind, found in self.by_kind().items():
            about = KINDS[kind]
            lines.append(f'\n  {about.severity.upper()} {kind} ({len(found)}): {about.title}')
            lines += [f'    {finding.where}: {finding.message}' for finding in found[:examples]]
            if len(found) > examples:
                lines.append(f'    ... and {len(found) - examples} more')
            lines.append(f'    -> {about.cure}')
        errors, warnings = self.number(ERROR), self.number(WARNING)
        verdict = f'{errors} errors, {warnings} warnings' if errors or warnings else 'all is well'
        return '\n'.join([*lines, f'\n  {verdict}'])


def write_reports(path: str | Path, reports: Iterable[Report]) -> None:
    """Write reports as JSON, atomically.

    Args:
        path (str | Path): The file.
        reports (Iterable[Report]): The reports.

    Raises:
        OSError: If it cannot be written.
    """
    content = [report.to_dict() for report in reports]
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + '\n')
