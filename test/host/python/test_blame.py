"""What rsync could not do with the directory itself, or with what it keeps there of its own, is no name that is in
doubt: asked for by name, that would be everything in the directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import unittest
from typing import List
from unittest import mock

from group import OWNER, Group
from hostsync_host.blame import named
from hostsync_host.finished import PARTIAL, Finished, read_errors
from hostsync_host.leftovers import Leftover, split
from hostsync_host.sending import Sending

MODULE = "(in 0123456789abcdef)"


def finished(*lines: str) -> Finished:
    found = Finished(code=PARTIAL)
    read_errors("\n".join(lines).encode(), found, "s-1")
    return found


class NamedTest(unittest.TestCase):
    def test_names_in_reports(self) -> None:
        found = finished(
            f'rsync: [receiver] mkstemp "/d/.~tmp~/.one.Ab12Cd" {MODULE} failed: Permission denied (13)',
            f'rsync: [generator] failed to set times on "/two\\#012" {MODULE}: Operation not permitted (1)',
        )
        self.assertEqual(named(found), {b"d/.one.Ab12Cd", b"two\n"})

    def test_the_directory_itself_is_none(self) -> None:
        for path in ("/", "/.", "/.~tmp~", "/.~tmp~/", "."):
            with self.subTest(path):
                found = finished(
                    f'rsync: [generator] opendir "{path}" {MODULE} failed: Permission denied (13)',
                    f'rsync: [generator] failed to set times on "/two" {MODULE}: Operation not permitted (1)',
                )
                self.assertIsNone(named(found))


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class InTheWayTest(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group(1)
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        for number in range(30):
            self.group.write(f"{self.root}/d/{number}")
            self.group.write(f"{self.root}/{number}")
        self.group.push()

    def lost(self) -> List[str]:
        """What was there, and is not any more."""
        return [line for line in self.group.differences() if line.endswith("None") and "more" not in line]

    def test_what_it_keeps_there_and_cannot_enter_costs_no_file(self) -> None:
        for place in ("", "d/"):
            with self.subTest(place):
                shut = f"{self.group.copy()}/{place}.~tmp~"
                os.mkdir(shut, 0o700)
                with open(f"{shut}/left", "w", encoding="ascii"):
                    pass
                self.group.cut_off(1, "before")
                self.group.write(f"{self.root}/{place}more")
                self.group.push()
                self.group.heal(1)
                # everything is compared, and then what that left in doubt
                for number in range(3):
                    self.group.write(f"{self.root}/{place}more{number}")
                    self.group.push()
                    self.assertEqual(self.lost(), [])
                shutil.rmtree(shut)
                self.group.push()
                found = self.group.push()
                self.assertEqual((found.code, self.group.differences()), (0, []), found.log)

    def test_a_doubt_without_a_name_deletes_nothing(self) -> None:
        conclude = Sending.conclude

        def doubtful(sending: Sending, *words: object) -> bool:
            for kind in (b"?", b"D", b"-"):
                sending.unsure.append(Leftover(kind, b"", b""))
            return conclude(sending, *words)  # type: ignore[arg-type]

        self.group.write(f"{self.root}/more")
        with mock.patch.object(Sending, "conclude", doubtful):
            self.group.push()
        # what really went is not taken for a part of it
        os.unlink(f"{self.root}/1")
        found = self.group.push()
        self.assertEqual((found.code, self.group.differences()), (0, []), found.log)

    def test_what_is_below_something_else_that_goes_goes_with_it(self) -> None:
        """Whatever of the names between them is in doubt."""
        conclude = Sending.conclude

        def doubtful(sending: Sending, *words: object) -> bool:
            for path in (b"x", b"x/y/z/file"):
                sending.unsure.append(Leftover(b"D" if path == b"x" else b"?", *split(path)))
            return conclude(sending, *words)  # type: ignore[arg-type]

        for kind in ("gone", "a file"):
            with self.subTest(kind):
                there = f"{self.group.copy()}/x"
                os.makedirs(f"{there}/y/z")
                shutil.copy(f"{self.root}/1", f"{there}/y/z/file")
                subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", there], check=True)
                with mock.patch.object(Sending, "conclude", doubtful):
                    self.group.write(f"{self.root}/more-{kind}")
                    self.group.push()
                if kind == "a file":
                    self.group.write(f"{self.root}/x")
                found = self.group.push()
                self.assertEqual((found.code, self.group.differences()), (0, []), found.log)


if __name__ == "__main__":
    unittest.main()
