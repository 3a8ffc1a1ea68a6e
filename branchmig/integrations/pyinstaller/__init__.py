"""Tells PyInstaller where its hook for branchmig is: the entry point `pyinstaller40`."""

from __future__ import annotations

import os


def hook_folders() -> list[str]:
    """Return the folder that holds hook-branchmig.py."""
    return [os.path.dirname(os.path.abspath(__file__))]
