"""The watch: all of it arrives without a second push."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import unittest
from typing import Any, Callable, Dict, Optional, Sequence
from unittest import mock

from group import OWNER, Group
from hostsync_host import freshness, layout
from hostsync_host.watch import eyes, fanotify
from watching import WatchCase, watching


def no_fanotify(roots: Sequence[bytes]) -> fanotify.Fanotify:
    raise fanotify.WatchError("the kernel is too old")


class WatchTest(WatchCase):
    def test_changes_arrive_without_a_second_push(self) -> None:
        def work() -> None:
            self.same()
            self.put("new", "1")
            self.same()
            os.makedirs(f"{self.top}/a/b/c")
            self.group.write(f"{self.top}/a/b/c/deep", "2")
            self.group.write(f"{self.group.directories[1]}/second", "3")
            self.same()
            os.rename(f"{self.top}/a", f"{self.top}/z")
            os.unlink(f"{self.top}/new")
            os.symlink("z", f"{self.top}/link")
            os.lchown(f"{self.top}/link", OWNER, OWNER)
            self.same()
            os.rename(f"{self.top}/z/b", f"{self.top}/swap")
            os.mkdir(f"{self.top}/z/b")
            self.group.write(f"{self.top}/z/b/other", "4")
            os.link(f"{self.top}/z/b/other", f"{self.top}/hard")
            self.same()

        ended = watching(self.group, work)
        self.assertEqual(ended.of("watch")[0]["rung"], "fanotify", ended.log)
        self.assertEqual(ended.code, 0, ended.log)

    def test_where_no_events_come_the_times_of_directories_tell(self) -> None:
        def work() -> None:
            self.same()
            os.makedirs(f"{self.top}/a/b")
            self.group.own()
            self.same()
            self.put("a/b/one", "1")
            self.same()
            self.put("a/b/two", "2")
            os.unlink(f"{self.top}/a/b/one")
            self.same()
            os.rename(f"{self.top}/a", f"{self.top}/z")
            self.same()
            self.put("z/b/three", "3")
            self.same()

        opened = eyes.open_fanotify
        eyes.open_fanotify = no_fanotify
        try:
            ended = watching(self.group, work)
        finally:
            eyes.open_fanotify = opened
        said = ended.of("watch")[0]
        self.assertEqual((said["rung"], said["because"]), ("times", "the kernel is too old"))

    def freshness(self, secondary: int) -> Optional[freshness.Freshness]:
        with mock.patch.object(layout, "STATE", os.fsencode(f"{self.group.top}/s-{secondary}")):
            return freshness.read()

    def test_a_secondary_knows_how_fresh_it_is(self) -> None:
        """Else nobody knows what a primary that dies takes with it."""

        def is_fresh(since: float) -> Callable[[], bool]:
            def well() -> bool:
                found = self.freshness(1)
                return found is not None and found.epoch == 1 and found.at / 1e6 >= since

            return well

        def work() -> None:
            self.same()
            self.put("new", "1")
            self.same()
            # while nothing changes, too
            for _ in range(2):
                self.wait(is_fresh(time.time()), lambda: str(self.freshness(1)))

        ended = watching(self.group, work)
        self.assertEqual(ended.code, 0, ended.log)

    def test_one_that_takes_no_word_of_its_freshness_takes_the_files(self) -> None:
        self.group.close()
        self.group = Group(2, ("uploads", "other"), joined_by_an_earlier_release="s-1")
        self.top = self.group.directories[0]

        def work() -> None:
            for number in range(3):
                self.put(f"new{number}", "1")
                self.same()
                self.wait(lambda: self.freshness(2) is not None, lambda: "no word")

        ended = watching(self.group, work)
        self.assertEqual(ended.code, 0, ended.log)
        self.assertIsNone(self.freshness(1))

    def test_the_next_tick_goes_on_where_the_last_one_was(self) -> None:
        """In processes of their own, as SSM starts them."""

        def start(tick: int) -> int:
            process = os.fork()
            if process == 0:
                code = 1
                try:
                    ended = self.group.push(watch="auto", lease=120, tick=tick)
                    with open(f"{self.group.top}/said.{tick}", "w", encoding="ascii") as file:
                        json.dump(ended.lines, file)
                    code = ended.code
                finally:
                    os._exit(code)
            return process

        def said(tick: int) -> Dict[str, Any]:
            with open(f"{self.group.top}/said.{tick}", encoding="ascii") as file:
                return next(line for line in json.load(file) if line["kind"] == "watch")

        before = start(1)
        self.same()
        for tick in (2, 3, 4):
            after = start(tick)
            number = 0
            while os.waitpid(before, os.WNOHANG)[0] == 0:
                self.put(f"t{tick}-{number}", "x")
                number += 1
                time.sleep(0.01)
            before = after
            self.put(f"t{tick}-last", "x")
            self.same()
        os.kill(before, signal.SIGTERM)
        os.waitpid(before, 0)
        self.assertEqual([said(tick)["ended"] for tick in (1, 2, 3)], ["successor"] * 3)
        self.assertEqual([said(tick)["walks"] for tick in (1, 2, 3, 4)], [1, 0, 0, 0])

    def test_a_half_written_file_waits_for_its_close(self) -> None:
        def work() -> None:
            self.same()
            with open(f"{self.top}/slow", "w", encoding="ascii") as file:
                os.chown(file.name, OWNER, OWNER)
                file.write("half")
                file.flush()
                for number in range(3):
                    self.put(f"fast{number}", "x")
                    self.same("slow", "'.'")
                self.assertFalse(os.path.exists(f"{self.group.copy(1)}/slow"))
                file.write("whole")
            self.same()

        watching(self.group, work)

    def test_only_the_first_push_walks_and_later_ones_find_nothing(self) -> None:
        def work() -> None:
            self.same()
            for number in range(30):
                self.put(f"f{number}", "x")
            self.same()

        ended = watching(self.group, work)
        self.assertEqual(ended.of("watch")[0]["walks"], 1, ended.log)
        time.sleep(2.1)
        # what changed in the moment of a look is compared once more
        self.assertEqual([line["files"] for line in self.group.push().secondaries], [0, 0])
        self.assertEqual(self.group.push().modes, ["none", "none"])

    def test_a_new_epoch_ends_it_before_anything_more_is_sent(self) -> None:
        def work() -> None:
            self.same()
            with open(layout.group_file(), "w", encoding="ascii") as file:
                file.write("group\tweb\nepoch\t2\n")
            self.put("too-late", "x")
            ended.wait(60)

        ended = threading.Event()
        thread = threading.Thread(target=work)
        thread.start()
        said = self.group.push(watch="auto", lease=120)
        ended.set()
        thread.join()
        self.assertEqual(said.of("watch")[0]["ended"] if said.of("watch") else "fenced", "fenced", said.log)
        self.assertFalse(os.path.exists(f"{self.group.copy(1)}/too-late"))

    def test_one_whose_memory_is_removed_ends_and_the_next_push_knows_of_all(self) -> None:
        place = os.fsdecode(layout.manifests("web"))
        over = threading.Event()

        def work() -> None:
            self.same()
            # what arrived is noted, and both are at rest
            for name in ("s-1", "s-2"):
                noted = f"{place}/secondary/{name}"
                self.wait(lambda noted=noted: os.path.exists(noted), lambda: "not noted")
            self.wait(lambda: not os.listdir(f"{place}/sending"), lambda: "still sending")
            subprocess.run(["rm", "-rf", place], check=True)
            over.wait(60)

        thread = threading.Thread(target=work)
        thread.start()
        said = self.group.push(watch="auto", lease=120)
        over.set()
        thread.join()
        self.assertEqual((said.code, said.of("watch")[0]["ended"]), (0, "memory lost"), said.log)
        self.assertEqual(self.group.push(watch="off").code, 0)
        self.same()

    def test_a_push_that_does_not_watch_ends_the_watch(self) -> None:
        ended = watching(self.group, self.same)
        self.assertEqual(ended.of("watch")[0]["ended"], f"signal {int(signal.SIGTERM)}")
        self.assertEqual(self.group.push(watch="off").code, 0)


if __name__ == "__main__":
    unittest.main()
