"""What may be wrong with an installation: a list of small checks."""

import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mmpose_ext.doctor.environment import Environment

# Module, what to install for it, who needs it.
NEEDED = (
    ('numpy', '"numpy<2"', 'everything needs it'),
    ('torch', 'torch==2.13.0', 'everything needs it'),
    ('mmengine', 'mmengine==0.10.7', 'MMPose is built on it'),
    ('mmdet', 'mmdet==3.3.0', 'mmpose.models imports it, unconditionally'),
    ('cv2', '"opencv-python<4.12"', 'MMPose reads and draws images with it'),
    ('xtcocotools', 'xtcocotools==1.14.3', "MMPose's datasets and metrics import it"),
    ('six', 'six', 'mmpose imports it, and no package asks for it any more'),
    ('scipy', 'scipy', 'MMPose imports it'),
    ('matplotlib', 'matplotlib', 'MMPose imports it'),
    ('PIL', 'pillow', 'MMPose imports it'),
    ('json_tricks', 'json-tricks', 'MMPose imports it'),
    ('munkres', 'munkres', 'MMPose imports it'),
    ('smplx', 'smplx==0.1.28', 'the body models of mmpose_ext are built on it'),
    ('h5py', '"h5py>=3.10"', "mmpose_ext reads event cameras' recordings with it"),
)
# What to install instead where MMEngine is OneDL's.
NEEDED_REVIVED = {
    'numpy': 'numpy==2.2.6',
    'mmdet': 'onedl-mmdetection==3.5.1',
    'cv2': '"opencv-python-headless<4.13"',
}
# All modules to look for.
MODULES = (*(module for module, _, _ in NEEDED), 'mmcv', 'mmpose', 'pkg_resources')

MMPOSE = '--no-deps mmpose==1.3.2'
MMCV_LITE = 'mmcv-lite==2.1.0'
MMCV_FULL = '--no-build-isolation mmcv==2.1.0'
REVIVED_MMCV_LITE = '--no-deps mmcv-lite==2.2.0'  # its requirements name mmengine
MMCVS = ('mmcv', 'mmcv-lite', 'mmcv-full', 'onedl-mmcv')
# OneDL continues two packages under names of its own: each pair shares one folder.
CONTINUED = (
    ('mmengine', 'onedl-mmengine', 'mmengine==0.10.7', 'onedl-mmengine==0.10.12'),
    ('mmdet', 'onedl-mmdetection', 'mmdet==3.3.0', 'onedl-mmdetection==3.5.1'),
)
# Not from the cache: what lies there may be compiled for numpy 1 too.
XTCOCOTOOLS = (
    'install --force-reinstall --no-deps --no-build-isolation --no-cache-dir '
    '--no-binary=xtcocotools xtcocotools==1.14.3'
)


@dataclass(frozen=True)
class Finding:
    """Something worth saying about an installation.

    Attributes:
        severity (str): ``'error'``: something will not work; ``'note'``: good to know.
        problem (str): What is wrong.
        cure (str): The command that puts it right.
    """

    severity: Literal['error', 'note']
    problem: str
    cure: str


Check = Callable[[Environment], Iterator[Finding]]


def pip(arguments: str) -> str:
    """Return the command that runs pip for the interpreter at hand."""
    return f'{shlex.quote(sys.executable)} -m pip {arguments}'


def examine(environment: Environment) -> list[Finding]:
    """Run all checks; look at the whole only if its parts are well.

    Returns:
        list[Finding]: Errors first; within each kind in the order to cure them in.
    """
    findings = [finding for check in CHECKS for finding in check(environment)]
    if all(finding.severity == 'note' for finding in findings):
        findings += check_whole(environment)
    return sorted(findings, key=lambda finding: finding.severity != 'error')


def check_python(environment: Environment) -> Iterator[Finding]:
    """MMEngine 0.10.7 lives on Python 3.7-3.13; there are all wheels for 3.10 and 3.11."""
    version = '.'.join(map(str, environment.python))
    cure = 'make setup PYTHON=python3.11, or create a venv with Python 3.10 or 3.11'
    if environment.python < (3, 10):
        yield Finding('error', f'Python {version} is too old: mmpose_ext needs 3.10', cure)
    elif environment.python >= (3, 14):
        reason = 'MMEngine 0.10.7 calls pkgutil.find_loader, which Python 3.14 dropped'
        yield Finding('error', f'Python {version} is too new: {reason}', cure)
    elif environment.python >= (3, 12):
        reason = 'xtcocotools has no wheel for it and must be compiled'
        yield Finding('note', f'Python {version} is not among the tested ones: {reason}', cure)


def check_missing_packages(environment: Environment) -> Iterator[Finding]:
    """Each of :data:`NEEDED` must be there."""
    missing = [row for row in NEEDED if row[0] in environment.absent]
    if missing:
        problem = '; '.join(f'{module} ({why})' for module, _, why in missing)
        instead = NEEDED_REVIVED if environment.revived else {}
        wanted = [instead.get(module, requirement) for module, requirement, _ in missing]
        cure = pip('install ' + ' '.join(wanted))
        yield Finding('error', f'missing: {problem}', cure)


def check_mmpose(environment: Environment) -> Iterator[Finding]:
    """MMPose 1.x must be there."""
    package = environment.package('mmpose')
    if 'mmpose' in environment.absent:
        yield Finding('error', 'missing: mmpose (mmpose_ext extends it)', pip(f'install {MMPOSE}'))
    elif package and not (1, 3) <= package.release < (2,):
        problem = f'MMPose {package.version} is installed; mmpose_ext extends 1.3'
        yield Finding('error', problem, pip(f'install --force-reinstall {MMPOSE}'))


def check_torch(environment: Environment) -> Iterator[Finding]:
    """There must be one torch, and it must load."""
    reinstall = f'{pip("uninstall -y torch")} && {pip("install torch==2.13.0")}'
    torches = environment.packages.get('torch', [])
    if len(torches) > 1:
        places = ', '.join(f'{torch.version} in {torch.folder}' for torch in torches)
        twice_in_one = len({torch.folder for torch in torches}) < len(torches)
        # Repeated, because pip removes one copy at a time.
        cure = f'{pip("uninstall -y torch")} && {reinstall}'
        severity: Literal['error', 'note'] = 'error' if twice_in_one else 'note'
        yield Finding(severity, f'torch is installed {len(torches)} times: {places}', cure)
    error = environment.probes['torch'].error
    if error and 'torch' not in environment.absent:
        yield Finding('error', f'torch does not load: {error}', reinstall)
    if environment.fact('torch', 'cuda') and not environment.fact('torch', 'gpu'):
        problem = (
            'torch is the build for CUDA and sees no GPU, so everything runs on the CPU. If '
            'there is a GPU, its driver is too old for this build or not installed'
        )
        yield Finding('note', problem, 'nvidia-smi (it tells the version of the driver)')


def check_torchvision(environment: Environment) -> Iterator[Finding]:
    """A torchvision that does not fit the torch beside it."""
    error = environment.probes['torchvision'].error
    if not error or environment.probes['torch'].error:
        return
    mended = 'broken_torchvision' in (environment.fact('mmpose_ext', 'shims') or ())
    problem = f'torchvision does not fit the torch beside it: {error}'
    if mended:
        problem += '. mmpose_ext mends it well enough for MMPose'
    cure = pip('uninstall -y torchvision') + '   (MMPose does without)'
    yield Finding('note' if mended else 'error', problem, cure)


def check_numpy_abi(environment: Environment) -> Iterator[Finding]:
    """The wheel of xtcocotools 1.14.3 is compiled for numpy 1."""
    error = environment.probes['xtcocotools'].error
    if not error or {'xtcocotools', 'numpy'} & environment.absent:
        return
    cure = pip('install "numpy<2" "opencv-python<4.12"')
    if environment.revived:
        cure = f'{pip("install cython setuptools")} && {pip(XTCOCOTOOLS)}'
    yield Finding('error', f'xtcocotools does not load beside this numpy: {error}', cure)


def check_opencv(environment: Environment) -> Iterator[Finding]:
    """OpenCV must load (the desktop build wants libGL), in a version that was tried."""
    uninstall = pip('uninstall -y opencv-python opencv-python-headless')
    wanted = NEEDED_REVIVED['cv2'] if environment.revived else '"opencv-python-headless<4.12"'
    headless = f'{uninstall} && {pip(f"install {wanted}")}'
    error = environment.probes['cv2'].error
    if error and 'cv2' not in environment.absent:
        yield Finding('error', f'OpenCV does not load: {error}', headless)
    version = environment.fact('cv2', 'version')
    if version and int(version.split('.')[0]) >= 5:
        problem = f'OpenCV {version} was never tried with MMPose'
        yield Finding('note', problem, pip('install "opencv-python<4.12"'))


def check_continued(environment: Environment) -> Iterator[Finding]:
    """A package of OpenMMLab and OneDL's continuation of it overwrite one another."""
    for original, continued, *pins in CONTINUED:
        if {original, continued} <= environment.packages.keys():
            problem = f'{original} and {continued} are installed together and overwrite one another'
            uninstall = pip(f'uninstall -y {original} {continued}')
            cure = f'{uninstall} && {pip(f"install --no-deps {pins[environment.revived]}")}'
            yield Finding('error', problem, cure)


def check_mmcv(environment: Environment) -> Iterator[Finding]:
    """One mmcv, lite or full, that loads, of a version that MMDetection accepts."""
    names = [name for name in MMCVS if name in environment.packages]
    lite = f'install {REVIVED_MMCV_LITE if environment.revived else MMCV_LITE}'
    reinstall = f'{pip("uninstall -y " + " ".join(MMCVS))} && {pip(lite)}'
    error = environment.probes['mmcv'].error
    if 'mmcv' in environment.absent:
        problem = 'missing: mmcv (MMPose and MMDetection import it)'
        yield Finding('error', problem, pip(lite))
    elif len(names) > 1:
        problem = f'{" and ".join(names)} are installed together and overwrite one another'
        yield Finding('error', problem, reinstall)
    elif error:
        problem = (
            f'mmcv does not load; its compiled ops fit only the torch they were built for: {error}'
        )
        yield Finding('error', problem, reinstall)
    accepted, below = 'MMDetection accepts 2.0 and 2.1 only', (2, 2)
    if 'onedl-mmdetection' in environment.packages:  # it accepts any
        accepted, below = 'MMPose accepts 2 only', (3, 0)
    for name in names:
        package = environment.packages[name][0]
        if not (2,) <= package.release < below:
            yield Finding('error', f'{name} is {package.version}: {accepted}', reinstall)


def check_mmcv_ops(environment: Environment) -> Iterator[Finding]:
    """The compiled ops of mmcv, which the usual models do without."""
    if environment.fact('mmcv', 'compiled_ops') is False:
        problem = (
            'mmcv has no compiled ops. nms, soft_nms, batched_nms and RoIAlign run in plain '
            'torch; deformable convolution and the others raise an error when called'
        )
        # Later ones want C++20, and mmcv 2.1.0 is built as C++17.
        cure = (
            'make setup MMCV=full, or, with torch<=2.13 and a C++ compiler: '
            f'{pip("uninstall -y mmcv-lite")} && {pip(f"install {MMCV_FULL}")}'
        )
        yield Finding('note', problem, cure)


def check_pkg_resources(environment: Environment) -> Iterator[Finding]:
    """MMEngine 0.10.7 imports pkg_resources, which setuptools 82 dropped; OneDL's does not."""
    if 'pkg_resources' in environment.absent and not environment.revived:
        problem = (
            'there is no pkg_resources, setuptools 82 dropped it: configs that inherit '
            '"mmpose::..." and the command "mim" need it'
        )
        if environment.compat:
            problem += '. mmpose_ext mends the configs'
        severity: Literal['error', 'note'] = 'note' if environment.compat else 'error'
        yield Finding(severity, problem, pip('install "setuptools<81"'))


def check_mmpose_folder(environment: Environment) -> Iterator[Finding]:
    """Configs that inherit ``mmpose::...`` need MMPose's folder."""
    if environment.fact('mmpose_ext', 'mmpose_folder_exists') is not False:
        return
    folder = environment.fact('mmpose_ext', 'mmpose_folder')
    problem = f'MMEngine looks for MMPose in {folder}, which does not exist'
    mmpose = environment.package('mmpose')
    if mmpose and mmpose.editable:
        problem += ': it does not find editable installs'
        cure = pip(f'install --force-reinstall {MMPOSE}')
    else:
        problem += ": MMEngine's main branch takes one parent folder too many"
        cure = pip('install --force-reinstall --no-deps mmengine==0.10.7')
    yield Finding('error', problem, cure)


def check_chumpy(environment: Environment) -> Iterator[Finding]:
    """MMPose asks pip for chumpy and never imports it."""
    if 'chumpy' in environment.packages:
        problem = 'chumpy is installed; nothing imports it, and it does not run on numpy >= 1.24'
        yield Finding('note', problem, pip('uninstall -y chumpy'))


def check_compat(environment: Environment) -> Iterator[Finding]:
    """The shims may be off."""
    if not environment.compat:
        problem = 'MMPOSE_EXT_NO_COMPAT=1 turns off all that mmpose_ext mends in OpenMMLab'
        yield Finding('note', problem, 'unset MMPOSE_EXT_NO_COMPAT')


def check_whole(environment: Environment) -> Iterator[Finding]:
    """mmpose_ext and MMPose's models must load, and their modules be registered."""
    error = environment.probes['mmpose_ext'].error
    cure = 'rm -rf .venv && make setup; if that is no help, please report it with the output of '
    cure += f'{shlex.quote(sys.executable)} -m mmpose_ext.doctor --json'
    if error:
        yield Finding('error', f'mmpose_ext and mmpose.models do not load: {error}', cure)
    elif not environment.fact('mmpose_ext', 'registered'):
        problem = "mmpose_ext loads, but nothing of it is in MMPose's registries"
        yield Finding('error', problem, cure)


CHECKS: tuple[Check, ...] = (
    check_python,
    check_missing_packages,
    check_torch,
    check_torchvision,
    check_numpy_abi,
    check_opencv,
    check_continued,
    check_mmcv,
    check_mmcv_ops,
    check_mmpose,
    check_pkg_resources,
    check_mmpose_folder,
    check_chumpy,
    check_compat,
)
