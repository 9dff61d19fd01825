"""Says whether a host, the primary that others have lost sight of, is reached from this one: does SSH answer?"""

from __future__ import annotations

import os
import socket
import time
from typing import Optional

from . import freshness, results
from .errors import ExitCode, bad_request
from .request import Request, Secondary

TRY_SECONDS = 5.0
TRIES = 2


def reach(address: str, port: int) -> Optional[str]:
    """Why the host is not reached, or None. A host that hangs may still accept connections, for the kernel does that:
    so it has to say something."""
    end = time.monotonic() + TRY_SECONDS
    said = b""
    try:
        with socket.create_connection((address, port), TRY_SECONDS) as connection:
            while len(said) < 4:
                connection.settimeout(max(0.001, end - time.monotonic()))
                data = connection.recv(4 - len(said))
                if not data:
                    break
                said += data
    except (TimeoutError, socket.timeout):  # before Python 3.10 two classes
        return f"no answer within {TRY_SECONDS:.0f} seconds"
    except socket.gaierror as error:
        return f"{address}: {error.strerror}"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return None if said == b"SSH-" else "the host answers, but not as an SSH server"


def try_to_reach(target: Secondary, interval: int) -> Optional[str]:
    problem: Optional[str] = None
    for attempt in range(TRIES):
        began = time.monotonic()
        problem = reach(target.address, target.port)
        if problem is None:
            return None
        if attempt + 1 < TRIES:
            # from the begin of one to the begin of the other
            time.sleep(max(1.0, began + interval - time.monotonic()))
    return problem


def run(request: Request) -> ExitCode:
    if len(request.secondaries) != 1:
        raise bad_request(f"there are {len(request.secondaries)} lines secondary; take one, the host to look for")
    target = request.secondaries[0]
    problem = try_to_reach(target, request.options.interval)
    message = problem or "SSH answers"
    results.log(f"{target.id}: {message}")
    results.emit("probe", id=target.id, reached=problem is None, message=message, **freshness.said())
    return ExitCode.DONE
