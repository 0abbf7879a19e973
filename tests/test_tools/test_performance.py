"""The table of all benchmarks; benchmarks of a line or two stand in for them."""

import importlib
import json

import pytest

GOOD = """
import json, pathlib, sys
page = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])
wanted = {wanted!r}
one = dict(what='w', against='a', other_ms=2.0, ours_ms=1.0, ratio=2.0, wanted=wanted,
           is_met=wanted != '>= 3', difference=0.0)
section = dict(title='Parts', text='| a |')
record = dict(page=page.name, written=f'Written by {{sys.argv[1:3]}}', comparisons=[one],
              sections=[section])
page.with_suffix('.json').write_text(json.dumps(record))
if wanted == '>= 3':
    sys.exit('Missed: w against a.')
"""


@pytest.fixture
def tools(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    return importlib.import_module


@pytest.fixture
def performance(tools, tmp_path, monkeypatch):
    """The module with benchmarks 'one' and 'two', which say what ``scripts`` holds."""
    module = tools('performance')
    monkeypatch.setattr(module, 'TOOLS', tmp_path)
    monkeypatch.setattr(module, 'RESULTS', tmp_path / 'docs/performance.md')
    (tmp_path / 'docs').mkdir()
    benchmarks = [module.Benchmark(name, f'{name}_speed.md') for name in ('one', 'two')]
    monkeypatch.setattr(module, 'BENCHMARKS', benchmarks)
    for name in ('one', 'two'):
        (tmp_path / f'{name}.py').write_text(GOOD.format(wanted=''))
    return module


def test_all_comparisons_are_in_one_table(performance, tmp_path):
    assert performance.main(['--threads', '1']) == 0
    text = (tmp_path / 'docs/performance.md').read_text()
    for name in ('one', 'two'):
        assert f'| [{name}_speed]({name}_speed.md) | w | a | 2.000 | 1.000 | 2.00 | - |' in text
    assert '2 comparisons; a figure was asked of 0 of them, 0 meet it.' in text
    assert text.count('## Parts') == 2
    assert "Written by ['--threads', '1']" in text


def test_one_that_fails_is_named_and_the_others_run(performance, tmp_path, capfd):
    (tmp_path / 'one.py').write_text("raise RuntimeError('torn')")
    assert performance.main(['--threads', '1']) == 1
    text = (tmp_path / 'docs/performance.md').read_text()
    assert '- `one`: exit status 1, RuntimeError: torn' in text
    assert '[two_speed](two_speed.md) | w' in text
    assert '[one_speed]' not in text
    assert 'Traceback' in capfd.readouterr().err


def test_what_was_measured_before_stays(performance, tmp_path):
    assert performance.main(['--threads', '1', '--only', 'one']) == 0
    (tmp_path / 'one.py').write_text('import sys; sys.exit("unequal")')
    assert performance.main(['--threads', '2']) == 1
    text = (tmp_path / 'docs/performance.md').read_text()
    assert "[one_speed](one_speed.md): Written by ['--threads', '1']" in text
    assert "[two_speed](two_speed.md): Written by ['--threads', '2']" in text
    assert '- `one`: exit status 1, unequal' in text


@pytest.mark.parametrize(('quick', 'status'), [([], 1), (['--quick'], 0)])
def test_a_missed_figure_is_told_and_no_failure(performance, quick, status, tmp_path, capsys):
    (tmp_path / 'two.py').write_text(GOOD.format(wanted='>= 3'))
    page = tmp_path / 'performance.md'
    assert performance.main(['--threads', '1', '--out', str(page), *quick]) == status
    text = page.read_text()
    assert '0 meet it. Missed: w against a.' in text
    assert 'they failed' not in text


def test_quick_leaves_the_documentation_alone(performance, tmp_path):
    assert performance.main(['--threads', '1', '--quick']) == 0
    assert not list((tmp_path / 'docs').iterdir())


def test_benchmarks_are_there(tools, root):
    performance = tools('performance')
    for benchmark in performance.BENCHMARKS:
        source = (root / f'tools/benchmark/{benchmark.name}.py').read_text()
        assert f"'{benchmark.page}'" in source or f'/{benchmark.page}' in source


@pytest.mark.parametrize('content', ['{', '[]', '{"page": "a.md"}', '{"comparisons": [{}]}'])
def test_other_files_are_no_records(tools, content, tmp_path):
    records = tools('records')
    (tmp_path / 'a.json').write_text(content)
    with pytest.raises(ValueError, match='remove it, and measure again'):
        records.read_record(tmp_path / 'a.md')


def test_records_come_back(tools, tmp_path):
    records = tools('records')
    one = records.Comparison('w', 'a', 2.0, 1.0, 2.0, '>= 3', False, 0.5)
    section = records.Section('t', '| x |')
    page = tmp_path / 'a.md'
    assert records.read_record(page) is None
    records.write_record(page, 'Written', [one], [section])
    assert records.read_record(page) == records.Record('a.md', 'Written', [one], [section])
    assert json.loads(page.with_suffix('.json').read_text())['comparisons'][0]['what'] == 'w'
