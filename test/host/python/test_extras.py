"""What only a secondary has: it goes when everything is compared, and is told of, for it may have been an upload."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import unittest
from unittest import mock

from group import OWNER, Group
from hostsync_host.everything import Everything


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Extras(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        self.group.push()
        self.group.push(verify_every=1)

    def same(self) -> None:
        for secondary in (1, 2):
            self.assertEqual(self.group.differences(secondary), [])

    def test_what_only_a_secondary_has_is_deleted_there_and_named(self) -> None:
        copy = self.group.copy()
        odd = os.fsencode(f"{copy}/line\nbreak \\#012 \\x ") + b"\xff"
        for name in (odd, os.fsencode(f"{copy}/d/upload")):
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "wb"):
                pass
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", copy], check=True)
        time.sleep(1.1)
        found = self.group.push(verify_every=1)
        self.assertEqual((found.code, found.modes), (0, ["verify", "verify"]))
        (line,) = found.of("extras-deleted")
        shown = [f"{self.root}/{name}" for name in ("d/", "d/upload", "line\nbreak \\#012 \\x \ufffd")]
        self.assertEqual(sorted(line.pop("examples")), shown)
        expected = {"directory": self.root, "count": 3, "secondaries": 1, "ids": ["s-1"]}
        self.assertEqual({name: line[name] for name in expected}, expected)
        self.same()
        time.sleep(1.1)
        self.assertEqual(self.group.push(verify_every=1).of("extras-deleted"), [])

    def test_what_a_push_left_there_that_broke_off_is_nobodys_upload(self) -> None:
        self.group.write(f"{self.root}/in/file")
        self.group.own()
        self.group.push()
        for secondary in (1, 2):
            copy = self.group.copy(secondary)
            for name in (".~tmp~/late", "in/.~tmp~/late", "in/.~tmp~/deep/er"):
                self.group.write(f"{copy}/{name}")
            subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", copy], check=True)
        upload = f"{self.group.copy(2)}/in/upload"
        self.group.write(upload)
        os.chown(upload, OWNER, OWNER)
        time.sleep(1.1)
        found = self.group.push(verify_every=1)
        self.assertEqual(found.code, 0)
        (line,) = found.of("extras-deleted")
        self.assertEqual((line["count"], line["ids"], line["examples"]), (1, ["s-2"], [f"{self.root}/in/upload"]))
        for secondary in (1, 2):
            left = [name for _, names, _ in os.walk(self.group.copy(secondary)) for name in names]
            self.assertNotIn(".~tmp~", left)
        self.same()

    def test_where_rsync_cannot_look_over_there_the_next_push_looks_for_what_it_passed_over(self) -> None:
        for name in ("a/file", "m/file", "z/file"):
            self.group.write(f"{self.root}/{name}")
        self.group.push()
        copy = self.group.copy()
        for place in ("a", "m", "z"):
            self.group.write(f"{copy}/{place}/upload")
            os.chown(f"{copy}/{place}/upload", OWNER, OWNER)
        os.chown(f"{copy}/m", 0, 0)
        os.chmod(f"{copy}/m", 0o700)
        time.sleep(1.1)
        self.assertEqual(self.group.push(verify_every=1).code, 10)
        os.chown(f"{copy}/m", OWNER, OWNER)
        self.group.push()
        self.same()

    def test_what_rsync_passes_over_here_is_not_taken_for_what_is_there_alone(self) -> None:
        """Whatever keeps it from seeing something, as here a rule that nobody would give it."""
        for name in ("stays/1", "stays/deep/2", "other/3"):
            self.group.write(f"{self.root}/{name}")
        self.group.push()
        self.group.write(f"{self.group.copy()}/other/upload")
        os.chown(f"{self.group.copy()}/other/upload", OWNER, OWNER)
        for hidden in ("/stays", "/stays/deep", "/stays/1"):
            with self.subTest(hidden):
                time.sleep(1.1)
                with mock.patch.object(Everything, "_hide_specials", lambda _, rule=hidden: [f"--filter=H {rule}"]):
                    found = self.group.push(verify_every=1)
                self.assertEqual(found.code, 10)
                self.assertIn(f"would have deleted {hidden[1:]}", str(found.secondaries[0]["message"]))
                self.assertEqual([line for line in self.group.differences() if line.endswith("None")], [])
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_a_directory_there_gives_way_to_a_link_here_to_one_with_the_same_names(self) -> None:
        self.group.write(f"{self.root}/to/file")
        self.group.push()
        shutil.copytree(f"{self.group.copy()}/to", f"{self.group.copy()}/from")
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", self.group.copy()], check=True)
        os.symlink("to", f"{self.root}/from")
        self.group.own()
        time.sleep(1.1)
        # the list alone cannot do it, and says so
        self.group.push(verify_every=1)
        self.same()
        found = self.group.push()
        self.assertEqual(found.code, 0, found.log)

    def test_directories_keep_their_times_where_something_goes(self) -> None:
        self.group.write(f"{self.root}/a/b/c/d/file")
        self.group.write(f"{self.root}/.~tmp~")
        for deep in ("a/b", "a/b/c/d"):
            for name in ("upload", "up/load"):
                with self.subTest(deep, name=name):
                    self.group.push()
                    self.group.write(f"{self.group.copy()}/{deep}/{name}")
                    subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", self.group.copy()], check=True)
                    time.sleep(1.1)
                    self.group.push(verify_every=1)
                    self.assertEqual([line for line in self.group.differences() if "tmp" not in line], [])

    def test_what_has_the_name_of_something_that_is_not_sent_goes_as_well(self) -> None:
        copy = self.group.copy()
        names = ("pipe", "in/one", "in/two/pipe", "a directory there", "[a-z]*", "space ", "back\\slash")
        self.group.write(f"{self.root}/in/file")
        self.group.push()
        for name in names:
            os.makedirs(os.path.dirname(f"{self.root}/{name}"), exist_ok=True)
            os.mkfifo(f"{self.root}/{name}")
            self.group.write(f"{copy}/{name}/upload" if "directory" in name else f"{copy}/{name}")
        self.group.own()
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", copy], check=True)
        time.sleep(1.1)
        found = self.group.push(verify_every=1)
        self.assertEqual(found.code, 0)
        (line,) = found.of("extras-deleted")
        self.assertLessEqual({f"{self.root}/pipe", f"{self.root}/in/one"}, set(line["examples"]))
        # what no rule of rsync's names goes with the next push
        self.assertEqual(self.group.push().code, 0)
        self.same()
        for name in names:
            os.unlink(f"{self.root}/{name}")
        self.assertEqual(self.group.push().code, 0)
        self.same()

    def test_what_cannot_be_listed_stays_and_keeps_nothing_else(self) -> None:
        copy = self.group.copy()
        for name in ("a", "m", "z"):
            self.group.write(f"{self.root}/{name}/file")
        self.group.own()
        self.group.push()
        for name in ("a", "m", "z"):
            self.group.write(f"{copy}/{name}/upload/file")
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", copy], check=True)
        os.chown(f"{self.root}/m", 0, 0)
        os.chmod(f"{self.root}/m", 0o700)
        time.sleep(1.1)
        self.group.push(verify_every=1)
        there = [sorted(os.listdir(f"{copy}/{name}")) for name in ("a", "m", "z")]
        self.assertEqual(there, [["file"], ["file", "upload"], ["file"]])
        # and it is no reason to compare everything again and again
        time.sleep(2.1)
        self.group.push()
        self.assertEqual(self.group.push().modes, ["none", "none"])

    def test_a_daemon_that_names_nothing_deletes_all_the_same(self) -> None:
        with open(f"{self.group.top}/s-1.conf", "r+", encoding="ascii") as file:
            text = file.read().replace(" !info", "")
            file.seek(0)
            file.truncate()
            file.write(text)
        for secondary in (1, 2):
            with open(f"{self.group.copy(secondary)}/upload", "wb"):
                pass
        time.sleep(1.1)
        found = self.group.push(verify_every=1)
        self.assertEqual(found.code, 0)
        (line,) = found.of("extras-deleted")
        self.assertEqual((line["count"], line["ids"], line["examples"]), (2, ["s-1", "s-2"], [f"{self.root}/upload"]))
        self.same()


if __name__ == "__main__":
    unittest.main()
