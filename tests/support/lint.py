"""Looks at the sources of mod_ws with clang-tidy: `lint.py FOLDER LAYER...`, where a build for clang is configured. What was clean before,
with the same headers and the same checks, is left out."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def contents(*paths):
    return b"".join(str(path).encode() + path.read_bytes() for path in paths)


def surroundings():
    headers = sorted(path for folder in ("mod_ws", "include") for path in (REPOSITORY / folder).rglob("*.h"))
    version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    return version + contents(REPOSITORY / ".clang-tidy", REPOSITORY / "CMakeLists.txt", *headers)


def is_clean(source, around, folder):
    stamp = folder / f"clean-{sha256(around + contents(source)).hexdigest()}"
    if stamp.exists():
        return True
    checked = subprocess.run(["clang-tidy", "-p", folder, "--quiet", source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if checked.returncode == 0:
        stamp.touch()
    print(checked.stdout, end="", flush=True)
    return checked.returncode == 0


def main(folder, layers):
    around = surroundings()
    sources = sorted(source for layer in layers for source in REPOSITORY.glob(f"mod_ws/{layer}/*.cc"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = list(pool.map(lambda source: is_clean(source, around, folder), sources))
    print(f"lint: {clean.count(False)} of {len(clean)} sources have faults")
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
