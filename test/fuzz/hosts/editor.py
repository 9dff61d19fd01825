"""Edits directories as editors and software do, and as nobody should: editor.py SEED COUNT PAUSE DIRECTORY...

Prints each operation before it is done. Many fail, for what they need may not be there. What lies below a directory
called "stays" is left alone: others watch that it stays.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
import time
from collections.abc import Callable

from choices import DIRECTORY_MODES, FILE_MODES, SIZES, STRANGE_NAMES, STRANGE_TIMES, WEB_USER
from steps import exchange, is_directory, is_file, make_parents, open_at_once, remove, write


class Editor:
    """One that edits; the same seed does the same to the same directories."""

    def __init__(self, seed: int, pause: float, roots: list[bytes]) -> None:
        self.random = random.Random(seed)
        self.pause = pause
        self.roots = roots

    # --- what is chosen

    def name(self) -> bytes:
        chance = self.random.random()
        if chance < 0.75:
            return b"n%d" % self.random.randrange(14)
        if chance < 0.80:
            length = self.random.choice([1, 3, 20, 255])
            return bytes(
                self.random.choice([byte for byte in range(1, 256) if byte != ord("/")]) for _ in range(length)
            )
        return self.random.choice(STRANGE_NAMES)

    def new_path(self) -> bytes:
        path = self.random.choice(self.roots)
        for _ in range(self.random.randrange(5)):
            path += b"/d%d" % self.random.randrange(3) if self.random.random() < 0.9 else b"/" + self.name()
        return path + b"/" + self.name()

    def old_path(self) -> bytes:
        found: list[bytes] = []
        for directory, directories, files in os.walk(self.random.choice(self.roots)):
            directories[:] = sorted(name for name in directories if name != b"stays")
            found += [directory + b"/" + name for name in directories + sorted(files)]
            if len(found) > 400:
                break
        return self.random.choice(found) if found else self.new_path()

    def data(self) -> bytes:
        size = self.random.choice(SIZES)
        return self.random.randbytes(size) if size < 10_000 else self.random.randbytes(100) * (size // 100)

    # --- what is done; new has no name yet, perhaps, and old has one, perhaps

    def make(self, new: bytes, old: bytes) -> None:
        make_parents(new)
        if self.random.random() < 0.3:
            remove(new)
        write(new, self.data())

    def append(self, new: bytes, old: bytes) -> None:
        if is_file(old):
            write(old, self.data(), "ab")

    def change_and_reset_time(self, new: bytes, old: bytes) -> None:
        if is_file(old):
            before = os.stat(old)
            write(old, self.random.randbytes(min(before.st_size, 9)), "r+b")
            os.utime(old, ns=(before.st_atime_ns, before.st_mtime_ns))

    def replace_by_like(self, new: bytes, old: bytes) -> None:
        """Another file of the same size and time."""
        if is_file(old) and os.stat(old).st_size < 100_000:
            before = os.stat(old)
            write(old + b".t", self.random.randbytes(before.st_size))
            os.utime(old + b".t", ns=(before.st_atime_ns, before.st_mtime_ns))
            os.rename(old + b".t", old)

    def rename(self, new: bytes, old: bytes) -> None:
        make_parents(new)
        os.rename(old, new)

    def exchange(self, new: bytes, old: bytes) -> None:
        exchange(old, self.old_path())

    def link(self, new: bytes, old: bytes) -> None:
        make_parents(new)
        os.link(old, new, follow_symlinks=False)

    def link_over(self, new: bytes, old: bytes) -> None:
        make_parents(new)
        os.link(old, new + b".l", follow_symlinks=False)
        os.rename(new + b".l", new)

    def make_symlink(self, new: bytes, old: bytes) -> None:
        make_parents(new)
        os.symlink(self.random.choice([b"n1", b"../d1", b"/nonexistent/x", old, b"x" * 300, b"\n", b".."]), new)

    def switch_symlink(self, new: bytes, old: bytes) -> None:
        """As a release is switched."""
        make_parents(new)
        os.symlink(old, new + b".s")
        os.rename(new + b".s", new)

    def change_mode(self, new: bytes, old: bytes) -> None:
        if not os.path.islink(old):
            os.chmod(old, self.random.choice(DIRECTORY_MODES if os.path.isdir(old) else FILE_MODES))

    def change_time(self, new: bytes, old: bytes) -> None:
        later = time.time_ns() + 10**12
        at = self.random.choice((*STRANGE_TIMES, self.random.randrange(10**18), later))
        os.utime(old, ns=(at, at), follow_symlinks=False)

    def remove(self, new: bytes, old: bytes) -> None:
        remove(old)

    def become_other_kind(self, new: bytes, old: bytes) -> None:
        was_directory = is_directory(old)
        remove(old)
        if was_directory:
            write(old, b"file")
        else:
            os.mkdir(old)
            write(old + b"/in", b"in")

    def become_symlink(self, new: bytes, old: bytes) -> None:
        was = old + b".was"
        os.rename(old, was)
        os.symlink(self.random.choice([b"d0", self.roots[-1], os.path.basename(was)]), old)

    def make_special(self, new: bytes, old: bytes) -> None:
        """In the place of a file, too: whoever opens it would wait for ever."""
        if is_file(old) and self.random.random() < 0.3:
            os.unlink(old)
            new = old
        make_parents(new)
        if self.random.random() < 0.6:
            os.mkfifo(new)
        else:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(os.fsdecode(new[:100]))

    def make_sparse(self, new: bytes, old: bytes) -> None:
        make_parents(new)
        with open(new, "wb", opener=open_at_once) as file:
            file.truncate(self.random.randrange(3_000_000))
            file.seek(self.random.randrange(10**6))
            file.write(b"middle")

    def make_many(self, new: bytes, old: bytes) -> None:
        os.makedirs(new, exist_ok=True)
        for number in range(self.random.randrange(40)):
            write(new + b"/f%d" % number, b"%d" % number)

    def change_owner(self, new: bytes, old: bytes) -> None:
        os.chown(old, self.random.choice([0, WEB_USER, 1000]), self.random.choice([0, WEB_USER]), follow_symlinks=False)

    def come_and_go(self, new: bytes, old: bytes) -> None:
        make_parents(new)
        write(new, b"gone")
        time.sleep(self.pause / 2)
        os.unlink(new)

    def go_and_come(self, new: bytes, old: bytes) -> None:
        os.rename(old, old + b"~")
        time.sleep(self.pause)
        os.rename(old + b"~", old)

    def copy(self, new: bytes, old: bytes) -> None:
        if not is_directory(old):
            make_parents(new)
            shutil.copy2(old, new, follow_symlinks=False)
        elif len(new) < 600 and not new.startswith(old + b"/"):
            shutil.copytree(os.fsdecode(old), os.fsdecode(new), symlinks=True)

    def truncate(self, new: bytes, old: bytes) -> None:
        if is_file(old) and os.path.getsize(old):
            # not truncate(2), which raises no event that a watch sees
            with open(old, "r+b") as file:
                file.truncate(self.random.randrange(os.path.getsize(old) + 1))

    def move_to_top(self, new: bytes, old: bytes) -> None:
        os.rename(old, self.random.choice(self.roots) + b"/" + self.name())

    def make_deep(self, new: bytes, old: bytes) -> None:
        os.makedirs(new + b"/a/b/c/d/e/f", exist_ok=True)
        write(new + b"/a/b/c/d/e/z", b"z")

    def make_album(self, new: bytes, old: bytes) -> None:
        """So many files that secondaries link them when it is renamed."""
        for number in range(self.random.randrange(110, 170)):
            path = new + b"/page%d/f%d" % (number % 3, number)
            make_parents(path)
            write(path, b"%d" % number * 50)

    def rename_album(self, new: bytes, old: bytes) -> None:
        """And perhaps edits one of its files, or puts a copy of it where it was."""
        found = [
            directory
            for directory, directories, _ in os.walk(self.random.choice(self.roots))
            # a synced directory itself can be one: a link led an album into it
            if b"page0" in directories and b"stays" not in directory.split(b"/") and directory not in self.roots
        ]
        album = self.random.choice(sorted(found))
        make_parents(new)
        os.rename(album, new)
        then = self.random.randrange(6)
        if then == 0:
            shutil.copytree(os.fsdecode(new), os.fsdecode(album), symlinks=True)
        elif then == 1:
            self.change_and_reset_time(new, new + b"/page0/f0")
        elif then == 2:
            os.chmod(new + b"/page1/f1", 0o600)
        elif then == 3:
            time.sleep(self.pause)
            os.rename(new, album)

    def edit(self, operations: list[Operation]) -> None:
        """Does one operation."""
        operation = self.random.choice(operations)
        new, old = self.new_path(), self.old_path()
        print(operation.__name__, new, old, flush=True)
        try:
            if not is_directory(new) or operation in MAKERS:
                operation(self, new, old)
        except (OSError, ValueError, IndexError, shutil.Error, RecursionError):
            pass  # what it needs is not there, or is of another kind
        if self.pause and self.random.random() < 0.3:
            time.sleep(self.pause)


Operation = Callable[[Editor, bytes, bytes], None]
MAKERS: tuple[Operation, ...] = (Editor.make_many, Editor.make_deep, Editor.make_album)
WEIGHTS: dict[Operation, int] = {
    Editor.make: 5,
    Editor.append: 1,
    Editor.change_and_reset_time: 1,
    Editor.replace_by_like: 1,
    Editor.rename: 2,
    Editor.exchange: 1,
    Editor.link: 1,
    Editor.link_over: 1,
    Editor.make_symlink: 1,
    Editor.switch_symlink: 1,
    Editor.change_mode: 1,
    Editor.change_time: 1,
    Editor.remove: 2,
    Editor.become_other_kind: 1,
    Editor.become_symlink: 1,
    Editor.make_special: 1,
    Editor.make_sparse: 1,
    Editor.make_many: 1,
    Editor.change_owner: 1,
    Editor.come_and_go: 1,
    Editor.go_and_come: 1,
    Editor.copy: 1,
    Editor.truncate: 1,
    Editor.move_to_top: 1,
    Editor.make_deep: 1,
    Editor.make_album: 1,
    Editor.rename_album: 2,
}


def main(seed: str, count: str, pause: str, *roots: str) -> None:
    editor = Editor(int(seed), float(pause), [os.fsencode(root) for root in roots])
    operations = [operation for operation, weight in WEIGHTS.items() for _ in range(weight)]
    for _ in range(int(count)):
        editor.edit(operations)
    for root in editor.roots:  # an empty directory is one that is not pushed
        if not os.path.lexists(root + b"/keep"):
            write(root + b"/keep", b"x")


if __name__ == "__main__":
    main(*sys.argv[1:])
