"""The hook after-sync: it learns once, by name, what arrived; and whatever becomes of it, the push is what it was."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import time
import unittest
import unittest.mock
from typing import Dict, List

from group import OWNER, Group, Push
from hostsync_host import after_sync, hooks, layout, modules
from hostsync_host.errors import HostError

HOOK = """#!/bin/sh
cat > {out}.new; echo "$HOSTSYNC_GROUP $HOSTSYNC_EPOCH" > {out}.who; mv {out}.new {out}.$(ls {top}/said | wc -l)
"""


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class AfterSync(unittest.TestCase):
    """Secondary 1 has the hook, and 2 has not."""

    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        self.said = f"{self.group.top}/said"
        os.mkdir(self.said)
        os.mkdir(layout.hooks())
        os.mkdir(layout.arrived())
        os.chown(layout.arrived(), OWNER, OWNER)
        with open(layout.group_file(), "w", encoding="ascii") as file:
            file.write("group\tweb\nepoch\t1\n")
        self.hook(HOOK.format(out=f"{self.said}/names", top=self.group.top))
        self._configure()

    def hook(self, text: str) -> None:
        path = layout.hooks() + b"/after-sync"
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def _configure(self) -> None:
        """As join does, with the package of this tree for the one that is installed."""
        entry = pwd.struct_passwd(("hostsync", "*", OWNER, OWNER, "", "/", "/bin/sh"))
        with unittest.mock.patch.object(pwd, "getpwnam", lambda _: entry):
            text = modules._after_sync()
        program = f"{self.group.top}/after-sync"
        folder = os.path.dirname(os.path.dirname(os.path.abspath(layout.__file__)))
        with open(program, "w", encoding="ascii") as file:
            file.write(
                f"#!{sys.executable} -I\nimport sys\nsys.path.insert(0, {folder!r})\n"
                "from hostsync_host import after_sync, layout\n"
                f"layout.ETC, layout.STATE = {layout.ETC!r}, {layout.STATE!r}\n"
                "sys.exit(after_sync.main([]))\n"
            )
        os.chmod(program, 0o755)
        command = b" ".join((layout.PYTHON, b"-I", layout.RELEASES + b"/current", b"after-sync"))
        self.assertIn(command, text)
        with open(f"{self.group.top}/s-1.conf", "ab") as file:
            file.write(text.replace(command, program.encode()))
        shutil.copy(f"{self.group.top}/s-1.conf", layout.rsyncd_conf())
        # the names are those of the primary's directories, which both sides have in common
        with open(layout.rsyncd_conf(), "ab") as file:
            file.write(b"path = " + self.root.encode() + b"\n")

    def names(self) -> List[List[str]]:
        found: Dict[str, List[str]] = {}
        for name in os.listdir(self.said):
            with open(f"{self.said}/{name}", "rb") as file:
                if name != "names.who":
                    found[name] = sorted(os.fsdecode(each) for each in file.read().split(b"\0")[:-1])
            os.unlink(f"{self.said}/{name}")
        return [found[name] for name in sorted(found)]

    def push(self, **options: object) -> Push:
        return self.group.push(after_sync="yes", **options)

    def test_it_learns_what_came_and_went_and_nothing_where_nothing_did(self) -> None:
        first = self.push()
        self.assertEqual([one.get("hook") for one in first.secondaries], ["ok", None])
        self.assertEqual(self.names(), [[f"{self.root}/"]])
        self.group.push()
        time.sleep(2.1)
        self.group.push()
        odd = "line\nbreak \udcff"
        with open(os.fsencode(f"{self.root}/{odd}"), "wb"):
            pass
        self.group.write(f"{self.root}/new/deep/f")
        os.unlink(f"{self.root}/keep")
        os.symlink("new", f"{self.root}/link")
        self.group.own()
        second = self.push()
        self.assertEqual((second.code, second.modes), (0, ["changes", "changes"]))
        expected = sorted(f"{self.root}/{name}" for name in ("keep", odd, "link", "new/deep/f"))
        self.assertEqual(self.names(), [expected])
        self.group.push()
        time.sleep(2.1)
        self.group.push()
        third = self.push()
        self.assertEqual((third.modes, [one.get("hook") for one in third.secondaries]), (["none"] * 2, [None] * 2))
        self.assertEqual(self.names(), [])

    def test_large_files_are_told_when_they_are_there(self) -> None:
        self.group.push()
        self.group.write(f"{self.root}/small")
        with open(f"{self.root}/large", "wb") as file:
            file.truncate(40 * 1024 * 1024)
        self.group.own()
        self.assertEqual([one.get("hook") for one in self.push().secondaries], ["ok", None])
        both = self.names()
        self.assertEqual(len(both), 2)
        self.assertIn(f"{self.root}/small", both[0])
        self.assertEqual(both[1], [f"{self.root}/large"])

    def test_a_hook_that_fails_is_told_and_the_push_is_well(self) -> None:
        self.hook("#!/bin/sh\necho some words\nexit 3\n")
        found = self.push()
        self.assertEqual((found.code, [one["ok"] for one in found.secondaries]), (0, [True, True]))
        one = found.secondaries[0]
        self.assertEqual(one["hook"], "failed")
        self.assertIn("after-sync ended with exit code 3", one["hookMessage"])
        self.assertEqual(self.group.differences(), [])
        # it is not told again of what it did not want to know
        time.sleep(2.1)
        self.group.push()
        self.assertEqual([one.get("hook") for one in self.push().secondaries], [None, None])

    def test_one_that_takes_too_long_is_ended(self) -> None:
        self.hook("#!/bin/sh\nexec sleep 100\n")
        began = time.monotonic()
        found = self.push()
        self.assertLess(time.monotonic() - began, 60)
        self.assertEqual((found.code, found.secondaries[0]["hook"]), (0, "failed"))
        self.assertIn("took longer than 10 seconds", found.secondaries[0]["hookMessage"])

    def test_one_that_others_could_have_written_is_not_run(self) -> None:
        os.chmod(layout.hooks() + b"/after-sync", 0o777)
        found = self.push()
        self.assertEqual((found.code, found.secondaries[0]["hook"], self.names()), (0, "failed", []))

    def test_names_of_anything_else_are_refused(self) -> None:
        allowed = after_sync.directories()
        for data in (b"/etc/passwd\0", self.root.encode() + b"/../x\0", b"\0", self.root.encode() + b"x/y\0", b"cut"):
            with open(layout.arrived() + b"/names", "wb") as file:
                file.write(data)
            with open(os.devnull, "wb") as target, self.assertRaises(HostError, msg=repr(data)):
                after_sync.take_names(target, allowed, layout.arrived())
        os.symlink("/etc/passwd", layout.arrived() + b"/names.link")
        with open(os.devnull, "wb") as target, self.assertRaises(HostError):
            after_sync.take_names(target, allowed, layout.arrived())

    def test_without_the_option_nobody_asks(self) -> None:
        self.group.count("runs")
        self.group.push()
        self.assertEqual(self.names(), [])
        self.assertTrue(hooks.is_there("after-sync"))

    def test_very_many_names_are_told_as_their_directory(self) -> None:
        self.group.push()
        self.group.write(f"{self.root}/new")
        with unittest.mock.patch("hostsync_host.arrived.NAMES_MOST", 10):
            self.push()
        self.assertEqual(self.names(), [[f"{self.root}/"]])


if __name__ == "__main__":
    unittest.main()
