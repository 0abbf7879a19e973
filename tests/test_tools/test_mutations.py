"""The list of mutations fits the sources, and its runner tells red from green."""

import re
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / 'tools/benchmark/mutations.py'
FORMULA = 'mmpose_ext/evaluation/functional/flow_errors.py'
TESTS = 'tests/test_evaluation/test_functional/test_flow_errors.py'
KILLER = f'{TESTS}::test_endpoint_errors'
RIGHT, WRONG, EQUAL = '(pred * gt).sum(-3)', '(pred - gt).sum(-3)', '(gt * pred).sum(-3)'


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOL.parent))
    import mutations

    yield mutations
    del sys.modules['mutations']


def a_list(folder, *mutations, file=FORMULA, tests=TESTS):
    pairs = ',\n'.join(f"['{old}', '{new}']" for old, new in mutations)
    path = folder / 'formulas.toml'
    path.write_text(
        f"[[source]]\nfile = '{file}'\ntests = ['{tests}']\nmutations = [\n{pairs}\n]\n"
    )
    return path


def test_lists_fit_the_sources(tool):
    mutations = tool.read_lists(sorted(tool.LISTS.glob('*.toml')))
    stale = [(one.summary, tool.fault(one)) for one in mutations if tool.fault(one)]
    assert not stale
    assert len(set(mutations)) == len(mutations)
    assert all(one.old != one.new for one in mutations)


@pytest.mark.parametrize(
    'folder',
    [
        *('codecs', 'codecs/functional', 'models/losses', 'models/functional'),
        *('evaluation/metrics', 'evaluation/functional'),
    ],
)
def test_each_codec_loss_and_metric_has_mutations(tool, root, folder):
    mutated = {one.file for one in tool.read_lists(tool.LISTS.glob('*.toml'))}
    found = (root / 'mmpose_ext' / folder).glob('*.py')
    files = {path.relative_to(root).as_posix() for path in found if path.name != '__init__.py'}
    assert len(files) > 3
    assert not files - mutated


def test_a_mistake_goes_red_and_an_equal_formula_stays_green(run_python, root, tmp_path):
    before = (root / FORMULA).read_bytes()
    a_list(tmp_path, (RIGHT, WRONG), (RIGHT, EQUAL))
    page, state = tmp_path / 'page.md', tmp_path / 'state.txt'
    options = ('--lists', tmp_path, '--out', page, '--state', state)
    done = run_python(TOOL, *options, check=False)
    assert f'1/2 killed: {FORMULA}: {RIGHT} -> {WRONG}' in done.stdout
    assert f'2/2 survived: {FORMULA}: {RIGHT} -> {EQUAL}' in done.stdout
    assert done.returncode == 1
    text = page.read_text()
    assert '**2 of 2 mutations made, in 1 files: 1 killed, 1 survived, 0 stale.**' in text
    assert f'- survived: `{FORMULA}: {RIGHT} -> {EQUAL}`' in text
    assert f'| `{FORMULA}` | 2 | 1 | 1 |' in text
    assert (root / FORMULA).read_bytes() == before
    assert len(state.read_text().splitlines()) == 2


class NoCopy:
    """In place of a copy: it runs nothing, and says which tests are red."""

    def __init__(self, *_, red=()):
        self.asked, self.red = [], list(red)

    def run_tests(self, *args):
        self.asked.append(args)
        return int(bool(self.red)), self.red

    def close(self):
        pass


def test_what_is_known_is_not_run_again(tool, monkeypatch, tmp_path):
    (mutation,) = tool.read_lists([a_list(tmp_path, (RIGHT, WRONG))])
    state, page, copy = tmp_path / 'state.txt', tmp_path / 'page.md', NoCopy()
    state.write_text(tool.json.dumps(tool.Outcome(mutation, tool.KILLED, KILLER, 2.5)) + '\n')
    options = ['--lists', tmp_path, '--state', state, '--out', page]
    monkeypatch.setattr(sys, 'argv', ['mutations.py', *map(str, options)])
    monkeypatch.setattr(tool, 'Copy', lambda *_: copy)
    assert tool.main() == 0
    assert copy.asked == [(KILLER,)]
    assert '1 killed, 0 survived' in page.read_text()


def test_all_files_come_before_the_second_of_one(tool):
    made = [
        tool.Mutation('formulas', file, old, '', ())
        for file, old in (('a', '1'), ('a', '2'), ('b', '1'), ('c', '1'), ('c', '2'))
    ]
    turns = [one.file + one.old for one in tool.in_turn(made)]
    assert turns == ['a1', 'b1', 'c1', 'a2', 'c2']


def test_tests_that_are_always_red_kill_nothing(tool):
    mutation = tool.Mutation('formulas', FORMULA, RIGHT, WRONG, (TESTS,))
    found = [
        tool.Outcome(mutation, tool.KILLED, KILLER, 1.0),
        tool.Outcome(mutation, tool.KILLED, f'{TESTS}::test_angular_errors', 1.0),
    ]
    first, second = tool.checked(found, NoCopy(red=[KILLER]))
    assert first.verdict == f'{KILLER} is red without it'
    assert second == found[1]


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (dict(file='mmpose_ext/gone.py'), 'no such file'),
        (dict(old='not in it'), 'occurs 0 times'),
        (dict(old='pred'), 'occurs [0-9]+ times, not once'),
        (dict(tests=('tests/test_gone.py',)), 'no tests/test_gone.py'),
        (dict(tests=(f'{TESTS}::test_gone',)), 'no .*::test_gone'),
    ],
)
def test_stale_mutations_are_told(tool, change, match):
    good = tool.Mutation('formulas', FORMULA, RIGHT, WRONG, (TESTS,))
    assert tool.fault(good) is None
    assert re.search(match, tool.fault(good._replace(**change)))


@pytest.mark.parametrize('text', ['', '[[source]]\nfile = "a"', '[[source]]\nmutations = [["a"]]'])
def test_refuses_other_lists(tool, tmp_path, text):
    path = tmp_path / 'list.toml'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'list\.toml is no list of mutations'):
        tool.read_lists([path])


def test_refuses_parts_without_a_list(tool, tmp_path, capsys):
    a_list(tmp_path, (RIGHT, WRONG))
    with pytest.raises(SystemExit):
        tool.parse_args(['--lists', str(tmp_path), '--only', 'gone'])
    assert "['formulas'], not ['gone']" in capsys.readouterr().err
