"""What comes to a former primary after its last list is not lost when the host becomes a secondary."""

from __future__ import annotations

import os
import tempfile
import unittest
from dataclasses import replace
from unittest import mock

from hostsync_host import files, later, layout
from hostsync_host.lists import Lists
from hostsync_host.options import Options
from hostsync_host.request import Directory, Request


class LaterTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        base = os.fsencode(os.path.realpath(temporary.name))
        self.root = base + b"/root"
        self.scratch = base + b"/scratch"
        for path in (self.root, self.scratch, base + b"/state"):
            os.mkdir(path)
        patched = mock.patch.object(layout, "STATE", base + b"/state")
        patched.start()
        self.addCleanup(patched.stop)
        for path in (layout.stranded(), layout.rescued()):
            files.make_directory(path, 0o700)
        self.request = Request(
            command="join",
            group="web",
            epoch=2,
            holder=None,
            directories=(Directory(self.root, None, None),),
            excludes=(),
            secondaries=(),
            public_key=None,
            options=Options(),
        )
        self.write("listed")
        self.list()

    def write(self, name: str) -> None:
        with open(os.fsdecode(self.root) + "/" + name, "w", encoding="utf-8") as file:
            file.write(name)

    def list(self) -> Lists:
        request = replace(self.request, excludes=(b"*.tmp",), options=Options(peer="i-0abc"))
        lists = Lists(request, self.scratch)
        lists.make()
        later.remember(request)
        return lists

    def kept(self) -> list[str]:
        found: list[str] = []
        for _, _, names in os.walk(os.fsdecode(layout.rescued())):
            found += names
        return sorted(found)

    def test_it_is_kept_once_and_what_was_listed_or_excluded_is_not(self) -> None:
        self.write("late")
        self.write("late.tmp")
        later.keep(self.request)
        self.assertEqual(self.kept(), ["late"])
        self.write("of-a-secondary")
        later.keep(self.request)
        self.assertEqual(self.kept(), ["late"])

    def test_nothing_is_kept_in_another_epoch_or_on_a_host_without_a_list(self) -> None:
        self.write("late")
        later.keep(replace(self.request, epoch=3))
        files.remove(layout.stranded() + b"/last")
        later.keep(self.request)
        self.assertEqual(self.kept(), [])

    def test_lists_say_what_is_new_and_all_count_at_once(self) -> None:
        self.write("second")
        lists = self.list()
        self.assertEqual((lists.total, lists.new, lists.known), (2, 1, False))
        self.assertLessEqual({b"epoch", b"last"}, set(os.listdir(layout.stranded())))


if __name__ == "__main__":
    unittest.main()
