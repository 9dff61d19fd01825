"""keep-deleted: what a push deletes or replaces on a secondary can be found there, and without it nothing changes."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import time
import unittest
import unittest.mock
from typing import Dict

from group import OWNER, Group, Push
from hostsync_host import doomed, layout, modules, to_keep, trash
from hostsync_host.options import make_options


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Keeping(unittest.TestCase):
    """Secondary 1 was joined with the option."""

    def setUp(self) -> None:
        self.group = Group(secondaries=1)
        self.addCleanup(self.group.close)
        self.root, self.copy = self.group.directories[0], self.group.copy()
        os.mkdir(layout.to_keep())
        os.chown(layout.to_keep(), OWNER, OWNER)
        entry = pwd.struct_passwd(("hostsync", "*", OWNER, OWNER, "", "/", "/bin/sh"))
        with unittest.mock.patch.object(pwd, "getpwnam", lambda _: entry):
            text = modules._keep(make_options({"keep-deleted": "30"}))
        command = b" ".join((layout.PYTHON, b"-I", layout.RELEASES + b"/current", b"keep 30 1000"))
        self.assertIn(command, text)
        program = f"{self.group.top}/keep"
        folder = os.path.dirname(os.path.dirname(os.path.abspath(layout.__file__)))
        with open(program, "w", encoding="ascii") as file:
            # one machine is both hosts here, so the secondary's directory is elsewhere
            file.write(
                f"#!{sys.executable} -I\nimport sys\nsys.path.insert(0, {folder!r})\n"
                "from hostsync_host import keeper, keeping, layout\n"
                f"layout.ETC, layout.STATE = {layout.ETC!r}, {layout.STATE!r}\n"
                "its = keeper.Keeper\n"
                "keeper.Keeper = lambda path, *most, **more: its(path.replace(b'/primary/', b'/s-1/'), *most, **more)\n"
                "sys.exit(keeping.main(sys.argv[1:]))\n"
            )
        os.chmod(program, 0o755)
        with open(f"{self.group.top}/s-1.conf", "ab") as file:
            file.write(text.replace(command, program.encode() + b" 30 1000"))
        shutil.copy(f"{self.group.top}/s-1.conf", layout.rsyncd_conf())
        with open(layout.rsyncd_conf(), "ab") as file:
            file.write(b"path = " + self.root.encode() + b"\n")
        self.group.write(f"{self.root}/a/gone", "gone")
        self.group.write(f"{self.root}/changed", "first")
        self.push()
        self.settle()

    def settle(self) -> None:
        self.group.push()
        time.sleep(2.1)
        self.group.push()

    def push(self, **options: object) -> Push:
        return self.group.push(keep_deleted=30, **options)

    def kept(self) -> Dict[str, str]:
        found: Dict[str, str] = {}
        for run in trash.runs():
            for folder, _, names in os.walk(run.path):
                for name in names:
                    path = os.path.join(folder, name)
                    with open(path, encoding="ascii") as file:
                        found[os.fsdecode(os.path.relpath(path, run.path))] = file.read()
        return found

    def edit(self) -> None:
        shutil.rmtree(f"{self.root}/a")
        self.group.write(f"{self.root}/changed", "second")
        self.group.write(f"{self.root}/new", "new")

    def test_what_is_deleted_or_replaced_by_name_is_kept(self) -> None:
        self.assertEqual(self.kept(), {})
        self.edit()
        found = self.push()
        self.assertEqual((found.code, found.modes, self.group.differences()), (0, ["changes"], []))
        self.assertNotIn("notKept", found.secondaries[0])
        self.assertEqual(self.kept(), {"a/gone": "gone", "changed": "first"})

    def test_a_directory_that_makes_way_is_kept_with_what_only_the_secondary_has_in_it(self) -> None:
        self.upload("a/upload")
        shutil.rmtree(f"{self.root}/a")
        self.group.write(f"{self.root}/a", "a file now")
        found = self.push()
        self.assertEqual((found.code, self.group.differences()), (0, []), found.log + str(found.lines))
        self.assertEqual(self.kept(), {"a/gone": "gone", "a/upload": "upload"})

    def test_many_that_only_the_secondary_has_are_all_kept(self) -> None:
        names = [f"up/{'x' * 100}{number}" for number in range(200)]
        for name in names:
            self.upload(name)
        found = self.push(first="yes", max_delete_count=1000, max_delete_share=100)
        self.assertEqual((found.code, self.group.differences()), (0, []), found.log + str(found.lines))
        self.assertEqual(sorted(self.kept()), sorted(names))

    def test_where_too_many_are_deleted_it_is_said_how_many_are_not_kept(self) -> None:
        for number in range(5):
            self.upload(f"up{number}")
        with unittest.mock.patch.object(doomed, "MOST", 2):
            found = self.push(first="yes")
        self.assertEqual((found.code, len(self.kept())), (0, 2), found.log)
        self.assertEqual(found.secondaries[0]["notKept"], "3 of 5 not kept: so many are not told of")

    def test_what_is_too_old_goes_with_a_comparison_of_everything_that_deletes_nothing(self) -> None:
        self.edit()
        self.push()
        run = trash.runs()[0]
        os.rename(run.path, os.path.join(os.path.dirname(run.path), b"20200101T000000Z"))
        self.settle()
        self.push()
        self.assertEqual(len(trash.runs()), 1)
        found = self.push(verify_every=1)
        self.assertEqual((found.code, found.modes, trash.runs()), (0, ["verify"], []), found.log)
        self.assertNotIn("notKept", found.secondaries[0])

    def test_whatever_fails_here_fails_no_push(self) -> None:
        full = OSError(28, "No space left on device")
        for number, (module, name) in enumerate(((to_keep, "_tell"), (to_keep, "read_names"), (doomed, "_keep"))):
            options: Dict[str, object] = {}
            self.group.write(f"{self.root}/goes{number}")
            self.settle()
            os.unlink(f"{self.root}/goes{number}")
            if module is doomed:
                self.upload("up")
                options = {"first": "yes"}
            with unittest.mock.patch.object(module, name, side_effect=full):
                found = self.push(**options)
            self.assertEqual((found.code, self.group.differences()), (0, []), found.log + str(found.lines))
            self.assertIn("No space left on device", found.secondaries[0]["notKept"])

    def upload(self, name: str) -> None:
        path = f"{self.copy}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write("upload")
        for each in (os.path.dirname(path), path):
            os.chown(each, OWNER, OWNER)

    def test_what_only_the_secondary_has_is_kept_when_everything_is_compared(self) -> None:
        os.mkdir(f"{self.copy}/up")
        with open(f"{self.copy}/up/load", "w", encoding="ascii") as file:
            file.write("upload")
        for name in ("up", "up/load"):
            os.chown(f"{self.copy}/{name}", OWNER, OWNER)
        found = self.push(first="yes")
        self.assertEqual(found.code, 0, found.log + str(found.lines))
        self.assertEqual((self.group.differences(), self.kept()), ([], {"up/load": "upload"}))

    def test_without_the_option_nothing_is_kept(self) -> None:
        self.edit()
        self.assertEqual((self.group.push().code, self.group.differences(), self.kept()), (0, [], {}))

    def test_what_cannot_be_kept_is_said_and_the_push_is_well(self) -> None:
        with open(f"{self.copy}/roots", "w", encoding="ascii") as file:
            file.write("root's")
        os.unlink(f"{self.copy}/changed")
        os.rename(f"{self.copy}/roots", f"{self.copy}/changed")
        self.edit()
        found = self.push()
        self.assertEqual((found.code, self.group.differences()), (0, []))
        self.assertIn("1 not kept", found.secondaries[0]["notKept"])
        self.assertEqual(self.kept(), {"a/gone": "gone"})


if __name__ == "__main__":
    unittest.main()
