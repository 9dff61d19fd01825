"""Deletions on a secondary whose rsync takes no list of them: what is to go goes, whatever it is called, and nothing
else."""

from __future__ import annotations

import os
import shutil
import time
import unittest

from group import OWNER, Group
from hostsync_host import layout
from hostsync_host.rules import rule_of

GOING = (
    *("a[b]", "a*", "star*\\x", "back\\slash", "why?", "end ", "line\nbreak", " start", "-", "# x", "; x", "+ x", "!"),
    *("d/e[f]/g", "d/e[f]/h/i", "d/back\\[x]/y", "plain", "deep/down/below"),
)
STAYING = ("ab", "axx", "starry\\x", "backslash", "whyx", "endx", "end", "line", "d/ef/g", "d/back[x]/y", "plainer")


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class Rules(unittest.TestCase):
    def test_names_with_a_meaning_of_their_own(self) -> None:
        self.assertEqual(rule_of(b"a\\b"), b"/a\\b")
        self.assertEqual(rule_of(b"a\\b*"), b"/a\\\\b\\*")

    def test_what_is_to_go_goes_and_nothing_else(self) -> None:
        group = Group(secondaries=1)
        self.addCleanup(group.close)
        root, copy = group.directories[0], group.copy()
        for name in (*GOING, *STAYING):
            path = f"{root}/{name}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb"):
                pass
        group.own()
        self.assertEqual(group.push().code, 0)
        time.sleep(2.1)
        group.push()
        memory = layout.manifests("web") + b"/secondary/s-1"
        with open(memory, encoding="ascii") as file:
            text = file.read()
        self.assertIn('"by_rules": ', text)
        with open(memory, "w", encoding="ascii") as file:
            file.write(text.replace('"by_rules": false', '"by_rules": true'))
        with open(f"{copy}/foreign", "wb"):
            os.chown(f"{copy}/foreign", OWNER, OWNER)
        for name in GOING:
            os.unlink(f"{root}/{name}")
        for name in ("d/e[f]", "deep"):
            shutil.rmtree(f"{root}/{name}")
        os.unlink(f"{root}/plainer")
        os.mkdir(f"{root}/plainer")  # gives way
        group.own()
        found = group.push(max_delete_share=100)
        self.assertEqual((found.code, found.modes), (0, ["changes"]), found.log)
        os.unlink(f"{copy}/foreign")  # it was there: no name of this push
        self.assertEqual([line for line in group.differences() if not line.startswith("'.': ")], [])


if __name__ == "__main__":
    unittest.main()
