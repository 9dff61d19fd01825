"""Files, locks, programs and the epoch: what every command stands on."""

from __future__ import annotations

import os
import tempfile
import time
import unittest
from dataclasses import replace
from typing import Optional

from hostsync_host import commands, epoch, files, layout, locks
from hostsync_host.errors import ExitCode, HostError
from hostsync_host.options import Options
from hostsync_host.request import Request


class InDirectory(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = os.fsencode(temporary.name)

    def path(self, name: str) -> bytes:
        return self.directory + b"/" + name.encode()


class Files(InDirectory):
    def test_a_file_is_written_whole_and_with_its_mode(self) -> None:
        files.write_atomic(self.path("x"), b"one")
        files.write_atomic(self.path("x"), b"two", 0o644)
        self.assertEqual(files.read_small(self.path("x")), b"two")
        self.assertEqual(os.stat(self.path("x")).st_mode & 0o777, 0o644)
        self.assertEqual(os.listdir(self.directory), [b"x"])

    def test_what_cannot_be_written_leaves_nothing_behind(self) -> None:
        os.mkdir(self.path("x"))
        with self.assertRaises(OSError):
            files.write_atomic(self.path("x"), b"one")
        self.assertEqual(os.listdir(self.directory), [b"x"])

    def test_install_tells_a_change_from_none(self) -> None:
        self.assertTrue(files.install(self.path("x"), b"one"))
        self.assertFalse(files.install(self.path("x"), b"one"))
        os.chmod(self.path("x"), 0o666)
        self.assertTrue(files.install(self.path("x"), b"one"))
        self.assertTrue(files.install(self.path("x"), b"eno"))
        self.assertTrue(files.install(self.path("x"), b"longer"))

    def test_install_takes_the_place_of_a_link_and_writes_not_through_it(self) -> None:
        files.install(self.path("secret"), b"secret")
        os.symlink(b"secret", self.path("x"))
        self.assertTrue(files.install(self.path("x"), b"secret"))
        files.install(self.path("x"), b"changed")
        self.assertEqual(files.read_small(self.path("secret")), b"secret")

    def test_only_small_regular_files_are_read(self) -> None:
        self.assertIsNone(files.read_small(self.path("x")))
        files.write_atomic(self.path("x"), b"12345")
        self.assertEqual(files.read_small(self.path("x"), 5), b"12345")
        with self.assertRaises(OSError):
            files.read_small(self.path("x"), 4)
        os.mkfifo(self.path("fifo"))
        with self.assertRaises(OSError):
            files.read_small(self.path("fifo"))


class Locks(InDirectory):
    def test_a_lock_is_held_once_and_free_after_its_end(self) -> None:
        with locks.wait_for_lock(self.path("lock"), 0) or self.fail("no lock"):
            self.assertIsNone(locks.try_lock(self.path("lock")))
            self.assertIsNone(locks.wait_for_lock(self.path("lock"), 0.1))
        self.assertIsNotNone(locks.try_lock(self.path("lock")))

    def test_a_directory_can_be_locked(self) -> None:
        lock = locks.try_lock(self.directory)
        self.assertIsNotNone(lock)
        self.assertIsNone(locks.try_lock(self.directory))

    def test_a_program_does_not_hold_our_lock_unless_it_is_given_it(self) -> None:
        lock = locks.try_lock(self.path("lock")) or self.fail("no lock")
        script = 'exec flock -n "$1" true'
        self.assertEqual(commands.run(["sh", "-c", "ls -l /proc/self/fd", "sh"]).out.count(b"/lock"), 0)
        self.assertNotEqual(commands.run(["sh", "-c", script, "sh", self.path("lock")]).code, 0)
        given = commands.run(["sh", "-c", "ls -l /proc/self/fd"], pass_fds=[lock.fileno()])
        self.assertEqual(given.out.count(b"/lock"), 1)
        lock.release()
        self.assertEqual(commands.run(["sh", "-c", script, "sh", self.path("lock")]).code, 0)


class Programs(unittest.TestCase):
    def test_what_a_program_says_is_kept_to_its_first_bytes(self) -> None:
        done = commands.run(["sh", "-c", "yes | head -c 3000000; yes no | head -c 3000000 >&2; exit 3"], limit=10)
        self.assertEqual((done.code, done.out, done.err, done.cut), (3, b"y\n" * 5, b"no\nno\nno\nn", True))

    def test_a_program_that_takes_too_long_is_ended(self) -> None:
        began = time.monotonic()
        done = commands.run(["sleep", "60"], timeout=0.2)
        self.assertTrue(done.timed_out)
        self.assertEqual(done.code, -9)
        self.assertEqual(done.first_line(), "took too long")
        self.assertLess(time.monotonic() - began, 30)

    def test_a_program_that_is_missing_is_told_like_in_a_shell(self) -> None:
        done = commands.run(["no-such-program"])
        self.assertEqual(done.code, 127)
        self.assertIn("no-such-program", done.first_line())

    def test_its_environment_is_ours(self) -> None:
        os.environ["SECRET"] = "x"
        self.addCleanup(os.environ.pop, "SECRET")
        out = commands.run(["env"], environment={"MORE": "1"}).out.decode()
        self.assertIn("LC_ALL=C\n", out)
        self.assertIn("MORE=1\n", out)
        self.assertNotIn("SECRET", out)

    def test_it_is_given_standard_input(self) -> None:
        self.assertEqual(commands.run(["cat"], stdin=b"a\0b").out, b"a\0b")
        self.assertEqual(commands.run(["cat"]).out, b"")
        self.assertTrue(commands.run(["true"], stdin=b"x" * 65536).ok)

    def test_what_is_missing_is_named_with_its_package(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("root only")
        with self.assertRaises(HostError) as caught:
            commands.need({"sh": "dash/bash", "no-such": "debian-package/amazon-package"})
        self.assertRegex(caught.exception.message, "missing on this host: no-such; run: .* (debian|amazon)-package$")


class Epoch(InDirectory):
    def setUp(self) -> None:
        super().setUp()
        before = layout.ETC
        layout.ETC = self.directory
        self.addCleanup(setattr, layout, "ETC", before)

    def request(self, number: int, holder: Optional[str] = "i-1", group: str = "web") -> Request:
        empty = Request("join", group, number, holder, (), (), (), None, Options())
        return replace(empty)

    def refusal(self, request: Request) -> ExitCode:
        with self.assertRaises(HostError) as caught:
            epoch.require_not_older(request)
        return caught.exception.code

    def test_a_host_that_follows_nothing_follows_whoever_comes(self) -> None:
        self.assertIsNone(epoch.require_not_older(self.request(1)))
        self.assertTrue(epoch.follow(self.request(7)))
        self.assertFalse(epoch.follow(self.request(7)))
        self.assertEqual(epoch.read_group(), epoch.GroupState("web", 7, "i-1"))

    def test_an_older_epoch_another_holder_and_another_group_are_refused(self) -> None:
        epoch.follow(self.request(7))
        self.assertEqual(self.refusal(self.request(6)), ExitCode.OLDER_EPOCH)
        self.assertEqual(self.refusal(self.request(7, "i-2")), ExitCode.OLDER_EPOCH)
        self.assertEqual(self.refusal(self.request(8, group="other")), ExitCode.BAD_REQUEST)
        self.assertIsNotNone(epoch.require_not_older(self.request(8, "i-2")))

    def test_who_does_not_say_the_holder_is_not_asked_and_takes_it_from_nobody(self) -> None:
        epoch.follow(self.request(7))
        epoch.require_not_older(self.request(7, None))
        self.assertFalse(epoch.follow(self.request(7, None)))
        self.assertTrue(epoch.follow(self.request(8, None)))
        self.assertEqual(epoch.read_group(), epoch.GroupState("web", 8, None))
        epoch.require_not_older(self.request(8, "i-2"))

    def test_a_damaged_file_is_not_taken_for_none(self) -> None:
        for text in (b"", b"group\tweb\n", b"group\tweb\nepoch\t0\n", b"epoch\t1\n", b"x" * 70000):
            files.write_atomic(self.path("group"), text)
            self.assertEqual(self.refusal(self.request(1)), ExitCode.NOT_READY)


if __name__ == "__main__":
    unittest.main()
