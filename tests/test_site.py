"""The documentation's site: tables of contents, API pages, and a small repository built for real.

The whole site takes too long for the suite: `make docs` builds it, with every warning an error.
"""

import re
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest
from mmcv.transforms.utils import cache_randomness
from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
TOCTREE = re.compile(r'^```\{toctree\}\n(.*?)^```$', re.DOTALL | re.MULTILINE)
AUTOMODULE = re.compile(r'^\.\. automodule:: (\S+)$', re.MULTILINE)
PAGES = {*DOCS.rglob('*.md'), *ROOT.glob('configs/**/*.md')}
# Two levels of the package say the same: the lower one has the page.
SUMMARIES = {
    'mmpose_ext.datasets',
    'mmpose_ext.engine',
    'mmpose_ext.evaluation',
    'mmpose_ext.models',
}
NO_PAGE = {'mmpose_ext', 'mmpose_ext.compat', 'mmpose_ext.skeletons'}  # nothing to call


def entries_of(page):
    """Pages that the tables of contents of a page name."""
    for content in TOCTREE.findall(page.read_text(encoding='utf-8')):
        for line in content.splitlines():
            if line and not line.startswith(':'):
                found = [p.resolve() for p in page.parent.glob(f'{line}.md')]
                yield from (p for p in found if p != page) if found else [Path(line)]


def test_every_page_is_in_one_table_of_contents():
    listed = [entry for page in PAGES for entry in entries_of(page)]
    assert sorted(listed) == sorted(PAGES - {DOCS / 'index.md'})


@pytest.mark.parametrize('page', ['index.md', 'results/index.md', 'configs.md', 'api/index.md'])
def test_what_a_table_of_contents_names_is_also_linked(page):
    """So that readers of a git web page, where the tables do not show, find it."""
    text = (DOCS / page).read_text(encoding='utf-8')
    links = {(DOCS / page).parent.joinpath(p).resolve() for p in re.findall(r'\]\(([^)#]+)', text)}
    assert [p for p in entries_of(DOCS / page) if p not in links] == []


def test_tables_of_contents_stand_in_comments():
    for page in PAGES:
        text = page.read_text(encoding='utf-8')
        assert text.count('```{toctree}') == text.count('<!--\n```{toctree}'), page


def documented_modules():
    pages = sorted((DOCS / 'api').glob('*.md'))
    return [name for page in pages for name in AUTOMODULE.findall(page.read_text())]


def test_every_public_name_has_one_place_in_the_reference():
    documented = documented_modules()
    assert len(documented) == len(set(documented))
    files = (ROOT / 'mmpose_ext').rglob('__init__.py')
    names = ['.'.join(file.parent.relative_to(ROOT).parts) for file in files]
    public = {name: getattr(import_module(name), '__all__', ()) for name in names}
    wanted = {name for name in names if public[name]} - SUMMARIES - NO_PAGE
    assert set(documented) == wanted
    below = {name for module in documented for name in public[module]}
    assert {name for module in SUMMARIES for name in public[module]} <= below


def build(root, settings):
    """Exit status of a build of a repository into its folder `site`, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache_randomness, '__get__', cache_randomness.__get__)
        patch.setattr(sys, 'path', list(sys.path))
        options = ['-q', '-W', '--keep-going', '-c', str(settings)]
        return build_main([*options, str(root), str(root / 'site')])


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """Site of a small repository, by the settings of the real one."""
    root = tmp_path_factory.mktemp('repository')
    files = {
        'docs/index.md': '# Start\n\n[page](page.md#a-part-of-it)\n\n'
        '<!--\n```{toctree}\npage\napi\n../configs/simdr/table\n```\n-->\n',
        'docs/page.md': '# Page\n\n## A `part` of it\n\n[one](../configs/simdr/one.py), '
        '[folder](../configs), [table](../configs/simdr/table.md#rows)\n\n```python\nx = 1\n```\n',
        'docs/api.md': '# API\n\n```{eval-rst}\n.. automodule:: mmpose_ext.engine.schedulers\n\n'
        'Here :math:`x^2`.\n\n.. math:: \\sum_i p_i\n```\n',
        'configs/simdr/table.md': '# Table\n\n## Rows\n\n[back](../../docs/page.md)\n',
        'configs/simdr/one.py': 'number = 1 < 2\n',
        'work_dirs/log.md': '# No page of the site\n',
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    shutil.copy(DOCS / 'conf.py', root / 'docs')
    shutil.copytree(DOCS / '_sphinx', root / 'docs/_sphinx')
    assert build(root, root / 'docs') == 0
    return root / 'site'


def links_of(page):
    return re.findall(r'<a [^>]*href="([^"]+)"', page.read_text(encoding='utf-8'))


def test_links_between_pages(site):
    assert 'page.html#a-part-of-it' in links_of(site / 'docs/index.html')
    assert '../configs/simdr/table.html#rows' in links_of(site / 'docs/page.html')
    assert '../../docs/page.html' in links_of(site / 'configs/simdr/table.html')
    assert 'docs/index.html' in links_of(site / 'index.html')
    assert not (site / 'work_dirs').exists()


def test_links_to_files_and_folders(site):
    links = links_of(site / 'docs/page.html')
    assert {'../files/configs/simdr/one.py.html', '../files/configs.html'} <= set(links)
    shown = re.sub('<[^>]+>', '', (site / 'files/configs/simdr/one.py.html').read_text())
    assert 'number = 1 &lt; 2' in shown
    assert 'configs/simdr.html' in links_of(site / 'files/configs.html')
    folder = links_of(site / 'files/configs/simdr.html')
    assert {'simdr/one.py.html', '../../configs/simdr/table.html'} <= set(folder)


def test_reference_and_formulas(site):
    text = (site / 'docs/api.html').read_text()
    assert 'id="mmpose_ext.engine.schedulers.SWAHRLR"' in text
    assert text.count('<math ') == 2


def test_no_page_fetches_anything_from_elsewhere(site):
    for file in [*site.rglob('*.html'), *site.rglob('*.css')]:
        text = file.read_text(encoding='utf-8')
        loaded = re.findall(r'<(?:script|link|img|iframe|source)\b[^>]*>', text)
        loaded += re.findall(r'url\([^)]*\)|@import[^;]*;', text)
        assert [tag for tag in loaded if '//' in tag and 'data:' not in tag] == [], file


def test_a_link_that_leads_nowhere_ends_the_build(site, tmp_path, capsys):
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs/index.md').write_text('# Start\n\n[gone](../configs/gone.py)\n')
    assert build(tmp_path, site.parent / 'docs') == 1
    assert 'gone.py' in capsys.readouterr().err
