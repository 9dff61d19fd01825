"""What changes while everything is compared is asked for in the next push, by name: nothing of it stays wrong on a
secondary, and nobody compares everything again, for on a busy site that would never end."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import unittest
from typing import Callable, Dict, List, Tuple
from unittest import mock

from group import OWNER, Group, Push
from hostsync_host import meanwhile
from hostsync_host.everything import Everything

Path = Callable[[str], str]
"""Where a name of the case is; what begins with out/ is not in the directory that is sent."""
Step = Callable[[Path], None]
ODD = "odd name \\#012 \\ \u00e9"


def put(name: str, text: str = "late", mtime: int = 0) -> Step:
    def step(at: Path) -> None:
        path = at(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chown(path, OWNER, OWNER)
        if mtime:
            os.utime(path, (mtime, mtime))

    return step


def move(*pairs: Tuple[str, str]) -> Step:
    def step(at: Path) -> None:
        for one, two in pairs:
            os.rename(at(one), at(two))

    return step


def remove(*names: str) -> Step:
    def step(at: Path) -> None:
        for name in names:
            path = at(name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    return step


def link(name: str, target: str) -> Step:
    return lambda at: os.symlink(target, at(name))


def second_name(name: str, other: str) -> Step:
    return lambda at: os.link(at(name), at(other))


def each(*steps: Step) -> Step:
    def step(at: Path) -> None:
        for one in steps:
            one(at)

    return step


SWAP = move(("a/one", "a/away"), ("a/two", "a/one"), ("a/away", "a/two"))
LONG = "\x01" * 200
STAYS, GOES_AT_ONCE, GOES_LATER = "stays", "goes at once", "goes later"

CASES: Dict[str, Tuple[Step, Step]] = {
    "a file": (put("a/late"), remove("a/late")),
    "a name that rsync writes otherwise": (put(f"a/{ODD}"), remove(f"a/{ODD}")),
    "a name that rsync writes as a longer one": (put(f"a/{LONG}"), remove(f"a/{LONG}")),
    "a symbolic link": (link("a/late", "file"), remove("a/late")),
    "a second name of a file": (second_name("a/file", "b/late"), remove("b/late")),
    "a tree": (put("a/new/deep/er/late"), remove("a/new")),
    "a tree that comes from elsewhere": (move(("out/tree", "b/here")), move(("b/here", "out/tree"))),
    "a directory that is away": (move(("a/one", "out/away")), move(("out/away", "a/one"))),
    "two directories that change places": (SWAP, SWAP),
    "a file that is away": (move(("a/file", "out/away")), move(("out/away", "a/file"))),
    "a file that is another one, of the same size and time": (
        each(remove("a/file"), put("a/file", "late", 1_600_000_000)),
        each(remove("a/file"), put("a/file", "text", 1_600_000_000)),
    ),
}
OF_ANOTHER_KIND: Dict[str, Tuple[Step, Step]] = {
    "a file in place of a directory": (
        each(move(("b", "out/away")), put("b", "late")),
        each(remove("b"), move(("out/away", "b"))),
    ),
    "a directory in place of a file": (
        each(remove("a/file"), put("a/file/late")),
        each(remove("a/file"), put("a/file", "text")),
    ),
}
BEFORE = ("a/file", "a/one/x", "a/one/deep/y", "a/two/x", "a/two/z", "b/file", "c/file", "out/tree/f")


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("rsync"), "needs root and rsync, as on a host")
class MeanwhileTest(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group(1)
        self.addCleanup(self.group.close)
        self.root = self.group.directories[0]

    def at(self, number: int) -> Path:
        top = os.path.dirname(self.root)
        # two levels, for a change of the directory itself is one of all that is below
        return lambda name: f"{top}/{number}/{name}" if name.startswith("out/") else f"{self.root}/all/{number}/{name}"

    def prepare(self) -> List[Path]:
        paths = [self.at(number) for number in range(len(CASES))]
        for at in paths:
            for name in BEFORE:
                put(name, "ones" if "/one/" in name else "text", 1_600_000_000)(at)
        self.group.own()
        return paths

    def push(self, before: Callable[[], None], after: Callable[[], None] = lambda: None, **options: object) -> Push:
        """Everything is compared; the steps come just before rsync looks, and when it is through."""
        attempt = Everything._attempt_naming
        steps = [before, after]

        def between(everything: Everything, arguments: object) -> bool:
            self.step(steps)
            try:
                return attempt(everything, arguments)  # type: ignore[arg-type]
            finally:
                self.step(steps)

        with mock.patch.object(Everything, "_attempt_naming", between):
            return self.group.push(**options)

    def step(self, steps: List[Callable[[], None]]) -> None:
        if steps:
            steps.pop(0)()
            self.group.own()

    def compare_everything(self, before: Callable[[], None], after: Callable[[], None], first: bool) -> None:
        if not first:
            self.group.push()
        time.sleep(2.1)  # what is young is looked at again in any case
        found = self.push(before, after, **({} if first else {"verify_every": 1}))
        self.assertEqual((found.code, found.modes), (0, ["full" if first else "verify"]), found.log)

    def test_the_next_push_knows_of_it(self) -> None:
        for how in (GOES_AT_ONCE, GOES_LATER, STAYS):
            for first in (True, False):
                with self.subTest(how, first=first):
                    paths = self.prepare()

                    def come(paths: List[Path] = paths) -> None:
                        for at, (before, _) in zip(paths, CASES.values()):
                            before(at)

                    def go(paths: List[Path] = paths) -> None:
                        for at, (_, after) in zip(paths, CASES.values()):
                            after(at)

                    self.compare_everything(come, go if how == GOES_AT_ONCE else lambda: None, first)
                    if how == GOES_LATER:
                        go()
                        self.group.own()
                    found = self.group.push()
                    self.assertEqual((found.code, found.modes), (0, ["changes"]), found.log)
                    self.assertEqual(self.group.differences(1), [], list(enumerate(CASES)))
                self.group.close()
                self.setUp()

    def test_what_is_a_directory_for_a_moment_or_none_is_right_in_the_end(self) -> None:
        for name, (before, after) in OF_ANOTHER_KIND.items():
            for how in (GOES_AT_ONCE, GOES_LATER, STAYS):
                with self.subTest(name, how=how):
                    (at, *_) = self.prepare()

                    def go(at: Path = at, after: Step = after) -> None:
                        after(at)

                    # where rsync finds two kinds within one push it says so
                    self.push(lambda at=at, before=before: before(at), go if how == GOES_AT_ONCE else lambda: None)
                    if how == GOES_LATER:
                        go()
                        self.group.own()
                    found = self.group.push()
                    self.assertEqual(found.code, 0, found.log)
                    self.assertEqual(self.group.differences(1), [])
                self.group.close()
                self.setUp()

    def test_in_the_directory_itself(self) -> None:
        for how in (GOES_AT_ONCE, GOES_LATER, STAYS):
            with self.subTest(how):
                late = f"{self.root}/late"

                def come(late: str = late) -> None:
                    os.mkfifo(f"{late}.pipe")
                    os.link(f"{self.root}/keep", late)

                def go(late: str = late) -> None:
                    os.unlink(late)

                self.compare_everything(come, go if how == GOES_AT_ONCE else lambda: None, first=True)
                if how == GOES_LATER:
                    go()
                self.assertEqual(self.group.push().modes, ["changes"])
                self.assertEqual(self.group.differences(1), [])
            self.group.close()
            self.setUp()

    def test_what_only_the_secondary_has_is_not_taken_for_what_came_and_went(self) -> None:
        for first in (True, False):
            with self.subTest(first=first):
                (at, *_) = self.prepare()
                extra = at("c/extra")
                if not first:
                    self.group.push()
                there = extra.replace("/primary/", "/s-1/")
                os.makedirs(os.path.dirname(there), exist_ok=True)
                shutil.copy2(at("c/file"), there)
                subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", self.group.copy()], check=True)
                here = put("c/extra", "text", 1_600_000_000)
                gone = remove("c/extra")
                self.compare_everything(lambda here=here, at=at: here(at), lambda at=at, gone=gone: gone(at), first)
                self.group.push()
                self.assertEqual(self.group.differences(1), [])
            self.group.close()
            self.setUp()

    def test_what_is_excluded_stays_on_the_secondary_where_it_comes_meanwhile(self) -> None:
        how = {"excludes": (b"cache", b"*.tmp")}
        (at, *_) = self.prepare()
        self.group.push(**how)
        theirs = [at(name) for name in ("a/cache/file", "a/x.tmp", "a/one/cache/file")]
        for name in theirs:
            copy = name.replace("/primary/", "/s-1/")
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(copy, "w", encoding="ascii"):
                pass
        time.sleep(1.1)
        here = each(put("a/x.tmp"), put("a/late"), *(put(f"a/cache/{number}") for number in range(50)))
        with mock.patch.object(meanwhile, "MOST", 20):
            self.push(lambda: here(at), verify_every=1, **how)
        self.assertEqual(self.group.push(**how).modes, ["changes"])
        for name in (*theirs, at("a/late")):
            self.assertTrue(os.path.exists(name.replace("/primary/", "/s-1/")), name)

    def test_of_very_many_names_everything_is_compared_again(self) -> None:
        (at, *_) = self.prepare()
        here = each(*(put(f"a/new/{number}") for number in range(50)))
        with mock.patch.object(meanwhile, "MOST", 20):
            self.push(lambda: here(at), lambda: shutil.rmtree(at("a/new")))
        self.assertEqual(self.group.push().modes, ["full"])
        self.assertEqual(self.group.differences(1), [])

    def test_a_name_with_an_end_of_line_in_it(self) -> None:
        """Of which earlier releases of rsync make lines of their log."""
        (at, *_) = self.prepare()
        for name in ("end\nof line", "end\n2026/11/28 12:00:00 [1] + of line\n"):
            with self.subTest(name):
                self.push(
                    lambda name=name: put(f"a/{name}")(at), lambda name=name: remove(f"a/{name}")(at), first="yes"
                )
                self.assertIn(self.group.push().modes, (["full"], ["changes"]))
                self.assertEqual(self.group.differences(1), [])

    def test_on_a_site_that_is_never_still_it_comes_to_an_end(self) -> None:
        (at, *_) = self.prepare()
        for number in range(3):
            upload = put(f"a/upload-{number}")
            found = self.push(lambda upload=upload: upload(at))
            if number:
                upload(at)
            self.assertEqual(found.modes, ["changes" if number else "full"], found.log)


if __name__ == "__main__":
    unittest.main()
