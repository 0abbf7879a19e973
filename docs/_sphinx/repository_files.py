"""Links of a page to the repository's files and folders, which no page of the site is.

On a git web page such a link leads to the file. In the site it leads to a page made here: the file
with its syntax coloured, or the list of what is in the folder.
"""

import html
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

FOLDER = 'files'  # of the site, where these pages lie
SHOWN = ('.cfg', '.md', '.py', '.sh', '.toml', '.txt', '.yml')
LEXERS = {'.md': 'md', '.py': 'python', '.sh': 'bash', '.toml': 'toml', '.yml': 'yaml'}

Page = tuple[str, dict[str, Any], str]


def inside(app: Sphinx, docname: str, target: str) -> str | None:
    """Path in the repository of a file or folder that a page links to and that is no page."""
    root = Path(app.srcdir)
    path = (root / docname).parent.joinpath(target.partition('#')[0]).resolve()
    if not path.is_relative_to(root) or not path.exists():
        return None
    if app.env.path2doc(path) in app.env.all_docs:
        return None
    is_shown = path.is_dir() or path.suffix in SHOWN or not path.suffix
    return path.relative_to(root).as_posix() if is_shown else None


def lead_to_pages(app: Sphinx, doctree: nodes.document) -> None:
    """Replace what MyST made of such links: downloads of files, and unknown references."""
    docname = app.env.docname
    for node in list(doctree.findall(nodes.Element)):
        is_myst = node.get('reftype') == 'myst'
        if not (is_myst and isinstance(node, (addnodes.download_reference, addnodes.pending_xref))):
            continue
        name = inside(app, docname, node['reftarget'])
        if name is None:
            continue
        wanted(app).add(name)
        uri = app.builder.get_relative_uri(docname, f'{FOLDER}/{name}')
        node.replace_self(nodes.reference('', '', *node.children, refuri=uri, internal=True))


def wanted(app: Sphinx) -> set[str]:
    """Files and folders that some page links to; kept with what Sphinx has read."""
    if not hasattr(app.env, 'repository_files'):
        app.env.repository_files = set()
    return app.env.repository_files


def entries(folder: Path) -> list[Path]:
    """What a folder's page lists: folders first."""
    found = [
        path
        for path in folder.iterdir()
        if path.suffix in SHOWN or (path.is_dir() and path.name != '__pycache__')
    ]
    return sorted(found, key=lambda path: (path.is_file(), path.name))


def make_page(app: Sphinx, path: Path) -> Page:
    """Page of a file or a folder."""
    name = path.relative_to(app.srcdir).as_posix()
    page = f'{FOLDER}/{name}'
    uri = app.builder.get_relative_uri
    ancestors = [p.as_posix() for p in reversed(PurePosixPath(name).parents)][1:]
    parents = [
        {'link': uri(page, f'{FOLDER}/{parent}'), 'title': PurePosixPath(parent).name}
        for parent in ancestors
        if parent in app.env.repository_pages
    ]
    if path.is_dir():
        items = ''.join(
            f'<li><a href="{uri(page, target_of(app, entry))}">{html.escape(entry.name)}'
            f'{"/" if entry.is_dir() else ""}</a></li>'
            for entry in entries(path)
        )
        body = f'<ul class="files">{items}</ul>'
    else:
        lexer = LEXERS.get(path.suffix, 'text')
        body = app.builder.highlighter.highlight_block(path.read_text(encoding='utf-8'), lexer)
    title = html.escape(name)
    heading = f'<h1 class="file">{title}</h1>'
    return page, {'parents': parents, 'title': title, 'body': heading + body}, 'page.html'


def target_of(app: Sphinx, path: Path) -> str:
    """Page of an entry of a folder: of the site where there is one."""
    docname = app.env.path2doc(path)
    if docname in app.env.all_docs:
        return docname
    return f'{FOLDER}/{path.relative_to(app.srcdir).as_posix()}'


def collect_pages(app: Sphinx) -> Iterator[Page]:
    """Give a page for everything linked to, and for all that lies in linked folders."""
    root, pages = Path(app.srcdir), {}
    queue = [root / name for name in sorted(wanted(app))]
    while queue:
        path = queue.pop()
        name = path.relative_to(root).as_posix()
        if name in pages or not target_of(app, path).startswith(f'{FOLDER}/'):
            continue
        pages[name] = path
        queue.extend(entries(path) if path.is_dir() else ())
    app.env.repository_pages = set(pages)
    for name in sorted(pages):
        yield make_page(app, pages[name])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of pages, before downloads are collected, and to their writing."""
    app.connect('doctree-read', lead_to_pages, priority=100)
    app.connect('html-collect-pages', collect_pages)
    return {'parallel_read_safe': False, 'parallel_write_safe': True}
