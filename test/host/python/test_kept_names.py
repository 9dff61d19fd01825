"""What is kept can be listed and asked for by time and path, and nothing beside it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pwd
import shutil
import tempfile
import unittest
import unittest.mock
from typing import Any, Dict, List, Optional

from hostsync_host import doctor, kept_names, layout, modules, results
from hostsync_host.errors import HostError
from hostsync_host.options import make_options
from hostsync_host.request import Directory, read_request

A, B = "/srv/a", "/srv/b"
HEAD = f"group\tweb\nepoch\t1\ndirectory\t{A}\ndirectory\t{B}\n"


class Trash(unittest.TestCase):
    def setUp(self) -> None:
        top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, top)
        patch = unittest.mock.patch.object(layout, "STATE", top.encode())
        patch.start()
        self.addCleanup(patch.stop)

    def keep(self, directory: str, time: str, *names: str) -> None:
        for name in names:
            path = os.path.join(os.fsdecode(layout.kept()), layout.module_name(directory.encode()), time, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write("12345")


class KeptNames(Trash):
    def listed(self, *only: str) -> List[Dict[str, Any]]:
        lines = "".join(f"only\t{path}\n" for path in only)
        request = read_request("doctor", (HEAD + lines + "option\tlist-kept\tyes\n").encode())
        said: List[Dict[str, Any]] = []
        with (
            unittest.mock.patch.object(
                results,
                "emit",
                lambda kind, **fields: said.append(json.loads(results.to_json({"kind": kind, **fields}))),
            ),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            doctor.run(request)
        return said

    def test_a_line_a_run_with_its_directory_the_newest_first(self) -> None:
        self.assertEqual(self.listed(), [])
        self.keep(A, "20260101T000000Z", "x", "d/y", "d/z", "e")
        self.keep(B, "20260103T000000Z", "x")
        self.keep(A, "20260102T000000Z-1", "x")
        self.keep("/srv/gone", "20260104T000000Z", "x")
        self.keep(A, "something else", "x")
        said = self.listed()
        self.assertEqual(
            [(each["time"], each["directory"], each["files"], each["bytes"]) for each in said],
            [
                ("20260103T000000Z", B, 1, 5),
                ("20260102T000000Z-1", A, 1, 5),
                ("20260101T000000Z", A, 4, 20),
            ],
        )
        self.assertEqual(said[2]["examples"], [f"{A}/e", f"{A}/x", f"{A}/d/y"])

    def test_paths_leave_the_other_runs_out(self) -> None:
        self.keep(A, "20260101T000000Z", "d/y", "d/z", "dd")
        self.keep(A, "20260102T000000Z", "e")
        self.keep(B, "20260103T000000Z", "d/y")
        for only, times, files in (
            ([f"{A}/d"], ["20260101T000000Z"], 2),
            ([f"{A}/d/z"], ["20260101T000000Z"], 1),
            ([f"{A}/d/y", f"{A}/dd"], ["20260101T000000Z"], 2),
            ([A], ["20260102T000000Z", "20260101T000000Z"], 1),
            ([f"{A}/d/y/below"], [], 0),
            ([f"{A}/nowhere"], [], 0),
        ):
            said = self.listed(*only)
            self.assertEqual([each["time"] for each in said], times, only)
            self.assertEqual(said[0]["files"] if said else 0, files, only)

    def test_a_long_list_says_that_there_is_more_and_fits_what_ssm_keeps(self) -> None:
        long = "/".join(["n" * 200] * 3)
        for day in range(1, 32):
            for hour in (0, 1):
                self.keep(A, f"202601{day:02}T{hour:02}0000Z", *(f"{long}/{i}" for i in range(4)))
        said = self.listed()
        first, last = said[0], said[-1]
        self.assertEqual((first["time"], last["kind"], last["runs"]), ("20260131T010000Z", "kept-earlier", 22))
        self.assertLess(sum(len(json.dumps(each)) for each in said), 24_000)

    def test_a_rescue_concerns_the_directories_of_its_paths(self) -> None:
        def directories(*only: str) -> List[bytes]:
            lines = "".join(f"only\t{path}\n" for path in only)
            secondary = "secondary\ts-1\t10.0.0.1\t22\n"
            text = HEAD + secondary + lines + "option\tkept\t20260101T000000Z\n"
            return [each.path for each in kept_names.narrow(read_request("rescue", text.encode())).directories]

        self.assertEqual(directories(), [A.encode(), B.encode()])
        self.assertEqual(directories(f"{B}/x"), [B.encode()])
        self.assertEqual(directories(A, f"{B}/x"), [A.encode(), B.encode()])

    def test_what_is_asked_for_wrongly_is_refused_with_field_value_and_remedy(self) -> None:
        for command, lines, words in (
            ("doctor", f"only\t{A}/x\n", "is for what is kept"),
            ("rescue", f"only\t{A}/x\n", "is for what is kept"),
            ("doctor", "only\t/srv/ab\noption\tlist-kept\tyes\n", 'only "/srv/ab": is in no directory'),
            ("doctor", "only\t/srv/a/../../etc\noption\tlist-kept\tyes\n", "is not normalised"),
            ("doctor", "only\tsrv/a\noption\tlist-kept\tyes\n", "is not absolute"),
            ("rescue", "option\tkept\t..\n", "is no time of kept files"),
            ("rescue", "option\tkept\t20260101T000000Z/../x\n", "is no time of kept files"),
            ("rescue", "option\tlist-kept\tyes\n", "is not for rescue"),
            ("push", f"only\t{A}/x\n", "is not for push"),
        ):
            with self.assertRaises(HostError) as caught:
                read_request(command, (HEAD + lines).encode())
            self.assertIn(words, caught.exception.message)


@unittest.skipUnless(os.geteuid() == 0, "needs root, as on a host")
class Readable(Trash):
    """What the primary's key can read is what join says, and no more."""

    def modules(self, readable: Optional[str]) -> str:
        values = {} if readable is None else {"readable": readable}
        root = pwd.getpwuid(0)
        directories = [Directory(path.encode(), None, None) for path in (A, B)]
        with contextlib.ExitStack() as patches:
            for module, name, other in (
                (modules, "_modules_of", lambda path, readable, more: b"-read" if readable else b""),
                (pwd, "getpwnam", lambda _: root),
            ):
                patches.enter_context(unittest.mock.patch.object(module, name, other))
            return modules.configuration(directories, make_options(values)).decode()

    def test_what_is_kept_and_the_directories_are_never_readable_together(self) -> None:
        self.keep(A, "20260101T000000Z", "x")
        kept = f"[{layout.module_name(A.encode())}-kept]"
        self.assertNotIn("-kept]", self.modules(None))
        self.assertNotIn("-kept]", self.modules("yes"))
        self.assertIn("-read", self.modules("yes"))
        text = self.modules("kept")
        self.assertNotIn("-read", text)
        self.assertIn(kept, text)
        self.assertEqual(text.count("-kept]"), 1)
        self.assertIn("read only = yes\nwrite only = no\n", text.partition(kept)[2])


if __name__ == "__main__":
    unittest.main()
