"""The tests of modules, as paths for pytest: those that mirror a module's path, and those that import it."""

import re
import sys
from pathlib import Path


def tests_of(module: Path) -> list[Path]:
    """Return the test files of a module: the one that mirrors its path, and those that import it."""
    place = module.with_suffix("").parts[module.parts.index("branchmig") + 1 :]
    dotted = ".".join(("branchmig", *place)).removesuffix(".__init__")
    package, _, leaf = dotted.rpartition(".")
    imports = re.compile(rf"{re.escape(dotted)}\b|from {re.escape(package)} import .*\b{re.escape(leaf)}\b")
    mirror = Path("tests", *place[:-1], f"test_{place[-1]}.py")
    tests = Path("tests").rglob("test_*.py")
    return sorted({path for path in tests if path == mirror or imports.search(path.read_text("utf-8"))})


if __name__ == "__main__":
    found = sorted({str(path) for name in sys.argv[1:] for path in tests_of(Path(name))})
    if not found:
        sys.exit(f"no test mirrors or imports {', '.join(sys.argv[1:])}")
    sys.stdout.write(" ".join(found) + "\n")
