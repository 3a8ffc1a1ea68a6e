"""What PyInstaller must include for branchmig: commands are imported by name, and templates are files."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

hiddenimports = [
    *(name for name in collect_submodules("branchmig") if not name.startswith("branchmig.integrations.pyinstaller")),
    *collect_submodules("alembic", filter=lambda name: not name.startswith("alembic.testing")),
    "logging.config",  # env.py
]
datas = [
    *collect_data_files("branchmig"),
    # The env.py of each template: Python files are left out otherwise, and `init` would write none.
    *collect_data_files("alembic", include_py_files=True, includes=["templates/**/*"]),
    *copy_metadata("branchmig"),
]
