"""Looks at an installation: ``python -m mmpose_ext.doctor``.

Names what is wrong and the command that cures it. It must run where nothing else does:
this package imports the standard library only, and whatever may fail, crash or hang is
tried in processes of its own (:mod:`mmpose_ext.doctor.probes`).
"""
