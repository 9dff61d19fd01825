"""Runs a command of the host package: /usr/bin/python3 -I DIRECTORY COMMAND ARGUMENTS (docs/host-package.md)."""

import sys

from hostsync_host.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
