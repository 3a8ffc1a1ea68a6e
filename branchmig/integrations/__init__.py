"""Other people's programs: squawk, GitHub comments, PyInstaller."""
