"""What the doctor tries in processes of its own, so that a crash is a finding.

Never imported with mmpose_ext around it but run by its path, ``run_path(...)`` with the
probe's name as argument: it starts where mmpose_ext does not. The last line printed is a
JSON object: what was found, or ``{"error": ...}``.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def probe_torch() -> dict[str, Any]:
    """Import torch; see which build it is and whether it sees a GPU."""
    torch: Any = importlib.import_module('torch')
    return {'cuda': torch.version.cuda, 'gpu': torch.cuda.is_available()}


def probe_torchvision() -> dict[str, Any]:
    """Import torchvision, if it is there, without help from mmpose_ext."""
    if importlib.util.find_spec('torchvision'):
        importlib.import_module('torchvision')
    return {}


def probe_mmcv() -> dict[str, Any]:
    """Import mmcv and, if there are any, its compiled ops, without help from mmpose_ext."""
    importlib.import_module('mmcv')
    compiled = importlib.util.find_spec('mmcv._ext') is not None
    if compiled:
        importlib.import_module('torch')  # its libraries must be loaded first
        importlib.import_module('mmcv._ext')
    return {'compiled_ops': compiled}


def probe_xtcocotools() -> dict[str, Any]:
    """Import the compiled half of xtcocotools, which is bound to one numpy ABI."""
    importlib.import_module('xtcocotools.mask')
    return {}


def probe_cv2() -> dict[str, Any]:
    """Import OpenCV."""
    return {'version': importlib.import_module('cv2').__version__}


def probe_mmpose_ext() -> dict[str, Any]:
    """Import mmpose_ext and MMPose's models; look into the registries and for MMPose's folder."""
    importlib.import_module('mmpose_ext')
    importlib.import_module('mmpose.models')
    shims = importlib.import_module('mmpose_ext.compat').applied()
    registry: Any = importlib.import_module('mmpose.registry')
    nodes = [node for node in vars(registry).values() if isinstance(node, registry.Registry)]
    entries = [entry for node in nodes for entry in node.module_dict.items()]
    ours = [name for name, entry in entries if entry.__module__.split('.')[0] == 'mmpose_ext']
    folder = Path(importlib.import_module('mmengine.utils').get_installed_path('mmpose'))
    return {
        'shims': shims,
        'registered': sorted(ours),
        'mmpose_folder': str(folder),
        'mmpose_folder_exists': folder.is_dir(),
    }


def main(name: str) -> None:
    """Run one probe and print what it found."""
    try:
        report = globals()[f'probe_{name}']()
    except BaseException as error:  # whatever it is, it is the finding
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        report = {'error': f'{type(cause).__name__}: {cause}'}
    print('\n' + json.dumps(report), flush=True)


if __name__ == '__main__':
    main(sys.argv[1])
