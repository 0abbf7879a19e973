import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (
        *ROOT.glob('*.md'),
        *ROOT.glob('docs/**/*.md'),
        *ROOT.glob('configs/**/*.md'),
    )
)
CODE = re.compile(r'^(```|~~~).*?^\1|(`+)(?!`).*?\2', re.DOTALL | re.MULTILINE)
LINK = re.compile(r'\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|\b(?:src|href)="([^"]+)"')
REFERENCE = re.compile(r'^\[[^\]]+\]:\s+(\S+)', re.MULTILINE)
HEADING = re.compile(r'^#+\s+(.+?)\s*$', re.MULTILINE)


def links_of(text):
    """Targets of the links and images of a page that lead into the repository."""
    prose = CODE.sub('', text)
    found = [first or second for first, second in LINK.findall(prose)] + REFERENCE.findall(prose)
    return [target for target in found if not re.match(r'[a-z]+:', target)]


@cache
def anchors_of(page):
    """Anchors of the headings of a page, as GitHub writes them."""
    text = re.sub(r'^```.*?^```', '', page.read_text(encoding='utf-8'), flags=re.DOTALL | re.M)
    headings = [heading.lower().replace('`', '') for heading in HEADING.findall(text)]
    return {re.sub(r'[^\w\- ]', '', heading).replace(' ', '-') for heading in headings}


def leads_somewhere(page, target):
    """Whether a link of a page leads to a file, and to a heading of it, that are there."""
    name, _, anchor = target.partition('#')
    file = page.parent / name if name else page
    if not file.exists():
        return False
    return not anchor or file.suffix != '.md' or anchor in anchors_of(file)


def broken_links(page):
    targets = links_of(page.read_text(encoding='utf-8'))
    return [target for target in targets if not leads_somewhere(page, target)]


@pytest.mark.parametrize('page', PAGES)
def test_links_resolve(page):
    assert broken_links(ROOT / page) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(
        '# A `b` (c)\n[1](page.md) [2](none.md) ![3](none.png) [4](#a-b-c) [5](#d) [6](page.md#d)\n'
        '[7](https://example.org/none) `[8](code.md)` <img src="none.jpg"> [9]: x\n'
        '```\n[10](fenced.md)\n```\n[11]: reference.md\n'
    )
    broken = ['none.md', 'none.png', '#d', 'page.md#d', 'none.jpg', 'reference.md']
    assert sorted(broken_links(page)) == sorted(broken)


def test_every_page_is_looked_at():
    assert {'README.md', 'docs/installation.md', 'docs/mannequin.md'} <= set(PAGES)
    assert any(page.startswith('configs/') for page in PAGES)
