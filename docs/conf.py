"""Settings of the documentation: ``make docs``, or ``sphinx-build -c docs . build/docs``.

The source folder is the repository, not ``docs/``, so that the pages' links to configs and sources
are right both here and on a git web page. Nothing is fetched, neither at the build nor by a page.
"""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

import mmpose_ext  # noqa: E402

project = 'mmpose_ext'
author = copyright = 'the authors of mmpose_ext'
release = version = mmpose_ext.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    '_sphinx.class_attributes',
    '_sphinx.mathml',
    '_sphinx.repository_files',
]
root_doc = 'docs/index'
include_patterns = ['docs/**.md', 'configs/**.md']
# Sphinx looks into all other folders: environments, data, work_dirs.
exclude_patterns = [p.name for p in ROOT.iterdir() if p.name not in ('docs', 'configs')]

myst_heading_anchors = 4
highlight_language = 'none'  # a block that names no language is a program's output
nitpicky = False  # annotations name MMPose's and torch's classes, which have no page here
html_math_renderer = 'mathml'

autodoc_default_options = {
    'imported-members': True,  # those of __all__
    'member-order': 'bysource',
    'members': True,
    'show-inheritance': True,
}
autodoc_typehints = 'signature'
python_maximum_signature_line_length = 88  # longer ones: a line for each argument
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = 'furo'
html_title = f'mmpose_ext {release}'
html_copy_source = False
html_static_path = ['_sphinx/static']
html_css_files = ['site.css']
html_extra_path = ['_sphinx/root']  # index.html at the top, which leads to root_doc
html_theme_options = {
    'light_css_variables': {'color-brand-primary': '#0b5cad', 'color-brand-content': '#0b5cad'},
    'dark_css_variables': {'color-brand-primary': '#7ab7ff', 'color-brand-content': '#7ab7ff'},
}

COMMENTED_DIRECTIVE = re.compile(r'^<!--\n(```\{\w+\}.*?^```)\n-->$', re.DOTALL | re.MULTILINE)


def uncomment_directives(app, docname, source):
    """Read the directives that stand in comments, where git web pages do not show them."""
    source[0] = COMMENTED_DIRECTIVE.sub(r'\1', source[0])


def setup(app):
    """Connect what is defined here."""
    app.connect('source-read', uncomment_directives)
