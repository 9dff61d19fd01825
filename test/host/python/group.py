"""A primary and secondaries on one machine, with real rsync and without SSH: in its place a program that starts the
daemon."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import subprocess
import tempfile
import time
from typing import Any, Dict, Iterator, List, Tuple

from hostsync_host import layout, modules, push, results, rsync, ssh
from hostsync_host.errors import HostError
from hostsync_host.layout import module_name
from hostsync_host.options import make_options
from hostsync_host.request import Directory, Request, Secondary

OWNER = 33
SSH = """#!/bin/sh
case " $* " in *" -N "*)
  [ ! -e {top}/cut."$5" ] || exit 255
  echo $$ > {top}/master."$5"
  : > "$(sed -n 's/^ControlPath //p' "$2")"
  echo $$ >> {top}/connections
  exec sleep 1000 ;;
esac
echo "$4" >> {top}/runs
[ -e {top}/cut."$4" ] || exec rsync --server --daemon --config={top}/"$4".conf .
read -r when < {top}/cut."$4"
[ "$when" = before ] || rsync --server --daemon --config={top}/"$4".conf .
kill "$(cat {top}/master."$4")"
exit 255
"""


class Group:
    """Removed by `close`."""

    def __init__(
        self,
        secondaries: int = 2,
        directories: Tuple[str, ...] = ("uploads",),
        joined_by_an_earlier_release: str = "",
    ) -> None:
        self.joined_by_an_earlier_release = joined_by_an_earlier_release
        self.options: Dict[str, object] = {}
        """Of every push."""
        self.top = tempfile.mkdtemp(prefix="hostsync-group-")
        os.chmod(self.top, 0o755)
        layout.ETC = os.fsencode(self.top) + b"/etc"
        layout.STATE = os.fsencode(self.top) + b"/state"
        for path in (layout.ETC, layout.STATE):
            os.mkdir(path, 0o755)
        with open(layout.key(), "w", encoding="ascii"):
            os.chmod(layout.key(), 0o600)
        self.names = [f"s-{number}" for number in range(1, secondaries + 1)]
        self.directories = [self.make("primary", name) for name in directories]
        for secondary in self.names:
            copies = [self.make(secondary, name) for name in directories]
            self._write_configuration(secondary, copies)
        os.mkdir(f"{self.top}/bin")
        with open(f"{self.top}/bin/ssh", "w", encoding="ascii") as file:
            file.write(SSH.format(top=self.top))
        os.chmod(file.name, 0o755)
        path = f"{self.top}/bin:{ssh.environment()['PATH']}"
        ssh.environment = rsync.environment = lambda: {"PATH": path, "LC_ALL": "C"}  # type: ignore[assignment]
        ssh.greets = lambda secondary, timeout: None  # type: ignore[assignment]
        for directory in self.directories:
            self.write(f"{directory}/keep")

    def close(self) -> None:
        subprocess.run(["rm", "-rf", self.top], check=True)

    def make(self, host: str, name: str) -> str:
        path = f"{self.top}/{host}/{name}"
        os.makedirs(path)
        os.chown(path, OWNER, OWNER)
        return path

    def copy(self, secondary: int = 1, directory: int = 0) -> str:
        return self.directories[directory].replace("/primary/", f"/s-{secondary}/")

    def write(self, path: str, text: str = "x") -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        self.own()

    def own(self) -> None:
        """What is the owner's already is not touched."""
        subprocess.run(["chown", "-hR", "--from=0:0", f"{OWNER}:{OWNER}", *self.directories], check=True)

    def _write_configuration(self, secondary: str, copies: List[str]) -> None:
        text = modules.HEADING + f"lock file = {self.top}/{secondary}.lock\nlog file = {self.top}/{secondary}.log\n"
        for original, path in zip(self.directories, copies):
            text += f"\n[{module_name(os.fsencode(original))}]\npath = {path}\nuid = {OWNER}\ngid = {OWNER}\n"
            text += "incoming chmod = Du+rx,Fu-s,Fg-s\n"
        if secondary != self.joined_by_an_earlier_release:
            fresh = self.make(secondary, "fresh")
            text += f"\n[fresh]\npath = {fresh}\nuid = {OWNER}\ngid = {OWNER}\n"
        with open(f"{self.top}/{secondary}.conf", "w", encoding="ascii") as file:
            file.write(text)

    def request(self, epoch: int = 1, excludes: Tuple[bytes, ...] = (), **options: object) -> Request:
        given = {
            name.replace("_", "-"): str(value) for name, value in {"io_timeout": 10, **self.options, **options}.items()
        }
        return Request(
            "push",
            "web",
            epoch,
            None,
            tuple(Directory(os.fsencode(path), None, None) for path in self.directories),
            excludes,
            tuple(Secondary(name, "127.0.0.1", 22, "ssh-ed25519 AAAA") for name in self.names),
            None,
            make_options(given),
        )

    def push(self, **how: Any) -> Push:
        time.sleep(0.1)  # what changes as a push begins leaves a doubt, and has the next one compare everything
        said = tempfile.TemporaryFile()
        kept = results._write
        lines: List[bytes] = []
        results._write = lambda number, data: lines.append(data) if number == 1 else said.write(data)  # type: ignore[assignment]
        try:
            code = int(push.run(self.request(**how)))
        except HostError as error:
            code = int(error.code)
        finally:
            results._write = kept
        said.seek(0)
        return Push(code, [json.loads(line) for line in lines], said.read().decode())

    def differences(self, secondary: int = 1, directory: int = 0) -> List[str]:
        one, two = tree(self.directories[directory]), tree(self.copy(secondary, directory))
        return sorted(
            f"{name!r}: {one.get(name)} {two.get(name)}" for name in {*one, *two} if one.get(name) != two.get(name)
        )

    def cut_off(self, secondary: int, when: str) -> None:
        """The next connection breaks, `before` rsync over there has done anything or `after` it has done all."""
        with open(f"{self.top}/cut.s-{secondary}", "w", encoding="ascii") as file:
            file.write(f"{when}\n")

    def heal(self, secondary: int) -> None:
        os.unlink(f"{self.top}/cut.s-{secondary}")

    def count(self, what: str) -> int:
        """`connections` or `runs` since the last time."""
        path = f"{self.top}/{what}"
        with contextlib.suppress(FileNotFoundError):
            with open(path, encoding="ascii") as file:
                number = len(file.readlines())
            os.unlink(path)
            return number
        return 0


class Push:
    """What a push said."""

    def __init__(self, code: int, lines: List[Dict[str, Any]], log: str) -> None:
        self.code = code
        self.lines = lines
        self.log = log

    def of(self, kind: str) -> List[Dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def secondaries(self) -> List[Dict[str, Any]]:
        return sorted(self.of("secondary"), key=lambda line: str(line["id"]))

    @property
    def modes(self) -> List[str]:
        return [line["mode"] for line in self.secondaries]


def tree(root: str) -> Dict[str, object]:
    """Everything below a directory, with what is the same on both sides."""
    found: Dict[str, object] = {}
    links: Dict[int, List[str]] = {}
    for path, status in _walk(root):
        kind = stat.S_IFMT(status.st_mode)
        extra: object = None
        if kind == stat.S_IFREG:
            try:
                with open(f"{root}/{path}".encode("utf-8", "surrogateescape"), "rb") as file:
                    extra = hashlib.md5(file.read()).hexdigest()
            except FileNotFoundError:
                # a push that is in progress has moved it
                extra = "gone"
            if status.st_nlink > 1:
                links.setdefault(status.st_ino, []).append(path)
        elif kind == stat.S_IFLNK:
            extra = os.readlink(f"{root}/{path}")
        elif kind != stat.S_IFDIR:
            continue
        found[path] = [oct(status.st_mode), status.st_uid, status.st_mtime_ns, extra]
    for names in links.values():
        for name in names if len(names) > 1 else ():
            entry = found[name]
            assert isinstance(entry, list)
            entry.append(sorted(names))
    return found


def _walk(root: str) -> Iterator[Tuple[str, os.stat_result]]:
    yield ".", os.lstat(root)
    for path, directories, files in os.walk(root):
        for name in [*directories, *files]:
            whole = os.path.join(path, name)
            with contextlib.suppress(FileNotFoundError):
                yield os.path.relpath(whole, root), os.lstat(whole)
