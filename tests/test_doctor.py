import json
import signal
from dataclasses import replace

import broken_environments as broken
import pytest

from mmpose_ext.doctor.__main__ import as_text, painted
from mmpose_ext.doctor.checks import CHECKS, MODULES, NEEDED, examine
from mmpose_ext.doctor.environment import PROBES, Environment, Package, Probe, installed_packages

VERSIONS = {'torch': '2.13.0+cpu', 'mmcv-lite': '2.1.0', 'mmpose': '1.3.2', 'mmengine': '0.10.7'}


@pytest.fixture
def healthy():
    """What the doctor finds after ``make setup``."""
    facts = {
        'torch': {'cuda': None, 'gpu': False},
        'mmcv': {'compiled_ops': False},
        'cv2': {'version': '4.11.0'},
        'mmpose_ext': {
            'shims': ['missing_mmcv_ops'],
            'registered': ['SimDRLabel'],
            'mmpose_folder': '/somewhere/mmpose',
            'mmpose_folder_exists': True,
        },
    }
    return Environment(
        python=(3, 11),
        packages={name: [Package(version, '/somewhere')] for name, version in VERSIONS.items()},
        absent=frozenset(),
        probes={name: Probe(facts.get(name, {})) for name in PROBES},
    )


@pytest.fixture
def revived(healthy):
    """The same after ``STACK=revived make setup``."""
    continued = {'onedl-mmengine': '0.10.12', 'onedl-mmdetection': '3.5.1', 'mmcv-lite': '2.2.0'}
    packages = {**healthy.packages, **{name: [Package(v)] for name, v in continued.items()}}
    del packages['mmengine']
    return replace(healthy, packages=packages)


def without(environment, *modules):
    return replace(environment, absent=frozenset(modules))


def with_packages(environment, **packages):
    named = {name.replace('_', '-'): versions for name, versions in packages.items()}
    return replace(environment, packages={**environment.packages, **named})


def with_error(environment, probe, error):
    return replace(environment, probes={**environment.probes, probe: Probe(error=error)})


def with_facts(environment, probe, **facts):
    known = environment.probes[probe].facts
    return replace(environment, probes={**environment.probes, probe: Probe({**known, **facts})})


def errors(environment):
    return [finding for finding in examine(environment) if finding.severity == 'error']


def only(findings):
    assert len(findings) == 1, findings
    return findings[0]


def only_note(environment, word):
    """The one note with a word in it, where nothing is worse than a note."""
    findings = examine(environment)
    assert all(finding.severity == 'note' for finding in findings)
    return only([finding for finding in findings if word in finding.problem])


def test_healthy_but_for_compiled_ops(healthy):
    finding = only(examine(healthy))
    assert finding.severity == 'note'
    assert 'nms, soft_nms, batched_nms and RoIAlign' in finding.problem
    assert 'make setup MMCV=full' in finding.cure


def test_nothing_to_say_with_compiled_ops(healthy):
    assert examine(with_facts(healthy, 'mmcv', compiled_ops=True)) == []


@pytest.mark.parametrize(('module', 'requirement'), [row[:2] for row in NEEDED])
def test_missing_package(healthy, module, requirement):
    finding = only(errors(without(healthy, module)))
    assert finding.problem.startswith(f'missing: {module} (')
    assert finding.cure.endswith(f'-m pip install {requirement}')


def test_missing_packages_are_cured_at_once(healthy):
    finding = only(errors(without(healthy, 'six', 'mmdet', 'smplx')))
    assert finding.cure.endswith('-m pip install mmdet==3.3.0 six smplx==0.1.28')


@pytest.mark.parametrize(
    ('module', 'cure'),
    [('mmpose', 'install --no-deps mmpose==1.3.2'), ('mmcv', 'install mmcv-lite==2.1.0')],
)
def test_missing_package_that_pip_must_be_helped_with(healthy, module, cure):
    assert only(errors(without(healthy, module))).cure.endswith(cure)


def test_missing_package_is_reported_once(healthy):
    # Its probe fails as well, and so does everything that stands on it.
    consequences = with_error(without(healthy, 'cv2'), 'cv2', "No module named 'cv2'")
    consequences = with_error(consequences, 'mmpose_ext', "No module named 'cv2'")
    assert 'missing: cv2' in only(errors(consequences)).problem


def test_failure_that_no_check_explains(healthy):
    finding = only(errors(with_error(healthy, 'mmpose_ext', 'RuntimeError: a riddle')))
    assert 'a riddle' in finding.problem
    assert 'report it' in finding.cure


@pytest.mark.parametrize('version', [(3, 9), (3, 14)])
def test_python_that_cannot_work(healthy, version):
    assert 'Python 3.' in only(errors(replace(healthy, python=version))).problem


def test_untested_python(healthy):
    assert '3.12' in only_note(replace(healthy, python=(3, 12)), 'Python').problem


def test_two_torches_in_one_folder(healthy):
    torches = [Package('2.13.0', '/a'), Package('2.12.0', '/a')]
    finding = only(errors(with_packages(healthy, torch=torches)))
    assert '2.13.0 in /a, 2.12.0 in /a' in finding.problem
    assert finding.cure.count('uninstall -y torch') == 2


def test_two_torches_in_two_folders(healthy):
    torches = [Package('2.13.0', '/venv'), Package('2.12.0', '/system')]
    assert only_note(with_packages(healthy, torch=torches), 'torch is installed 2 times')


def test_torch_that_crashes(healthy):
    finding = only(errors(with_error(healthy, 'torch', 'the process died of SIGSEGV')))
    assert 'SIGSEGV' in finding.problem
    assert 'install torch==2.13.0' in finding.cure


def test_cuda_torch_without_gpu(healthy):
    assert only_note(with_facts(healthy, 'torch', cuda='13.0'), 'sees no GPU')


def test_torchvision_that_does_not_fit(healthy):
    misfit = with_error(healthy, 'torchvision', 'operator torchvision::nms does not exist')
    assert 'uninstall -y torchvision' in only(errors(misfit)).cure
    mended = with_facts(misfit, 'mmpose_ext', shims=['broken_torchvision'])
    assert 'mends it' in only_note(mended, 'torchvision').problem


def test_numpy_2_beside_xtcocotools(healthy):
    message = 'numpy.dtype size changed, may indicate binary incompatibility'
    finding = only(errors(with_error(healthy, 'xtcocotools', message)))
    assert message in finding.problem
    assert '"numpy<2"' in finding.cure


def test_opencv_without_libgl(healthy):
    finding = only(errors(with_error(healthy, 'cv2', 'libGL.so.1: cannot open shared object')))
    assert '"opencv-python-headless<4.12"' in finding.cure


def test_opencv_5(healthy):
    finding = only_note(with_facts(healthy, 'cv2', version='5.0.0'), 'OpenCV 5.0.0')
    assert '"opencv-python<4.12"' in finding.cure


def test_mmcv_and_mmcv_lite_together(healthy):
    finding = only(errors(with_packages(healthy, mmcv=[Package('2.1.0')])))
    assert 'mmcv and mmcv-lite' in finding.problem
    assert 'uninstall -y mmcv mmcv-lite mmcv-full' in finding.cure


def test_mmcv_built_for_another_torch(healthy):
    finding = only(errors(with_error(healthy, 'mmcv', 'undefined symbol: _ZN3c10')))
    assert 'undefined symbol' in finding.problem


@pytest.mark.parametrize(
    ('version', 'accepted'),
    [('1.7.2', False), ('2.0.0', True), ('2.1.0', True), ('2.2.0', False)],
)
def test_mmcv_version_that_mmdet_accepts(healthy, version, accepted):
    found = errors(with_packages(healthy, mmcv_lite=[Package(version)]))
    assert len(found) == (not accepted)


def test_nothing_wrong_with_onedls_stack(revived):
    # It does without pkg_resources, and its MMDetection accepts mmcv 2.2.
    assert errors(revived) == []
    assert not [f for f in examine(without(revived, 'pkg_resources')) if 'pkg_res' in f.problem]


@pytest.mark.parametrize(
    ('original', 'continued'), [('mmengine', 'onedl-mmengine'), ('mmdet', 'onedl-mmdetection')]
)
def test_package_beside_its_continuation(revived, original, continued):
    finding = only(errors(with_packages(revived, **{original: [Package('0.10.7')]})))
    assert f'{original} and {continued} are installed together' in finding.problem
    assert f'install --no-deps {continued}==' in finding.cure


def test_cures_of_onedls_stack_do_not_bring_the_other_back(revived):
    finding = only(errors(without(revived, 'mmdet', 'numpy')))
    assert finding.cure.endswith('-m pip install numpy==2.2.6 onedl-mmdetection==3.5.1')
    finding = only(errors(without(revived, 'mmcv')))
    assert finding.cure.endswith('install --no-deps mmcv-lite==2.2.0')
    finding = only(errors(with_packages(revived, mmcv_lite=[Package('1.7.0')])))
    assert 'MMPose accepts 2 only' in finding.problem
    assert finding.cure.endswith('install --no-deps mmcv-lite==2.2.0')
    finding = only(errors(with_error(revived, 'xtcocotools', 'numpy.dtype size changed')))
    assert '--no-binary=xtcocotools' in finding.cure
    finding = only(errors(with_error(revived, 'cv2', 'libGL.so.1: cannot open shared object')))
    assert '"opencv-python-headless<4.13"' in finding.cure


def test_mmpose_0(healthy):
    finding = only(errors(with_packages(healthy, mmpose=[Package('0.29.0')])))
    assert '0.29.0' in finding.problem


def test_no_pkg_resources(healthy):
    gone = without(healthy, 'pkg_resources')
    assert '"setuptools<81"' in only_note(gone, 'pkg_resources').cure
    assert '"setuptools<81"' in only(errors(replace(gone, compat=False))).cure


@pytest.mark.parametrize(
    ('editable', 'cure'), [(False, 'mmengine==0.10.7'), (True, '--no-deps mmpose==1.3.2')]
)
def test_mmengine_that_misses_mmpose(healthy, editable, cure):
    lost = with_facts(healthy, 'mmpose_ext', mmpose_folder_exists=False)
    lost = with_packages(lost, mmpose=[Package('1.3.2', editable=editable)])
    finding = only(errors(lost))
    assert '/somewhere/mmpose' in finding.problem
    assert finding.cure.endswith(cure)


def test_chumpy(healthy):
    finding = only_note(with_packages(healthy, chumpy=[Package('0.70')]), 'chumpy')
    assert finding.cure.endswith('uninstall -y chumpy')


def test_shims_turned_off(healthy):
    assert only_note(replace(healthy, compat=False), 'MMPOSE_EXT_NO_COMPAT')


def test_nothing_registered(healthy):
    assert 'registries' in only(errors(with_facts(healthy, 'mmpose_ext', registered=[]))).problem


def test_report_of_a_broken_installation(healthy):
    sick = without(healthy, 'six')
    report = as_text(sick, examine(sick), colour=False)
    assert '2.13.0+cpu' in report
    assert report.index('error  missing: six') < report.index('note   mmcv has no')
    assert report.endswith('1 to cure. Begin at the top; then run the doctor again.')
    assert '\x1b' not in report


def test_colour(monkeypatch):
    monkeypatch.delenv('NO_COLOR', raising=False)
    assert painted('healthy', 'healthy', colour=True) == '\x1b[32mhealthy\x1b[0m'
    monkeypatch.setenv('NO_COLOR', '1')
    assert painted('healthy', 'healthy', colour=True) == 'healthy'


def test_installed_packages(tmp_path, monkeypatch):
    broken.fake_distribution(tmp_path, 'Some_Package', '1.2.3')
    broken.fake_distribution(tmp_path, 'mmpose', '0.0.1')
    monkeypatch.syspath_prepend(tmp_path)
    packages = installed_packages()
    assert only(packages['some-package']).release == (1, 2, 3)
    first, second = packages['mmpose']
    assert first.version == '0.0.1' != second.version


def test_every_check_is_run_and_documented():
    assert len(set(CHECKS)) == len(CHECKS)
    assert all(check.__doc__ for check in CHECKS)
    assert {'mmcv', 'mmpose', 'six', 'pkg_resources'} <= set(MODULES)


def test_doctor_of_this_environment(run_python):
    report = run_python('-m', 'mmpose_ext.doctor')
    assert report.stdout.splitlines()[-1] == 'healthy'


def test_doctor_survives_a_broken_environment(tmp_path, run_python):
    """A missing module, one that crashes the process, two mmcvs and chumpy."""
    broken.hide_modules(tmp_path, 'six', 'mmdet')
    broken.fake_module(tmp_path, 'xtcocotools.mask', 'import os; os.abort()')
    for name, version in {'mmcv': '2.1.0', 'mmcv-lite': '2.1.0', 'chumpy': '0.70'}.items():
        broken.fake_distribution(tmp_path, name, version)
    env = broken.environment(tmp_path)
    child = run_python('-m', 'mmpose_ext.doctor', '--json', env=env, check=False)
    assert child.returncode == 1
    report = json.loads(child.stdout)
    assert report['healthy'] is False
    found = {finding['problem']: finding['cure'] for finding in report['findings']}
    text = '\n'.join(found)
    for problem in (
        'missing: mmdet (mmpose.models imports it, unconditionally); six (',
        'mmcv and mmcv-lite are installed together',
        f'the process died of {signal.SIGABRT.name}',
        'chumpy is installed',
    ):
        assert problem in text
    assert all(found.values())
