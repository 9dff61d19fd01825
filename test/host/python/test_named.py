"""A look at those names alone of which events tell: what it says is what a look at everything would."""

from __future__ import annotations

import io
import os
import random
import tempfile
import time
import unittest
from typing import Callable, Dict, List, Optional, Set

from hostsync_host.looker import Seen
from hostsync_host.named import look_at_names
from hostsync_host.records import name_of
from hostsync_host.scan import Walk

LATER = 3600 * 10**9
OTHER = 33


class Directory:
    """With what is known of it."""

    def __init__(self) -> None:
        self.top = tempfile.TemporaryDirectory(prefix="hostsync-named-")
        self.path = self.top.name
        os.chmod(self.path, 0o755)
        self.records: Dict[bytes, bytes] = {}
        self.flags = 0
        self.known = self.look(None)

    def walk(self) -> Walk:
        root = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        # nothing is young then
        return Walk(root, time.time_ns() + LATER, lambda path, name, directory: name.endswith(b".tmp"), OTHER, OTHER)

    def look(self, names: Optional[Set[bytes]]) -> Optional[Seen]:
        """@returns what was seen, of these names or of all. It is known then."""
        walk, sink = self.walk(), io.BytesIO()
        try:
            if names is None:
                seen = walk.look(b"", sink)
            else:
                seen = look_at_names(walk, b"", names, self.records, self.flags, sink)
        finally:
            os.close(walk.root)
        self.said = sink.getvalue()
        if seen is not None:
            self.records = {name_of(record): record for record in self.said.split(b"\0")[:-1]}
            self.flags = seen.flags
        return seen

    def make(self, name: str, content: str = "x") -> None:
        with open(f"{self.path}/{name}", "w", encoding="ascii") as file:
            file.write(content)


class NamedTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Directory()
        self.addCleanup(self.directory.top.cleanup)

    def expect_same(self, names: Set[bytes], what: str) -> None:
        before = dict(self.directory.records), self.directory.flags
        some, said = self.directory.look(names), self.directory.said
        self.directory.records, self.directory.flags = before
        whole = self.directory.look(None)
        self.assertEqual(said, self.directory.said, what)
        assert some is not None and whole is not None
        # that there was a socket is known until the next walk
        self.assertEqual(some._replace(flags=some.flags & ~16), whole._replace(flags=whole.flags & ~16), what)
        self.assertEqual(some.flags & whole.flags, whole.flags, what)

    def test_it_says_what_a_look_at_everything_says(self) -> None:
        path = self.directory.path
        for seed in range(4):
            dice = random.Random(seed)
            for step in range(60):
                names = {self.change(dice, path) for _ in range(dice.randrange(1, 5))}
                self.expect_same(names, f"seed {seed}, step {step}: {sorted(names)!r}")

    def change(self, dice: random.Random, path: str) -> bytes:
        name = f"{dice.choice('abcdefgh')}{dice.randrange(6)}{dice.choice(['', '', ' b', '.tmp'])}"
        full = f"{path}/{name}"
        if os.path.isdir(full) and not os.path.islink(full):
            os.rmdir(full)
        elif os.path.lexists(full) and (not os.path.isfile(full) or dice.randrange(3)):
            os.unlink(full)
        kinds: List[Callable[[], object]] = [
            lambda: self.directory.make(name, "y" * dice.randrange(100)),
            lambda: os.mkdir(full),
            lambda: os.symlink("elsewhere", full),
            lambda: os.mkfifo(full),
            lambda: os.truncate(full, 40 << 20),
            lambda: os.chmod(full, dice.choice([0o600, 0o644, 0o200])),
            lambda: os.chown(full, OTHER, OTHER),
        ]
        try:
            dice.choice(kinds)()
        except OSError:
            pass
        return os.fsencode(name)

    def test_more_names_than_are_taken_together(self) -> None:
        for number in range(9000):
            self.directory.make(f"{number:05}")
        self.directory.look(None)
        for names in ({b"00000"}, {b"04500", b"08999"}, {b"zzz"}, set[bytes]()):
            for name in names:
                self.directory.make(name.decode(), "more")
            self.expect_same(names, repr(names))

    def test_another_name_stays_as_it_was_known_and_the_next_walk_sees_it(self) -> None:
        self.directory.make("one")
        self.directory.make("two")
        self.directory.look(None)
        was = self.directory.records[b"two"]
        self.directory.make("one", "more")
        self.directory.make("two", "more")
        some = self.directory.look({b"one"})
        self.assertEqual(self.directory.records[b"two"], was)
        whole = self.directory.look(None)
        assert some is not None and whole is not None
        self.assertNotEqual(some.digest, whole.digest)

    def test_another_directory_of_that_path_is_not_taken_for_it(self) -> None:
        self.directory.make("one")
        self.directory.look(None)
        first = self.directory.path
        os.mkdir(f"{first}.new", 0o755)
        os.rename(first, f"{first}.old")
        os.rename(f"{first}.new", first)
        self.assertIsNone(self.directory.look({b"one"}))
        os.rmdir(first)
        os.rename(f"{first}.old", first)

    def test_what_is_open_for_writing_is_as_it_was_known_or_not_there_yet(self) -> None:
        self.directory.make("known")
        self.directory.look(None)
        was = self.directory.records[b"known"]
        self.directory.make("known", "half")
        self.directory.make("new", "half")
        walk, sink = self.directory.walk(), io.BytesIO()
        walk.stays, walk.hidden = {b"known": was}, {b"new"}
        look_at_names(walk, b"", {b"known", b"new"}, self.directory.records, 0, sink)
        os.close(walk.root)
        self.assertEqual([name_of(one) for one in sink.getvalue().split(b"\0")[:-1]], [b"", b"known"])
        self.assertIn(was, sink.getvalue())

    @unittest.skipUnless(os.geteuid() == 0, "needs root, as on a host")
    def test_what_its_owner_may_not_look_at_is_not_taken_for_known(self) -> None:
        self.directory.make("one")
        os.chown(self.directory.path, OTHER, OTHER)
        self.directory.look(None)
        os.chmod(self.directory.path, 0o600)
        process = os.fork()
        if process == 0:
            code = 1
            try:
                walk = self.directory.walk()
                os.setuid(OTHER)
                look_at_names(walk, b"", (), self.directory.records, 0, io.BytesIO())
            except PermissionError:
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), 0)


if __name__ == "__main__":
    unittest.main()
