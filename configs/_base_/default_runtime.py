_base_ = ['mmpose::_base_/default_runtime.py']

# Registers this package's modules and mends what current torch breaks.
custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)
