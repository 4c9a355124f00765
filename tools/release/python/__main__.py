import os
import subprocess
import sys

from . import find_exporter


def main() -> None:
    """Become the program, with the arguments of this process."""
    path = find_exporter()
    if sys.platform == "win32":
        # Windows has no exec: the program is waited for, and ends by itself on Ctrl-C, which goes to both.
        process = subprocess.Popen([path, *sys.argv[1:]])
        while True:
            try:
                sys.exit(process.wait())
            except KeyboardInterrupt:
                pass
    os.execv(path, [path, *sys.argv[1:]])


if __name__ == "__main__":
    main()
