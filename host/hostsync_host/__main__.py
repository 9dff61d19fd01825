"""Runs a command by its name: reads the request, does the work, and turns every end into a result and an exit code."""

from __future__ import annotations

import base64
import binascii
import fcntl
import importlib
import os
import re
import sys
import traceback
import zlib
from typing import Protocol, Sequence

from . import commands, results
from .errors import ExitCode, HostError, bad_request
from .request import COMMANDS, Request, read_request

REQUEST_LIMIT = 4 * 1024 * 1024


class CommandModule(Protocol):
    def run(self, request: Request) -> ExitCode: ...


def read_input(command: str, arguments: Sequence[str]) -> bytes:
    """The request's text: from a file, standard input, or as SSM hands it over."""
    usage = f"call {command} FILE, {command} -, {command} --base64 TEXT or {command} --compressed TEXT"
    if len(arguments) == 2 and arguments[0] in ("--base64", "--compressed"):
        data = decode(arguments[0], arguments[1])
        return inflate(data) if arguments[0] == "--compressed" else data
    if len(arguments) != 1:
        raise bad_request(f'{len(arguments)} arguments "{" ".join(arguments)}": {usage}')
    if arguments[0] == "-":
        data = sys.stdin.buffer.read(REQUEST_LIMIT + 1)
    else:
        if not os.path.isfile(arguments[0]) or not os.access(arguments[0], os.R_OK):
            raise bad_request(f'argument "{arguments[0]}": no file that can be read; {usage}')
        with open(arguments[0], "rb") as file:
            data = file.read(REQUEST_LIMIT + 1)
    if len(data) > REQUEST_LIMIT:
        raise bad_request(f"the request has more than {REQUEST_LIMIT} bytes; make the group smaller")
    return data


def decode(argument: str, text: str) -> bytes:
    try:
        if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text):
            raise ValueError
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"argument {argument}: not base64; encode the request with base64 -w0") from error


def inflate(data: bytes) -> bytes:
    """A few bytes can stand for gigabytes, so no more than a request's worth is taken."""
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, REQUEST_LIMIT)
    except zlib.error as error:
        raise bad_request(f"argument --compressed: {error}; compress the request with zlib") from error
    if not inflater.eof or inflater.unused_data:
        raise bad_request("argument --compressed: not one whole zlib stream; compress the request with zlib")
    return text


def call(arguments: Sequence[str]) -> ExitCode:
    command = arguments[0] if arguments else ""
    if command == "uninstall":
        results.name_command(command)
        from . import uninstall

        return uninstall.run(arguments[1:])
    if command == "after-sync":
        results.name_command(command)
        from . import after_sync

        return ExitCode(after_sync.main(arguments[1:]))
    if command == "keep":
        results.name_command(command)
        from . import keeping

        return ExitCode(keeping.main(arguments[1:]))
    if command not in COMMANDS:
        raise bad_request(f'command "{command}": is unknown; use {", ".join(COMMANDS)} or uninstall')
    results.name_command(command)
    request = read_request(command, read_input(command, arguments[1:]))
    # only what the command needs: a push is made every minute
    module: CommandModule = importlib.import_module(f"{__package__}.{command}")  # type: ignore[assignment]
    return module.run(request)


def hold_release() -> None:
    """An upgrade leaves the directory that a command runs from until that has ended: the lock goes with the process."""
    directory = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass  # an installer looks at it in this moment; it keeps the newest two


def main(arguments: Sequence[str]) -> int:
    hold_release()
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(commands.ENVIRONMENT)
    try:
        return int(call(arguments))
    except HostError as error:
        return report(error)
    except Exception as error:
        traceback.print_exc()
        return report(HostError("internal", f"{type(error).__name__}: {error}; see standard error"))


def report(error: HostError) -> int:
    results.log(f"{error.error}: {error.message}")
    results.emit("error", error=error.error, message=error.message)
    return int(error.code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
