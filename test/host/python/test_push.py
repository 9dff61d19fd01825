"""A push with real rsync: what the secondaries have afterwards, and what became of it when something was in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import unittest
import unittest.mock
from typing import Any

from group import OWNER, Group
from hostsync_host import layout, sending
from hostsync_host.locks import Lock, try_lock
from hostsync_host.look import Look
from hostsync_host.store import Store


def locked(path: bytes) -> Lock:
    lock = try_lock(path)
    assert lock is not None
    return lock


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Pushes(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]

    def write(self, name: str, text: str = "x") -> None:
        self.group.write(f"{self.root}/{name}", text)

    def same(self) -> None:
        for secondary in (1, 2):
            self.assertEqual(self.group.differences(secondary), [])

    def settle(self) -> None:
        """What changed just now is sent once more."""
        time.sleep(2.1)
        self.group.push()

    def test_first_then_changes_then_nothing(self) -> None:
        for number in range(50):
            self.write(f"d{number % 5}/f{number}", str(number))
        first = self.group.push()
        self.assertEqual((first.code, first.modes), (0, ["full", "full"]))
        self.same()
        self.write("d1/f1", "changed")
        self.write("new/deep/er/f")
        os.symlink("new", f"{self.root}/link")
        os.link(f"{self.root}/d2/f2", f"{self.root}/hard")
        os.unlink(f"{self.root}/d3/f3")
        self.group.own()
        second = self.group.push()
        self.assertEqual((second.code, second.modes), (0, ["changes", "changes"]))
        self.same()
        self.settle()
        self.group.count("connections")
        third = self.group.push()
        self.assertEqual((third.code, third.modes), (0, ["none", "none"]))
        self.assertEqual(self.group.count("connections"), 0)
        self.same()

    def test_a_directory_that_never_had_anything_keeps_nobody_out(self) -> None:
        os.unlink(f"{self.root}/keep")
        empty = self.group.push()
        self.assertEqual((empty.code, [one["ok"] for one in empty.of("secondary")]), (11, [True, True]))
        self.assertIn("no push has ever found a file", str(empty.of("directory")[0]["message"]))
        self.write("first")
        self.assertEqual(self.group.push().code, 0)
        self.same()
        os.unlink(f"{self.root}/first")
        emptied = self.group.push()
        errors = [one.get("error") for one in emptied.of("secondary")]
        self.assertEqual((emptied.code, errors), (11, ["directory-skipped", "directory-skipped"]))
        self.assertTrue(os.path.exists(f"{self.group.copy()}/first"))

    def test_a_directory_gives_way_and_comes_back(self) -> None:
        self.write("swap/a/b")
        self.write("other")
        self.group.push()
        shutil.rmtree(f"{self.root}/swap")
        self.write("swap", "file")
        os.unlink(f"{self.root}/other")
        self.write("other/inside/deep")
        second = self.group.push()
        self.assertEqual((second.code, second.modes), (0, ["changes", "changes"]))
        self.same()
        shutil.rmtree(f"{self.root}/other")
        os.symlink("swap", f"{self.root}/other")
        self.group.own()
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_files_that_their_owner_cannot_read_and_files_that_nobody_but_root_can(self) -> None:
        self.write("d/shut", "secret")
        self.write("d/roots", "secret")
        os.chmod(f"{self.root}/d/shut", 0)
        os.chown(f"{self.root}/d/roots", 0, 0)
        os.chmod(f"{self.root}/d/roots", 0o600)
        for _ in range(3):
            self.group.push()
        last = self.group.push()
        self.assertEqual(last.code, 11, last.log)
        self.assertTrue(all(line["ok"] for line in last.secondaries))
        self.assertIn("d/roots", last.of("directory")[0]["message"])
        with open(f"{self.group.copy()}/d/shut", encoding="ascii") as file:
            self.assertEqual(file.read(), "secret")
        self.assertFalse(os.path.exists(f"{self.group.copy()}/d/roots"))

    def test_large_files_come_last_and_whole(self) -> None:
        self.write("small")
        self.group.push()
        with open(f"{self.root}/large", "wb") as file:
            file.write(os.urandom(1000) * 40_000)
        self.write("small2")
        second = self.group.push()
        self.assertEqual((second.code, second.modes), (0, ["changes", "changes"]))
        self.same()
        self.settle()
        self.assertEqual(self.group.push().modes, ["none", "none"])
        self.same()

    def test_one_connection_a_secondary(self) -> None:
        self.write("a")
        self.group.push()
        self.settle()
        self.group.count("connections")
        self.write("b/c")
        os.symlink("b", f"{self.root}/l")
        os.unlink(f"{self.root}/a")
        self.group.own()
        self.group.push()
        self.assertEqual(self.group.count("connections"), 2)
        self.same()

    def test_a_push_sends_what_changed_and_nothing_else(self) -> None:
        for number in range(30):
            self.write(f"f{number}")
            self.write(f"d/f{number}")
        self.group.push()
        self.settle()
        for number in (1, 2):
            os.utime(f"{self.group.copy(number)}/f5", (1, 1))  # noticed if it were sent again
        self.write("f1", "changed")
        os.unlink(f"{self.root}/f2")
        os.unlink(f"{self.root}/d/f2")
        pushed = self.group.push()
        self.assertEqual([(line["files"], line["deleted"]) for line in pushed.secondaries], [(1, 2), (1, 2)])

    def test_what_is_gone_when_it_was_sent_and_comes_back_is_not_taken_for_received(self) -> None:
        self.write("d/f", "old")
        self.group.push()
        self.settle()
        self.write("d/f", "new")
        os.mkdir(f"{self.root}/d/empty")
        self.group.own()
        time.sleep(2.1)
        walk = Look.run

        def run(look: Look) -> None:
            walk(look)
            os.rename(f"{self.root}/d", f"{self.root}/away")

        with unittest.mock.patch.object(Look, "run", run):
            self.group.push()
        os.rename(f"{self.root}/away", f"{self.root}/d")
        self.group.push()
        self.same()

    def test_what_is_deleted_here_and_comes_back_while_it_is_pushed_does_not_stay_there_for_good(self) -> None:
        self.write("cache/x")
        self.write("other")
        self.group.push()
        self.settle()
        os.unlink(f"{self.root}/cache/x")
        self.write("other", "changed")
        delete = sending.delete

        def delete_later(*words: Any) -> bool:
            self.write("cache/x")
            return delete(*words)

        with unittest.mock.patch.object(sending, "delete", delete_later):
            self.group.push()
        os.unlink(f"{self.root}/cache/x")
        self.group.push()
        self.same()

    def test_of_hard_links_all_names_are_sent_when_one_must_be(self) -> None:
        self.write("a/one", "linked")
        os.makedirs(f"{self.root}/b/c")
        for name in ("b/two", "b/c/lost+found", "zz"):
            os.link(f"{self.root}/a/one", f"{self.root}/{name}")
        self.write("b/other")
        self.group.own()
        self.group.push()
        self.settle()
        self.same()
        walk = Look.run

        def run(look: Look) -> None:
            walk(look)
            os.rename(f"{self.root}/b", f"{self.root}/away")
            os.rename(f"{self.root}/away", f"{self.root}/b")
            os.utime(f"{self.root}/b/c")

        self.write("b/two", "changed")
        time.sleep(2.1)
        with unittest.mock.patch.object(Look, "run", run):  # what is in b is in doubt then, and a/one is not
            self.group.push()
        self.assertEqual(self.group.push().modes, ["changes", "changes"])
        self.same()

    def test_large_hard_links_stay_linked_where_everything_is_compared(self) -> None:
        with open(f"{self.root}/large", "wb") as file:
            file.truncate(40_000_000)
        os.link(f"{self.root}/large", f"{self.root}/large2")
        self.group.own()
        self.assertEqual(self.group.push().modes, ["full", "full"])
        self.same()

    def test_what_is_in_the_way_over_there_is_named_and_left_alone(self) -> None:
        self.write("a")
        self.group.push()
        self.settle()
        os.makedirs(f"{self.group.copy()}/locked")
        os.chmod(f"{self.group.copy()}/locked", 0o700)
        self.write("locked/x")
        self.write("y")
        failed = self.group.push()
        self.assertEqual(failed.secondaries[0]["error"], "permission-denied")
        self.assertIn("locked", failed.secondaries[0]["message"])
        self.assertTrue(failed.secondaries[1]["ok"])
        self.assertTrue(os.path.exists(f"{self.group.copy()}/y"))
        again = self.group.push()
        self.assertEqual((again.secondaries[0]["error"], again.modes[0]), ("permission-denied", "changes"))
        shutil.rmtree(f"{self.group.copy()}/locked")
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_where_nothing_is_known_a_directory_over_there_gives_way_too(self) -> None:
        self.write("way", "file")
        self.write("link/x")
        os.makedirs(f"{self.group.copy()}/way/deep")
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", self.group.copy()], check=True)
        first = self.group.push()
        second = self.group.push()
        self.assertEqual(second.code, 0, first.log + second.log)
        self.same()

    def test_one_push_waits_for_another_and_a_third_does_not(self) -> None:
        self.group.push()
        self.write("new")
        store = Store("web")
        with locked(store.path("lock")), locked(os.path.join(layout.locks("web"), b".waiting")):
            third = self.group.push()
        self.assertEqual((third.code, [line["error"] for line in third.secondaries]), (0, ["busy", "busy"]))
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_owner_of_all_over_there_is_the_directorys(self) -> None:
        self.write("a")
        os.chown(f"{self.root}/a", 0, 1500)
        self.group.push()
        found = os.stat(f"{self.group.copy()}/a")
        self.assertEqual((found.st_uid, found.st_gid), (OWNER, OWNER))


if __name__ == "__main__":
    unittest.main()
