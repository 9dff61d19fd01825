"""The watch: what a change becomes, who watches, and that all of it arrives without a second push."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from typing import Any, Callable, Dict, FrozenSet, List, Optional

from group import OWNER, Group
from group import Push as Pushed
from hostsync_host.dirty import Dirty
from hostsync_host.excludes import compile_excludes
from hostsync_host.watch import eyes, lease
from hostsync_host.watch.fanotify import (
    ATTRIB,
    CLOSE_WRITE,
    CREATE,
    DELETE,
    MOVED_FROM,
    MOVED_TO,
    ONDIR,
    Event,
    Fanotify,
)
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
            os.close(root)


class RecentTest(unittest.TestCase):
    def test_names_are_known_once_all_events_were_read(self) -> None:
        recent = Recent()
        began = time.monotonic()
        recent.add(0, b"d", b"late", began + 0.001)
        self.assertIsNone(recent.between(0, began, patience=0.01))
        threading.Timer(0.05, lambda: recent.saw(time.monotonic() + 1)).start()
        self.assertEqual(recent.between(0, began), [b"d/late"])
        recent.lose()
        self.assertIsNone(recent.between(0, began, patience=0.01))

    def test_the_quantiles_are_those_of_the_samples(self) -> None:
        lag = Lag()
        for number in range(30_000):
            lag.add(number / 1000)
        self.assertEqual(lag.count, 30_000)
        self.assertEqual(lag.most, 29.999)
        self.assertAlmostEqual(lag.quantile(0.5), 15, delta=1)


HOLDER = """
import sys, time, signal
sys.path.insert(0, sys.argv[1])
from hostsync_host.watch import lease
post = lease.Post(sys.argv[2].encode(), int(sys.argv[3]))
post.take()
print("holds", flush=True)
if sys.argv[4] == "hang":
    time.sleep(1000)
if sys.argv[4] == "work":
    with post.at_work():
        time.sleep(4)
while not post.has_successor():
    time.sleep(0.01)
post.leave(lease.Handover("boot", "scope", 1.0, [[0, "d", ["n"], False]]))
"""


class LeaseTest(unittest.TestCase):
    def setUp(self) -> None:
        self.place = tempfile.mkdtemp()
        self.children: List[subprocess.Popen[bytes]] = []

    def tearDown(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        subprocess.run(["rm", "-rf", self.place], check=True)

    def hold(self, tick: int, how: str) -> subprocess.Popen[bytes]:
        host = os.path.dirname(os.path.dirname(os.path.dirname(lease.__file__)))
        words = [sys.executable, "-I", "-c", HOLDER, host, self.place, str(tick), how]
        child = subprocess.Popen(words, stdout=subprocess.PIPE)
        self.children.append(child)
        assert child.stdout is not None
        self.assertEqual(child.stdout.readline(), b"holds\n")
        return child

    def post(self, tick: int) -> lease.Post:
        return lease.Post(self.place.encode(), tick)

    def test_what_is_pending_goes_to_the_successor(self) -> None:
        self.hold(1, "answer")
        left = self.post(2).take()
        assert left is not None
        self.assertEqual(left.pending, [[0, "d", ["n"], False]])

    def test_a_tick_that_comes_late_or_twice_ends_nothing(self) -> None:
        child = self.hold(7, "answer")
        for tick in (6, 7):
            with self.assertRaises(lease.Superseded):
                self.post(tick).take()
        self.assertIsNone(child.poll())

    def test_one_that_does_not_answer_is_ended_and_the_chain_is_broken(self) -> None:
        for frozen in (False, True):
            child = self.hold(1, "hang")
            if frozen:
                child.send_signal(signal.SIGSTOP)
            post = self.post(2)
            self.assertIsNone(post.take(patience=0.3))
            self.assertEqual(child.wait(), -signal.SIGKILL)
            post.leave(None)

    def test_one_that_walks_is_waited_for(self) -> None:
        child = self.hold(1, "work")
        self.assertIsNotNone(self.post(2).take(patience=2.5))
        self.assertEqual(child.wait(), 0)

    def test_one_waits_and_no_third(self) -> None:
        self.hold(1, "hang")
        waits = threading.Thread(target=lambda: self.post(2).take(patience=3.0))
        waits.start()
        while not self.post(3).has_successor():
            time.sleep(0.01)
        with self.assertRaises(lease.Superseded):
            self.post(3).take()
        waits.join()

    def test_a_handover_to_one_that_was_killed_is_worth_nothing_to_the_next(self) -> None:
        post = self.post(1)
        post.take()
        with open(f"{self.place}/successor", "w", encoding="ascii") as file:
            file.write(f"{os.getpid()} 1")
        self.assertFalse(post.has_successor())
        post.leave(lease.Handover("boot", "scope", 1.0))
        self.assertIsNone(self.post(2).take())


def watching(group: Group, work: Callable[[], None], **options: Any) -> Pushed:
    """Pushes with a watch, and works meanwhile. The work ends it."""
    errors: List[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            errors.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        ended = group.push(**{"watch": "auto", "lease": 120, **options})
    finally:
        thread.join()
    if errors:
        raise errors[0]
    return ended


class WatchTest(unittest.TestCase):
    def setUp(self) -> None:
        self.group = Group(2, ("uploads", "other"))
        self.top = self.group.directories[0]

    def tearDown(self) -> None:
        self.group.close()

    def wait(self, what: Callable[[], bool], why: Callable[[], str]) -> None:
        end = time.monotonic() + 60
        while not what():
            if time.monotonic() > end:
                self.fail(why())
            time.sleep(0.05)

    def same(self, *but: str) -> None:
        def well() -> bool:
            return not any(
                [line for line in self.group.differences(secondary, directory) if not any(name in line for name in but)]
                for secondary in (1, 2)
                for directory in (0, 1)
            )

        self.wait(well, lambda: f"{self.group.differences(1)} {self.group.differences(2)}")

    def put(self, name: str, text: str) -> None:
        path = f"{self.top}/{name}"
        with open(path, "w", encoding="ascii") as file:
            os.chown(path, OWNER, OWNER)
            file.write(text)

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
        from hostsync_host import layout

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

    def test_a_push_that_does_not_watch_ends_the_watch(self) -> None:
        ended = watching(self.group, self.same)
        self.assertEqual(ended.of("watch")[0]["ended"], f"signal {int(signal.SIGTERM)}")
        self.assertEqual(self.group.push(watch="off").code, 0)


if __name__ == "__main__":
    unittest.main()
