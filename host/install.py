"""Puts a release of the host package to /usr/local/lib/hostsync, and takes old ones away. It needs no other module: SSM
documents carry it with a part of the package, and host/install.sh runs it from the repository.

    install.py RELEASE NUMBER COUNT    the part NUMBER of COUNT comes on standard input
    install.py --from DIRECTORY        the package's source
"""

import base64
import compileall
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import zlib
from typing import Dict, List, Mapping, Optional, cast

RELEASES = "/usr/local/lib/hostsync"
# the newest, which is what `current` names, and the one before it, which may still run
KEPT = 2
LIMIT = 8 * 1024 * 1024


class InstallError(Exception):
    pass


def release_of(version: str, files: Mapping[str, str]) -> str:
    """The name of a release: the version and a digest of every file."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{files[name]}\0".encode())
    return f"{version}-{digest.hexdigest()[:16]}"


def unpack(parts: List[bytes]) -> Dict[str, str]:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(base64.b64decode(b"".join(parts)), LIMIT)
        files = json.loads(text)
    except (ValueError, zlib.error) as error:
        raise InstallError(f"the parts make no package: {error}") from error
    if not inflater.eof or not isinstance(files, dict):
        raise InstallError("the parts make no package")
    return cast(Dict[str, str], files)


def check(release: str, files: Mapping[str, str]) -> None:
    version = release.rpartition("-")[0]
    if release_of(version, files) != release:
        raise InstallError(f"the content is not that of {release}; package and deploy the service again")
    for name in files:
        if not re.fullmatch(r"(?:[a-z_]+/)*[a-z_]+\.py", name):
            raise InstallError(f'the name "{name}" is none of a module')


def write(release: str, files: Mapping[str, str]) -> None:
    """Aside first: a directory of that name is whole."""
    target = f"{RELEASES}/{release}"
    aside = f"{RELEASES}/.new-{release}"
    shutil.rmtree(aside, ignore_errors=True)
    for name, text in files.items():
        path = f"{aside}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    # a push starts every minute, and would compile each module each time
    compileall.compile_dir(aside, stripdir=aside, prependdir=target, quiet=2)
    os.sync()
    os.rename(aside, target)


def switch(release: str) -> None:
    link = f"{RELEASES}/current"
    aside = f"{RELEASES}/.current"
    if os.path.islink(link) and os.readlink(link) == release:
        return
    if os.path.lexists(aside):
        os.unlink(aside)
    os.symlink(release, aside)
    os.rename(aside, link)


def is_used(path: str) -> bool:
    """A command holds a shared lock on the directory that it runs from."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def sweep(release: str) -> None:
    """Only the newest stay, and what still runs."""
    for name in os.listdir(RELEASES):
        if name.startswith((".part-", ".new-")):
            path = f"{RELEASES}/{name}"
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    others = [name for name in os.listdir(RELEASES) if name not in (release, "current") and not name.startswith(".")]
    others.sort(key=lambda name: os.stat(f"{RELEASES}/{name}").st_mtime, reverse=True)
    for name in others[KEPT - 1 :]:
        if not is_used(f"{RELEASES}/{name}"):
            shutil.rmtree(f"{RELEASES}/{name}")


def install(release: str, files: Mapping[str, str]) -> None:
    check(release, files)
    if not os.path.isdir(f"{RELEASES}/{release}"):
        write(release, files)
    # the newest by time too, for the sweep
    os.utime(f"{RELEASES}/{release}")
    switch(release)
    sweep(release)


def take_part(release: str, number: int, count: int, data: bytes) -> bool:
    """Installs when all parts are there; they come in any order, and at the same time."""
    if os.path.isdir(f"{RELEASES}/{release}"):
        switch(release)
        return True
    own = f"{RELEASES}/.part-{release}-{number}"
    with open(own + ".new", "wb") as file:
        file.write(data)
    os.rename(own + ".new", own)
    parts: List[bytes] = []
    for each in range(1, count + 1):
        found = read(f"{RELEASES}/.part-{release}-{each}")
        if found is None:
            return False
        parts.append(found)
    install(release, unpack(parts))
    return True


def read(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def read_source(directory: str) -> Dict[str, str]:
    """Every module of the package, by its path."""
    paths = ["__main__.py"]
    for place, _, names in os.walk(f"{directory}/hostsync_host"):
        paths += [os.path.relpath(f"{place}/{name}", directory) for name in names if name.endswith(".py")]
    files: Dict[str, str] = {}
    for path in sorted(paths):
        with open(f"{directory}/{path}", encoding="utf-8") as file:
            files[path] = file.read()
    return files


def run(arguments: List[str]) -> str:
    os.umask(0o022)
    os.makedirs(RELEASES, exist_ok=True)
    with open(f"{RELEASES}/.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if arguments[0] == "--from":
            files = read_source(arguments[1])
            release = release_of("local", files)
            install(release, files)
            installed = True
        else:
            release = arguments[0]
            installed = take_part(release, int(arguments[1]), int(arguments[2]), sys.stdin.buffer.read())
    return json.dumps({"v": 1, "kind": "install", "release": release, "installed": installed})


def main(arguments: List[str]) -> int:
    try:
        print(run(arguments))
        return 0
    except (InstallError, OSError) as error:
        print(json.dumps({"v": 1, "kind": "error", "error": "not-ready", "message": f"not installed: {error}"[:300]}))
        return 13


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
