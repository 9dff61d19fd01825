"""A former primary with a directory that never had a file is let go; one that is empty now may be a lost volume."""

from __future__ import annotations

import os
import shutil
import tempfile
import unittest
from dataclasses import replace

from group import Group
from hostsync_host import files, layout
from hostsync_host.lists import Lists
from hostsync_host.options import Options


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class EmptyDirectories(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group()
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.scratch = os.fsencode(temporary.name)

    def list(self) -> Lists:
        for path in (layout.stranded(), layout.rescued()):
            files.make_directory(path, 0o700)
        request = replace(self.group.request(), command="leave", epoch=2, options=Options(peer="i-1"))
        lists = Lists(request, self.scratch, tells=False)
        lists.make()
        return lists

    def names(self) -> list[str]:
        return sorted(name for name in os.listdir(os.fsdecode(layout.stranded())) if name.endswith(".list"))

    def test_one_that_never_had_a_file_has_an_empty_list(self) -> None:
        os.unlink(f"{self.root}/keep")
        self.assertEqual(self.group.push().code, 11)
        lists = self.list()
        self.assertEqual((lists.unfit, lists.total, lists.known), (0, 0, True))
        self.assertEqual(self.names(), [f"{layout.module_name(os.fsencode(self.root))}.list"])

    def test_one_that_was_emptied_or_of_which_nothing_is_known_is_not_listed(self) -> None:
        self.assertEqual(self.group.push().code, 0)
        os.unlink(f"{self.root}/keep")
        self.assertEqual(self.list().unfit, 1)
        self.assertEqual(self.group.push().code, 11)
        self.assertEqual(self.list().unfit, 1)
        os.unlink(os.path.join(os.fsdecode(layout.manifests("web")), "last"))
        self.assertEqual((self.list().unfit, self.names()), (1, []))


if __name__ == "__main__":
    unittest.main()
