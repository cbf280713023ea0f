"""The systems that are compared, one file each."""

import importlib
import pkgutil

from ..system import System


def all_systems() -> dict[str, System]:
    """Every system, ours first."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    systems = [system for module in modules for system in module.SYSTEMS]
    systems.sort(key=lambda system: (system.name != "spanlake", system.name))
    return {system.name: system for system in systems}
