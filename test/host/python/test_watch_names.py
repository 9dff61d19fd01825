"""A watch, and what changes of which no event tells by its name."""

from __future__ import annotations

import os
import time
import unittest

from group import OWNER
from watching import WatchCase, watching


class WatchNamesTest(WatchCase):
    def test_a_name_that_is_not_sent_changes_the_time_of_its_directory(self) -> None:
        def same_time() -> bool:
            return len({os.stat(f"{host}/d").st_mtime_ns for host in (self.top, self.group.copy(1))}) == 1

        def work() -> None:
            os.mkdir(f"{self.top}/d")
            self.put("d/one", "1")
            os.chown(f"{self.top}/d", OWNER, OWNER)
            self.same()
            for name in (".~tmp~", "pipe"):
                time.sleep(0.5)
                os.mkfifo(f"{self.top}/d/{name}")
                self.wait(same_time, lambda: "the time of d")

        ended = watching(self.group, work)
        self.assertEqual((ended.code, ended.of("watch")[0]["walks"]), (0, 1), ended.log)

    def test_what_is_written_by_one_of_several_names_is_known_of_the_others(self) -> None:
        def work() -> None:
            self.put("one", "1")
            os.makedirs(f"{self.top}/d")
            os.link(f"{self.top}/one", f"{self.top}/d/two")
            self.group.own()
            self.same()
            walks = self.walks()
            with open(f"{self.top}/d/two", "a", encoding="ascii") as file:
                file.write("more")
            self.wait(lambda: self.walks() > walks, lambda: "nothing was walked")
            self.same()

        ended = watching(self.group, work)
        self.assertEqual(ended.code, 0, ended.log)

    def test_what_is_being_written_while_everything_is_compared_and_then_given_up_is_gone_everywhere(self) -> None:
        def work() -> None:
            self.same()
            with open(f"{self.top}/slow", "w", encoding="ascii") as file:
                os.chown(file.name, OWNER, OWNER)
                file.write("half")
                file.flush()
                self.put("fast", "x")
                self.same("slow", "'.'")
                for number in range(30):
                    # what is compared as a whole is sent as it is
                    time.sleep(0.5)
                    self.put(f"more{number}", "x")
                    self.same("slow", "'.'")
                    if os.path.exists(f"{self.group.copy(1)}/slow"):
                        break
                else:
                    self.fail("everything was never compared")
                os.unlink(file.name)
            self.same()

        ended = watching(self.group, work, verify_every=10)
        self.assertEqual(ended.code, 0, ended.log)


if __name__ == "__main__":
    unittest.main()
