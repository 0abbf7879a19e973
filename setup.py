"""Build of mmpose_ext.

The package carries configs, tools and ``model-index.yml`` in ``mmpose_ext/.mim``,
where OpenMIM looks for them: copies in a wheel, links in an editable install.
"""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_ITEMS = ('configs', 'tools', 'model-index.yml')
NOT_SHIPPED = shutil.ignore_patterns('__pycache__', '*.pyc', 'work_dirs')


def read_version() -> str:
    """Read the version without importing the package and its dependencies."""
    scope: dict = {}
    exec((ROOT / 'mmpose_ext/version.py').read_text(), scope)
    return scope['__version__']


class build_py_with_mim(build_py):
    """``build_py`` that also fills ``mmpose_ext/.mim``."""

    def run(self) -> None:
        super().run()
        if getattr(self, 'editable_mode', False):
            self.link_mim(ROOT / 'mmpose_ext/.mim')
        else:
            self.copy_mim(Path(self.build_lib) / 'mmpose_ext/.mim')

    def link_mim(self, mim: Path) -> None:
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir()
        for item in MIM_ITEMS:
            (mim / item).symlink_to(Path('../..') / item)

    def copy_mim(self, mim: Path) -> None:
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for item in MIM_ITEMS:
            if (ROOT / item).is_dir():
                shutil.copytree(ROOT / item, mim / item, ignore=NOT_SHIPPED)
            else:
                shutil.copy(ROOT / item, mim / item)


setup(
    name='mmpose_ext',
    version=read_version(),
    description='HEMlets, PoSh, EventHPE, HSJP, SWAHR and SimDR as an MMPose plugin',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmpose_ext', 'mmpose_ext.*']),
    package_data={'mmpose_ext': ['py.typed']},
    python_requires='>=3.10',
    # Only what pip can solve. MMPose (it asks for chumpy, which cannot be built)
    # and mmcv (lite or full) are the installer's choice: see docs/installation.md.
    install_requires=[
        'torch>=2.1',
        'h5py>=3.10',
        'mmengine>=0.10.7',
        'numpy<2',
        'opencv-python',
        'pillow>=10.1',
        'scipy',
        'six',
        'smplx>=0.1.28',
        'tqdm',
        'xtcocotools>=1.14.3',
    ],
    extras_require={
        # Readers of event cameras' own formats; event-vision-library installs another `evlib`.
        'events': ['aedat>=2.3', 'evlib>=0.13', 'hdf5plugin>=4'],
        'docs': ['furo>=2024.8', 'myst-parser>=4', 'sphinx>=8'],
        'export': ['onnx>=1.17', 'onnxruntime>=1.20', 'onnxscript>=0.5'],
        'h36m': ['spacepy>=0.7'],
        'mesh': ['trimesh>=4.4'],
        'webdemo': ['gradio>=5', 'trimesh>=4.4'],
    },
    cmdclass={'build_py': build_py_with_mim},
    classifiers=[
        'License :: OSI Approved :: Apache Software License',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
)
