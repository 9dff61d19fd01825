"""What a source tells is read as it is, and never leads out of the directory."""

from __future__ import annotations

import errno
import unittest
from typing import Optional
from unittest import mock

from hostsync_host import fetch
from hostsync_host.options import Options
from hostsync_host.rsync import Finished, Report
from hostsync_host.verdict import Fault


class NamesTest(unittest.TestCase):
    def test_they_are_read_whatever_bytes_they_have(self) -> None:
        for line, name in (
            (b"hostsync:>f+++++++++ 12 plain\n", b"plain"),
            (b"hostsync:>f.st...... 0 d/a b \n", b"d/a b "),
            (b"hostsync:cL+++++++++ 5 link\n", b"link"),
            (b"hostsync:>f+++++++++ 1 new\\#012line \\#033 \\#177\n", b"new\nline \x1b \x7f"),
            (b"hostsync:>f+++++++++ 1 \\#134#012\n", b"\\#012"),
            (b"hostsync:>f+++++++++ 1 tab\t\xff\n", b"tab\t\xff"),
        ):
            found = fetch.parse_differing(line)
            self.assertEqual(found.name if found else None, name)

    def test_other_lines_are_no_names(self) -> None:
        for line in (
            b"hostsync:cd+++++++++ 0 directory/\n",
            b"hostsync:.f...p..... 1 only the mode\n",
            b"hostsync:*deleting   gone\n",
            b"something else\n",
            b"hostsync:>f+++++++++ 1 cut off",
            b"\n",
        ):
            self.assertIsNone(fetch.parse_differing(line))

    def test_those_that_lead_out_or_to_where_files_are_put_together_are_dropped(self) -> None:
        bad = (b"", b"/etc/x", b"..", b"../x", b"a/../../x", b"a/..", b".", b"./x", b"a//b", b"a/")
        for name in (*bad, b".~tmp~/x", b"a/.~tmp~", b".~tmp~"):
            self.assertFalse(fetch.is_name(name), name)
            self.assertIsNone(fetch.parse_differing(b"hostsync:>f+++++++++ 1 " + name + b"\n"))
        for name in (b"x", b"...", b"..x", b"a/..b", b".hidden", b"a/b/c", b"-x", b"x\ny", b" ", b"~tmp~"):
            self.assertTrue(fetch.is_name(name), name)

    def test_chunks_hold_all_names_in_order(self) -> None:
        names = [b"%d" % number for number in range(7)]
        self.assertEqual(list(fetch.chunks(names, 3)), [names[:3], names[3:6], names[6:]])
        self.assertEqual(list(fetch.chunks([], 3)), [])


class LongPathsTest(unittest.TestCase):
    def judge(self, finished: Finished) -> tuple[Optional[Fault], list[str]]:
        connection = mock.Mock()
        connection.alive.return_value = True
        run = fetch.Fetch(connection, Options(), deadline=float("inf"))
        return run._judge(finished), run.too_long

    def test_they_are_named_and_the_rest_is_no_failure(self) -> None:
        overlong = "filename overflows max-path len by 7: aaa/bbb"
        end = "rsync error: some files/attrs were not transferred (code 23) at main.c(1)"
        self.assertEqual(self.judge(Finished(code=23, lines=[overlong, end])), (None, [overlong]))

    def test_another_failure_beside_them_is_told(self) -> None:
        long = Report("sender", errno.ENAMETOOLONG, 'opendir "x" failed: File name too long (36)')
        denied = Report("sender", errno.EACCES, 'open "y" failed: Permission denied (13)')
        lines = [f"rsync: [sender] {report.text}" for report in (long, denied)]
        fault, too_long = self.judge(Finished(code=23, lines=lines, reports=[long, denied]))
        self.assertEqual(too_long, [long.text])
        assert fault is not None
        self.assertEqual(fault.error, "permission-denied")


if __name__ == "__main__":
    unittest.main()
