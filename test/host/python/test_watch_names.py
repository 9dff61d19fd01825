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


if __name__ == "__main__":
    unittest.main()
