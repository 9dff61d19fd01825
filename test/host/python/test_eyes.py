"""What is seen of changes, and when it is pushed."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
import unittest
from typing import Dict, FrozenSet, Optional

from hostsync_host.directories import Opened
from hostsync_host.dirty import Dirty
from hostsync_host.excludes import compile_excludes
from hostsync_host.watch import eyes
from hostsync_host.watch.fanotify import ATTRIB, CLOSE_WRITE, CREATE, MOVED_FROM, MOVED_TO, ONDIR, Event, Fanotify
from hostsync_host.watch.lag import Lag
from hostsync_host.watch.pending import Pending, imported
from hostsync_host.watch.poll import Poll
from hostsync_host.watch.recent import Recent


def event(mask: int, name: bytes, directory: bytes = b"") -> Event:
    return Event(0, directory, name, mask)


def never(_root: int, _directory: bytes, _name: bytes) -> bool:
    return False


def always(_root: int, _directory: bytes, _name: bytes) -> bool:
    return True


class PendingTest(unittest.TestCase):
    def setUp(self) -> None:
        self.pending = Pending(quiet=0.05, longest=0.3, hold=30.0)

    def names(self, directory: bytes = b"") -> Optional[FrozenSet[bytes]]:
        return self.pending.take().dirty[0][directory].names

    def test_a_change_waits_until_it_is_quiet(self) -> None:
        self.pending.add(event(CLOSE_WRITE, b"a"), 1.0)
        self.assertFalse(self.pending.ready(1.04))
        self.pending.add(event(CLOSE_WRITE, b"b"), 1.04)
        self.assertFalse(self.pending.ready(1.06))
        self.assertTrue(self.pending.ready(1.09))
        self.assertEqual(self.names(), {b"a", b"b"})
        self.assertFalse(self.pending.ready(99.0))

    def test_a_change_waits_no_longer_than_the_longest_delay(self) -> None:
        for step in range(40):
            self.pending.add(event(CLOSE_WRITE, b"%d" % step), 1.0 + step / 100)
        self.assertTrue(self.pending.ready(1.3))

    def test_a_file_that_is_being_written_waits_for_its_close(self) -> None:
        self.pending.add(event(CREATE, b"big"), 1.0)
        self.pending.settle(2.0, always)
        self.assertFalse(self.pending.ready(2.0))
        self.pending.add(event(CLOSE_WRITE, b"big"), 3.0)
        self.assertTrue(self.pending.ready(3.05))
        self.assertEqual(self.names(), {b"big"})

    def test_a_file_that_stays_open_is_sent_after_hold(self) -> None:
        self.pending.add(event(CREATE, b"log"), 1.0)
        for second in range(1, 31):
            self.pending.settle(float(second), always)
        self.assertFalse(self.pending.ready(30.0))
        self.pending.settle(32.0, always)
        self.assertTrue(self.pending.ready(32.0))

    def test_a_name_that_is_made_without_a_writer_waits_for_nothing(self) -> None:
        for mask in (CREATE, MOVED_TO, ATTRIB):
            self.pending.add(event(mask, b"link"), 1.0)
            self.pending.settle(1.06, never)
            self.assertTrue(self.pending.ready(1.06))
            self.assertEqual(self.names(), {b"link"})

    def test_a_file_in_work_is_held_while_others_of_its_directory_go(self) -> None:
        self.pending.add(event(CREATE, b"slow", b"d"), 1.0)
        self.pending.settle(1.06, always)
        self.pending.add(event(CLOSE_WRITE, b"fast", b"d"), 1.1)
        self.pending.add(event(CREATE, b"elsewhere", b"e"), 1.1)
        taken = self.pending.take().dirty[0]
        self.assertEqual(taken[b"d"], Dirty(frozenset([b"fast"]), held=frozenset([b"slow"])))
        self.assertTrue(taken[b"e"].idle)

    def test_an_atomic_replacement_is_one_change_of_two_names(self) -> None:
        self.pending.add(event(CREATE, b".x.tmp"), 1.0)
        self.pending.add(event(CLOSE_WRITE, b".x.tmp"), 1.0)
        self.pending.add(event(MOVED_FROM, b".x.tmp"), 1.0)
        self.pending.add(event(MOVED_TO, b"x"), 1.0)
        self.pending.settle(1.06, never)
        self.assertEqual(self.names(), {b".x.tmp", b"x"})

    def test_directories_that_come_are_looked_at_to_their_depth_and_those_that_go_are_not(self) -> None:
        self.pending.add(event(MOVED_FROM | ONDIR, b"a"), 1.0)
        self.pending.add(event(MOVED_TO | ONDIR, b"b"), 1.0)
        taken = self.pending.take().dirty[0]
        self.assertEqual(taken[b""].names, {b"a", b"b"})
        self.assertTrue(taken[b"b"].deep)
        self.assertNotIn(b"a", taken)

    def test_what_is_pending_outlives_its_process(self) -> None:
        self.pending.add(event(CLOSE_WRITE, b"\xff\n", b"d\xfe"), 1.0)
        self.pending.add(event(CREATE, b"open", b"d\xfe"), 1.0)
        self.pending.note_directory(0, b"any", 1.0)
        left = imported(self.pending.export())
        assert left is not None
        self.assertEqual(left[0][b"d\xfe"].names, {b"\xff\n", b"open"})
        self.assertIsNone(left[0][b"any"].names)
        self.assertIsNone(imported([["x"]]))

    def test_too_many_names_are_left_to_a_walk(self) -> None:
        for number in range(50_001):
            self.pending.add(event(CREATE, b"%d" % number), 1.0)
        self.assertTrue(self.pending.overfull)
        self.pending.take()
        self.assertFalse(self.pending.overfull)


class FanotifyTest(unittest.TestCase):
    def setUp(self) -> None:
        self.place = tempfile.mkdtemp()
        self.root = os.fsencode(self.place)
        os.mkdir(self.root + b"/one")
        os.mkdir(self.root + b"/two")
        self.source = Fanotify([self.root + b"/one"])

    def tearDown(self) -> None:
        self.source.close()
        subprocess.run(["rm", "-rf", self.place], check=True)

    def seen(self) -> Dict[bytes, int]:
        found: Dict[bytes, int] = {}
        for one in self.source.read():
            path = one.directory + b"/" + one.name if one.directory else one.name
            found[path] = found.get(path, 0) | one.mask
        return found

    def test_it_names_each_change_and_none_of_elsewhere(self) -> None:
        one = self.root + b"/one"
        os.makedirs(one + b"/deep/er")
        with open(one + b"/deep/er/f\xff", "w", encoding="ascii") as file:
            file.write("x")
        with open(self.root + b"/two/other", "w", encoding="ascii") as file:
            file.write("x")
        seen = self.seen()
        self.assertTrue(seen[b"deep"] & CREATE and seen[b"deep"] & ONDIR)
        self.assertTrue(seen[b"deep/er/f\xff"] & CLOSE_WRITE)
        self.assertNotIn(b"other", {path.split(b"/")[-1] for path in seen})
        os.rename(self.root + b"/two/other", one + b"/came")
        os.unlink(one + b"/deep/er/f\xff")
        os.rename(one + b"/deep", self.root + b"/two/deep")
        seen = self.seen()
        self.assertTrue(seen[b"came"] & MOVED_TO)
        self.assertTrue(seen[b"deep"] & MOVED_FROM)
        with open(self.root + b"/two/deep/er/late", "w", encoding="ascii"):
            pass
        self.assertEqual(self.seen(), {})
        self.assertEqual(self.source.doubt, "")

    def test_events_that_ran_over_are_a_doubt(self) -> None:
        with open("/proc/sys/fs/fanotify/max_queued_events", encoding="ascii") as file:
            most = int(file.read())
        for number in range(most + 100):
            with open(self.root + b"/one/%d" % number, "wb"):
                pass
        list(self.source.read())
        self.assertNotEqual(self.source.doubt, "")

    def test_what_was_swapped_is_found_under_its_new_name(self) -> None:
        one = self.root + b"/one"
        os.mkdir(one + b"/a")
        os.mkdir(one + b"/b")
        self.seen()
        os.rename(one + b"/a", one + b"/c")
        os.rename(one + b"/b", one + b"/a")
        with open(one + b"/a/file", "wb"):
            pass
        self.assertTrue(self.seen()[b"a/file"] & CLOSE_WRITE)


class EyesTest(unittest.TestCase):
    def test_names_that_are_not_sent_are_not_looked_at(self) -> None:
        one = eyes.Eyes([], compile_excludes([b"*.tmp", b"/cache/"]), Pending())
        self.assertTrue(one.passes(event(CREATE, b"a", b"d")))
        for name, directory in ((b"a.tmp", b"d"), (b"a", b"cache"), (b"a", b"cache/x"), (b"x", b"d/.~tmp~")):
            self.assertFalse(one.passes(event(CREATE, name, directory)), (name, directory))

    def test_what_has_several_names_is_a_doubt_for_the_others_have_no_event(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            root = os.open(place, os.O_RDONLY)
            self.addCleanup(os.close, root)
            opened = Opened(os.fsencode(place), "module", root, 0, 0, "")
            with open(f"{place}/file", "wb"):
                pass
            os.symlink("file", f"{place}/link")
            os.mkfifo(f"{place}/pipe")
            os.makedirs(f"{place}/directory/in")
            for name in ("file", "link", "pipe", "directory", "gone"):
                one = eyes.Eyes([opened], None, Pending())
                one.is_written(0, b"", name.encode())
                self.assertEqual(one.doubt, "", name)
            for name in ("file", "link"):
                os.link(f"{place}/{name}", f"{place}/directory/{name}", follow_symlinks=False)
                for path in (name, f"directory/{name}"):
                    one = eyes.Eyes([opened], None, Pending())
                    directory, _, base = path.rpartition("/")
                    self.assertFalse(one.is_written(0, directory.encode(), base.encode()))
                    self.assertEqual(one.doubt, "a file has several names", path)

    def test_times_show_what_is_made_renamed_and_deleted(self) -> None:
        with tempfile.TemporaryDirectory() as place:
            root = os.open(place, os.O_RDONLY)
            os.makedirs(f"{place}/a/b")
            poll = Poll(root)
            poll.learn([b"", b"a", b"a/b"])
            self.assertEqual(list(poll.changed()), [])
            with open(f"{place}/a/b/new", "wb"):
                pass
            self.assertEqual(list(poll.changed()), [b"a/b"])
            os.rename(f"{place}/a", f"{place}/c")
            self.assertEqual(list(poll.changed()), [b"", b"a", b"a/b"])
            self.assertEqual(list(poll.changed()), [])
            poll.learn([b"", b"c", b"c/b"])
            self.assertEqual(list(poll.changed()), [b"c", b"c/b"])
            self.assertEqual(list(poll.changed()), [])
            os.close(root)


class RecentTest(unittest.TestCase):
    def test_names_are_known_once_all_events_were_read(self) -> None:
        recent = Recent()
        began = time.monotonic()
        recent.add(0, b"d", b"late", False, began + 0.001)
        self.assertIsNone(recent.between(0, began, patience=0.01))
        threading.Timer(0.05, lambda: recent.saw(time.monotonic() + 1)).start()
        self.assertEqual(recent.between(0, began), {b"d/late": False})
        recent.lose()
        self.assertIsNone(recent.between(0, began, patience=0.01))

    def test_the_quantiles_are_those_of_the_samples(self) -> None:
        lag = Lag()
        for number in range(30_000):
            lag.add(number / 1000)
        self.assertEqual(lag.count, 30_000)
        self.assertEqual(lag.most, 29.999)
        self.assertAlmostEqual(lag.quantile(0.5), 15, delta=1)


if __name__ == "__main__":
    unittest.main()
