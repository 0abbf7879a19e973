import pytest

from mmpose_ext.fileio import atomic_path, write_text


def test_writes_and_makes_folders(tmp_path):
    write_text(tmp_path / 'a/b/page.md', 'größer')
    assert (tmp_path / 'a/b/page.md').read_text(encoding='utf-8') == 'größer'
    assert [p.name for p in (tmp_path / 'a/b').iterdir()] == ['page.md']


def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path):
    target = tmp_path / 'page.md'
    write_text(target, 'old')
    with pytest.raises(RuntimeError, match='half way'), atomic_path(target) as temporary:
        temporary.write_text('new')
        raise RuntimeError('half way')
    assert target.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [target]


def test_temporary_keeps_the_suffix_and_the_folder(tmp_path):
    with atomic_path(tmp_path / 'sheet.jpg') as temporary:
        assert temporary.suffix == '.jpg'
        assert temporary.parent == tmp_path
        temporary.touch()
    assert (tmp_path / 'sheet.jpg').exists()


def test_unwritable_target_is_an_error(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file'):
        write_text(tmp_path / 'file' / 'page.md', 'text')
