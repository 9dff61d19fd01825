"""What is kept of deleted and replaced files, as a request means it: all of a run, or some paths."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field, replace
from typing import Iterator, List, Sequence, Tuple

from . import layout, results, trash
from .errors import ExitCode
from .request import Directory, Request

RUNS_MOST = 40
"""SSM keeps the first 24,000 characters of an output."""
_EXAMPLES, _EXAMPLE_LIMIT = 3, 100


def names_below(request: Request, path: bytes) -> List[bytes]:
    """What is meant of a directory, relative to it. Nothing: all of it."""
    if path in request.only:
        return []
    return [each[len(path) + 1 :] for each in request.only if each.startswith(path + b"/")]


def concerns(request: Request, path: bytes) -> bool:
    return not request.only or path in request.only or bool(names_below(request, path))


def narrow(request: Request) -> Request:
    """The request for the directories of the paths alone."""
    if request.options.kept is None:
        return request
    return replace(request, directories=tuple(each for each in request.directories if concerns(request, each.path)))


@dataclass
class _Found:
    files: int = 0
    size: int = 0
    examples: List[bytes] = field(default_factory=list[bytes])

    def add(self, name: bytes, size: int) -> None:
        self.files += 1
        self.size += size
        if len(self.examples) < _EXAMPLES:
            self.examples.append(name)


def list_kept(request: Request) -> ExitCode:
    """Says what this host keeps of the directories, a line a run, the newest first."""
    by_module = {layout.module_name(each.path): each for each in request.directories}
    runs = [run for run in reversed(trash.runs()) if run.module in by_module]
    told = 0
    for run in runs:
        directory = by_module[run.module]
        found = _Found()
        for name, size in _files(run.path, _meant(request, directory)):
            found.add(name, size)
        if not found.files:
            continue
        told += 1
        if told <= RUNS_MOST:
            _tell(run, directory, found)
    if told > RUNS_MOST:
        results.emit("kept-earlier", runs=told - RUNS_MOST)
    return ExitCode.DONE


def _tell(run: trash.Run, directory: Directory, found: _Found) -> None:
    examples = [results.cut(results.show(directory.path + b"/" + name), _EXAMPLE_LIMIT) for name in found.examples]
    results.emit(
        "kept", directory=directory.path, time=run.name, files=found.files, bytes=found.size, examples=examples
    )


def _meant(request: Request, directory: Directory) -> Sequence[bytes]:
    if not concerns(request, directory.path):
        return ()
    return names_below(request, directory.path) or (b"",)


def _files(top: bytes, names: Sequence[bytes]) -> Iterator[Tuple[bytes, int]]:
    """With names relative to the run; a run may go meanwhile."""
    for name in names:
        path = os.path.join(top, name) if name else top
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                yield name, found.st_size
                continue
            for place, directories, files, descriptor in os.fwalk(path):
                directories.sort()
                for each in sorted(files):
                    size = os.stat(each, dir_fd=descriptor, follow_symlinks=False).st_size
                    yield os.path.relpath(os.path.join(place, each), top), size
