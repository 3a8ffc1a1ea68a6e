"""`python -m branchmig`."""

from branchmig.cli import main

if __name__ == "__main__":
    main()
