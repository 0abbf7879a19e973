"""Jigsaw puzzles out of crops of people, with the places of the patches as keypoints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

from mmpose_ext.codecs.functional.jigsaw import (
    check_grid,
    check_jitter,
    check_permutation,
    image_from_input,
    inverse_permutation,
    jitter_patches,
    patch_contrast,
    shuffle_patches,
    slot_centers,
)
from mmpose_ext.npz import read_npy
from mmpose_ext.refusals import read_json


def load_permutations(permutations: Any, num_patches: int) -> np.ndarray:
    """Load and check a list of permutations.

    Args:
        permutations (Any): Permutations (P, K), or the path of a ``.npy`` or ``.json`` file of
            them.
        num_patches (int): Number of patches K.

    Returns:
        np.ndarray: The permutations, int64 (P, K).

    Raises:
        ValueError: If the file cannot be read, or a row is no permutation; names file and row.
    """
    source = 'permutations'
    if isinstance(permutations, str | Path):
        source, path = str(permutations), Path(permutations)
        if path.suffix not in ('.npy', '.json'):
            raise ValueError(f'permutations must be a .npy or .json file, got {source}.')
        read = read_npy if path.suffix == '.npy' else read_json
        try:
            permutations = read(path, 'file of permutations')
        except OSError as error:
            raise ValueError(f'{source} cannot be read as permutations: {error}') from error
    rows = list(permutations) if np.iterable(permutations) else []
    if not rows:
        raise ValueError(
            f'{source} must hold one permutation of {num_patches} patches or more, got '
            f'{permutations!r:.80}.'
        )
    for row, permutation in enumerate(rows):
        try:
            check_permutation(permutation, num_patches)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f'{source}, row {row}: {error}') from error
    return np.asarray(rows, dtype=np.int64)


@TRANSFORMS.register_module()
class HSJPShuffle(BaseTransform):
    """Shuffle the patches of a crop; each patch becomes a keypoint where it is found.

    The pretext task of Heatmap-Style Jigsaw Puzzles (https://arxiv.org/abs/2012.07101): keypoint
    k is the place at which the patch with the *original* place k lies in the shuffled crop. Goes
    behind ``TopdownAffine`` and before ``GenerateTarget``; any flip comes before it. What the
    paper's abstract does not say (grid, gaps, permutations, patches without content) is our choice.

    Required keys: ``img`` (H, W, 3), ``input_size``, ``input_center``, ``input_scale``, and
    ``id`` with a seed.

    Modified or added keys, for K patches:

    - ``img``: shuffled, the patches unchanged but for jitter.
    - ``transformed_keypoints``: centres of the patches' slots, float32 (1, K, 2) px of the crop.
    - ``keypoints``: the same in px of the image, float32 (1, K, 2), a rotated crop taken for an
      upright one as in MMPose's predictions. With ``use_udp`` the crop spans one pixel less than
      ``input_size``, as MMPose's UDP codecs take it when they decode.
    - ``keypoints_visible``: float32 (1, K), 0 for patches without contrast, 1 else.
    - ``hsjp_perm``: the patch that each slot shows, int64 (K,).

    Args:
        grid (Sequence[int]): (rows, columns).
        jitter (int): Each patch is a random window of its cell, this many px narrower and lower,
            resized bilinearly to the cell. Defaults to 0: no gap.
        min_contrast (float, optional): A patch whose values differ by no more than this in any
            colour cannot be told from others like it, and is invisible. Defaults to 0: one
            colour all over, as outside the photograph. None: all are visible.
        permutations (Sequence[Sequence[int]] | str, optional): Permutations (P, K) to choose
            from, or a ``.npy`` or ``.json`` file of them. Defaults to None: all K! of them.
        use_udp (bool): Whether codec and ``TopdownAffine`` process without bias: centres are
            half a pixel less.
        seed (int, optional): Draw from this and the sample's ``id``, so that each sample is
            always shuffled alike, for validation. Defaults to None: from numpy's global
            generator, which MMEngine seeds in each worker.

    Raises:
        ValueError: If an argument is invalid, or the grid does not divide the crop.
    """

    def __init__(
        self,
        grid: Sequence[int] = (4, 3),
        jitter: int = 0,
        min_contrast: float | None = 0,
        permutations: Sequence[Sequence[int]] | str | None = None,
        use_udp: bool = False,
        seed: int | None = None,
    ) -> None:
        if not isinstance(jitter, int) or jitter < 0:
            raise ValueError(f'jitter must be a whole number of px, 0 or more, got {jitter!r}.')
        if min_contrast is not None and not min_contrast >= 0:
            raise ValueError(f'min_contrast must be None or 0 and more, got {min_contrast!r}.')
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
            raise ValueError(f'seed must be a whole number or None, got {seed!r}.')
        self.grid = check_grid(grid)
        self.num_patches = self.grid[0] * self.grid[1]
        self.jitter = jitter
        self.min_contrast = min_contrast
        self.permutations = (
            None if permutations is None else load_permutations(permutations, self.num_patches)
        )
        self.use_udp = use_udp
        self.seed = seed
        # Seeded anew for each sample: to make a generator takes as long as all the rest.
        self._random = np.random.RandomState(seed=0)

    @cache_randomness
    def draw(self, sample_id: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draw the permutation (K,) and the offsets (K, 2) px of the windows.

        Args:
            sample_id: Id of the sample, used with a seed only.

        Returns:
            Both int64.
        """
        random: Any = np.random
        if self.seed is not None:
            random = self._random
            random.seed((self.seed + int(sample_id)) % 2**32)
        if self.permutations is None:
            permutation = random.permutation(self.num_patches)
        else:
            permutation = self.permutations[random.randint(len(self.permutations))]
        offsets = np.zeros((self.num_patches, 2), dtype=np.int64)
        if self.jitter:
            offsets = random.randint(self.jitter + 1, size=offsets.shape)
        return permutation.astype(np.int64), offsets

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Shuffle a sample.

        Args:
            results: The sample, see the class.

        Returns:
            The shuffled sample.

        Raises:
            ValueError: If the sample is no crop, the grid does not divide it, or it has no
                whole number ``id`` although there is a seed; names the sample.
        """
        image = results['img']
        try:
            self._check(results)
        except ValueError as error:
            raise ValueError(
                f'{results.get("img_path", "a picture")} (id {results.get("id")}): {error}'
            ) from error
        permutation, offsets = self.draw(results.get('id', 0))
        size = results['input_size']

        if self.jitter:
            image = jitter_patches(image, self.grid, offsets, self.jitter)
        visible = np.ones((1, self.num_patches), dtype=np.float32)
        if self.min_contrast is not None:  # of what is shown
            visible[0] = patch_contrast(image, self.grid) > self.min_contrast
        places = slot_centers(self.grid, size, self.use_udp)[inverse_permutation(permutation)]
        crop = results['input_center'], results['input_scale'], size
        in_image = image_from_input(places, *crop, self.use_udp)

        results['img'] = shuffle_patches(image, permutation, self.grid)
        results['transformed_keypoints'] = places[None]
        results['keypoints'] = in_image[None].astype(np.float32)
        results['keypoints_visible'] = visible
        results['hsjp_perm'] = permutation
        return results

    def _check(self, results: dict[str, Any]) -> None:
        missing = [
            key for key in ('input_size', 'input_center', 'input_scale') if key not in results
        ]
        if missing:
            raise ValueError(
                f'HSJPShuffle needs {", ".join(missing)}. Put it behind TopdownAffine.'
            )
        shape, size = np.shape(results['img']), tuple(results['input_size'])
        if len(shape) != 3 or shape[1::-1] != size:
            raise ValueError(
                f'HSJPShuffle needs one crop of {size[0]}x{size[1]} px (w x h, input_size), as '
                f'TopdownAffine makes it, got an image of shape {shape}.'
            )
        check_jitter(self.jitter, self.grid, size)
        if self.seed is not None:
            try:
                int(results['id'])
            except (KeyError, TypeError, ValueError):
                raise ValueError(
                    f'the seed {self.seed} needs a whole number id of the sample, got '
                    f'{results.get("id")!r}. Use seed=None, or number the annotations.'
                ) from None

    def __repr__(self) -> str:
        count = 'all' if self.permutations is None else len(self.permutations)
        return (
            f'{type(self).__name__}(grid={self.grid}, jitter={self.jitter}, '
            f'min_contrast={self.min_contrast}, permutations={count}, use_udp={self.use_udp}, '
            f'seed={self.seed})'
        )
