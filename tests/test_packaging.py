import subprocess
import sys
import zipfile

import pytest

from mmpose_ext.version import __version__


@pytest.fixture(scope='module')
def wheel(root, tmp_path_factory):
    """A wheel built from a copy of the tracked and untracked sources, without isolation."""
    out = tmp_path_factory.mktemp('wheel')
    source = out / 'source'
    files = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z'],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout.split('\0')  # fmt: skip
    for name in filter(None, files):
        if (root / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((root / name).read_bytes())
    pip = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation']
    subprocess.run([*pip, '--wheel-dir', str(out), str(source)], check=True)
    (path,) = out.glob('*.whl')
    return path


def test_wheel_carries_the_package_and_mim(wheel, root):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert f'mmpose_ext-{__version__}' in wheel.name
    wanted = {'mmpose_ext/__init__.py', 'mmpose_ext/py.typed', 'mmpose_ext/.mim/model-index.yml'}
    for folder in ('configs', 'tools'):
        shipped = [
            p for p in (root / folder).rglob('*.*') if p.suffix in ('.py', '.sh', '.yml', '.md')
        ]
        wanted |= {f'mmpose_ext/.mim/{p.relative_to(root)}' for p in shipped}
    assert wanted <= names
    assert not [name for name in names if 'tests/' in name or name.endswith('.pyc')]


def test_editable_install_links_mim(root):
    mim = root / 'mmpose_ext/.mim'
    for item in ('configs', 'tools', 'model-index.yml'):
        assert (mim / item).resolve() == root / item


def test_wheel_names_neither_chumpy_nor_mmpose(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [n for n in archive.namelist() if n.endswith('.dist-info/METADATA')]
    requires = [
        line
        for line in archive.read(metadata).decode().splitlines()
        if line.startswith('Requires-Dist')
    ]
    assert any('mmengine' in line for line in requires)
    assert not [line for line in requires if 'chumpy' in line or 'mmpose' in line]
