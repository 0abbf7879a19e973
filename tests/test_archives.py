import tarfile

import pytest

from mmpose_ext import archives
from mmpose_ext.archives import extract_archive, staged


@pytest.fixture
def packed(tmp_path):
    (tmp_path / 'tree/a').mkdir(parents=True)
    (tmp_path / 'tree/a/b.txt').write_text('text ' * 1000)
    with tarfile.open(tmp_path / 'x.tgz', 'w:gz') as tar:
        tar.add(tmp_path / 'tree/a', 'a')
    return tmp_path / 'x.tgz'


def test_extracts_and_leaves_nothing_else(packed, tmp_path):
    out = tmp_path / 'out'
    (out / 'a').mkdir(parents=True)
    (out / 'a/kept.txt').touch()
    (out / '.partial-x.tgz').mkdir()
    (out / '.partial-x.tgz/left').touch()
    extract_archive(packed, out)
    assert (out / 'a/b.txt').read_text() == 'text ' * 1000
    assert {p.name for p in out.rglob('*')} == {'a', 'b.txt', 'kept.txt'}


@pytest.mark.parametrize('length', [0, 10, 60])
def test_damaged(packed, tmp_path, length):
    packed.write_bytes(packed.read_bytes()[:length])
    with pytest.raises(ValueError, match=r'x\.tgz is damaged .*download it again'):
        extract_archive(packed, tmp_path / 'out')
    assert not list((tmp_path / 'out').iterdir())


@pytest.mark.parametrize(
    ('name', 'kind'),
    [('../evil', tarfile.REGTYPE), ('/evil', tarfile.SYMTYPE), ('null', tarfile.CHRTYPE)],
)
def test_unsafe(tmp_path, name, kind):
    with tarfile.open(tmp_path / 'x.tar', 'w') as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, '/etc/hostname'
        tar.addfile(member)
    with pytest.raises(ValueError, match='not safe to extract'):
        extract_archive(tmp_path / 'x.tar', tmp_path / 'out')
    assert {p.name for p in tmp_path.iterdir()} == {'x.tar', 'out'}
    assert not list((tmp_path / 'out').iterdir())


def test_says_how_much_room_is_missing(packed, tmp_path, monkeypatch):
    usage = archives.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(archives.shutil, 'disk_usage', lambda _: usage._replace(free=7))
    with pytest.raises(OSError, match=r'out has 0\.0 GB left'):
        extract_archive(packed, tmp_path / 'out')


def test_staged_moves_only_when_all_went_well(tmp_path):
    with pytest.raises(RuntimeError), staged(tmp_path, 'work') as stage:
        (stage / 'x').touch()
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with staged(tmp_path, 'work') as stage:
        (stage / 'x').write_text('new')
        assert not (tmp_path / 'x').exists()
    assert (tmp_path / 'x').read_text() == 'new'
    assert len(list(tmp_path.iterdir())) == 1


def test_does_not_blame_the_archive_for_the_memory(packed, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(tarfile.TarFile, 'extractall', fail)
    with pytest.raises(MemoryError):
        extract_archive(packed, tmp_path / 'out')
