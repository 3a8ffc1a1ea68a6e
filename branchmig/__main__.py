"""`python -m branchmig`."""

from branchmig.project import import_path

# Before anything else is imported, which would come from the current folder, too.
import_path.leave_current_folder()

from branchmig.cli import main  # noqa: E402  # see above

if __name__ == "__main__":
    main()
