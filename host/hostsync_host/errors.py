"""Why a command cannot do its work. None of the exit codes is one that the SSM agent gives a meaning of its own."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    DONE = 0
    SECONDARY_FAILED = 10
    DIRECTORY_SKIPPED = 11
    BAD_REQUEST = 12
    NOT_READY = 13
    OLDER_EPOCH = 14
    INTERNAL = 15
    OTHER_RELEASE = 16


CODES = {
    "bad-request": ExitCode.BAD_REQUEST,
    "not-ready": ExitCode.NOT_READY,
    "hook-failed": ExitCode.NOT_READY,
    "older-epoch": ExitCode.OLDER_EPOCH,
    "other-release": ExitCode.OTHER_RELEASE,
    "internal": ExitCode.INTERNAL,
}


class HostError(Exception):
    """A command cannot do its work at all. The message names what stands in the way and the remedy."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.code = CODES[error]


def bad_request(message: str) -> HostError:
    return HostError("bad-request", message)


def not_ready(message: str) -> HostError:
    return HostError("not-ready", message)
