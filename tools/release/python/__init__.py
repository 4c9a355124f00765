"""exporter, a program in Go, as a package of Python: it has the program and nothing else."""

import os
import sys
import sysconfig


def find_exporter() -> str:
    """Return the path of the program that was installed with this package."""
    name = "exporter" + (".exe" if sys.platform == "win32" else "")
    schemes = [None, sysconfig.get_preferred_scheme("user") if sys.version_info >= (3, 10) else None]
    folders = [sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts") for scheme in schemes]
    # "pip install --target" puts bin beside the packages.
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"{name} is in none of {folders}: install llamacloud-exporter again")
