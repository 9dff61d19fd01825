"""What a host finds wrong with itself. Nothing of it may be taken for fine because it could not be looked at."""

from __future__ import annotations

import os
import shutil
import tempfile
import unittest
from collections.abc import Iterable
from unittest import mock

from hostsync_host import commands, layout
from hostsync_host.doctor import access, check, places, programs, state
from hostsync_host.options import make_options
from hostsync_host.request import Directory, Request

RSYNC, SSH, SUDO = programs.PROGRAMS


def request(role: str, *directories: bytes, epoch: int = 3) -> Request:
    return Request(
        command="doctor",
        group="web",
        epoch=epoch,
        holder="i-1",
        directories=tuple(Directory(each, None, None) for each in directories),
        excludes=(),
        secondaries=(),
        public_key=None,
        options=make_options({"role": role}),
    )


def levels(found: Iterable[check.Check]) -> list[tuple[str, str]]:
    return [(each.check, each.level) for each in found]


class Programs(unittest.TestCase):
    def find(self, program: programs.Program, said: str, changelog: str) -> list[check.Check]:
        done = commands.Finished(0, said.encode(), b"")
        run = mock.patch.multiple(commands, run=lambda *_, **__: done, find=lambda name: name)
        with run, mock.patch.object(programs, "changelog", return_value=changelog):
            return list(programs.find_program(program))

    def test_an_old_version_is_a_warning_unless_the_package_names_the_fix(self) -> None:
        both = "fix CVE-2024-12084 and CVE-2024-12085"
        for program, said, changelog, expected in (
            (RSYNC, "rsync  version 3.2.7  protocol version 31", "", ["warning", "warning"]),
            (RSYNC, "rsync  version 3.2.7  protocol version 31", "CVE-2024-12085", ["warning"]),
            (RSYNC, "rsync  version 3.2.7  protocol version 31", both, ["ok"]),
            (RSYNC, "rsync  version 3.2.3  protocol version 31", "", ["warning"]),
            (RSYNC, "rsync  version v3.4.0  protocol version 32", "", ["ok"]),
            (SSH, "OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0", "", ["warning"]),
            (SSH, "OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0", "CVE-2024-6387", ["ok"]),
            (SSH, "OpenSSH_8.4p1, OpenSSL 1.1", "", ["ok"]),
            (SSH, "OpenSSH_9.8p1, OpenSSL 3", "", ["ok"]),
            (SUDO, "Sudo version 1.9.17", "", ["warning"]),
            (SUDO, "Sudo version 1.9.17p1", "", ["ok"]),
            (SUDO, "Sudo version 1.9.13p3", "", ["ok"]),
            (SUDO, "sudo-rs says nothing of that", "", ["unknown"]),
        ):
            found = self.find(program, said, changelog)
            self.assertEqual([each.level for each in found], expected, f"{said} {changelog}")
            self.assertTrue(all(each.mend and each.why for each in found if each.level == "warning"))

    def test_what_is_missing_is_named_with_its_package(self) -> None:
        with mock.patch.object(commands, "find", side_effect=lambda name: None if name == "sudo" else name):
            (found,) = programs.find_missing()
        self.assertEqual((found.level, found.mend), ("error", "apt-get install -y sudo"))


class OnDisk(unittest.TestCase):
    def setUp(self) -> None:
        self.top = tempfile.mkdtemp(prefix="hostsync-doctor-").encode()
        self.addCleanup(shutil.rmtree, self.top)
        for name in ("ETC", "STATE", "RELEASES", "SUDOERS"):
            patch = mock.patch.object(layout, name, self.top + b"/" + name.lower().encode())
            patch.start()
            self.addCleanup(patch.stop)
        os.makedirs(layout.hooks())
        os.mkdir(layout.STATE)

    def write(self, path: bytes, text: str = "", mode: int = 0o644) -> None:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)

    def test_an_empty_directory_stops_a_primary_and_no_secondary(self) -> None:
        directory = self.top + b"/uploads"
        os.mkdir(directory)
        for role, expected in (("primary", "error"), ("secondary", "ok")):
            here = places.Places(request(role, directory, self.top + b"/gone"))
            self.assertEqual([each.level for each in here.find_directories()], [expected, expected])
            here.close()

    def test_a_symbolic_link_stops_both(self) -> None:
        os.symlink(self.top, self.top + b"/link")
        for role in ("primary", "secondary"):
            here = places.Places(request(role, self.top + b"/link"))
            (found,) = here.find_directories()
            self.assertEqual(found.level, "error")
            self.assertIn("real path", found.mend or "")

    def test_owners_are_said_by_name(self) -> None:
        self.write(self.top + b"/file")
        here = places.Places(request("primary", self.top))
        self.assertEqual(here.owners(), {self.top.decode(): "root:root"})
        here.close()

    def test_a_full_disk_is_an_error(self) -> None:
        mib = 1024 * 1024
        cases = ((1, 10**6, "error"), (200, 10**6, "warning"), (9000, 10, "error"), (9000, 0, "ok"))
        for free, inodes, expected in cases:
            size = os.statvfs_result((mib, mib, 10_000, free, free, inodes, inodes, inodes, 0, 255))
            with mock.patch.object(os, "statvfs", return_value=size):
                self.assertEqual(places.room_of(b"/srv").level, expected, (free, inodes))

    def test_hooks_that_would_not_run_are_named(self) -> None:
        before = layout.hooks() + b"/before-demotion"
        after = layout.hooks() + b"/after-promotion"
        self.assertEqual(levels(access.find_hooks()), [("hooks", "ok")])
        self.write(before, mode=0o755)
        self.assertEqual(levels(access.find_hooks()), [("hooks", "warning")])
        self.write(after)
        self.assertEqual(levels(access.find_hooks()), [("hooks", "error")])
        os.chmod(after, 0o777)
        (found,) = access.find_hooks()
        self.assertIn("chmod go-w", found.mend or "")
        os.chmod(after, 0o755)
        self.assertEqual(levels(access.find_hooks()), [("hooks", "ok")])

    def test_a_hook_that_came_after_the_join_is_named(self) -> None:
        self.write(layout.hooks() + b"/after-sync", mode=0o755)
        self.assertEqual(levels(access.find_hooks()), [("hooks", "ok")])
        self.write(layout.rsyncd_conf(), "[0123456789abcdef]\n")
        (found,) = access.find_hooks()
        self.assertEqual((found.level, "joins again" in (found.mend or "")), ("warning", True))
        self.write(layout.rsyncd_conf(), "[0123456789abcdef]\n[after-sync]\n")
        self.assertEqual(levels(access.find_hooks()), [("hooks", "ok")])

    def test_a_host_of_a_newer_epoch_or_another_group_says_so(self) -> None:
        for text, expected in (
            ("group\tweb\nepoch\t3\nholder\ti-1\n", "ok"),
            ("group\tweb\nepoch\t2\nholder\ti-9\n", "ok"),
            ("group\tweb\nepoch\t4\nholder\ti-2\n", "error"),
            ("group\tweb\nepoch\t3\nholder\ti-2\n", "error"),
            ("group\tshop\nepoch\t1\n", "error"),
            ("damaged", "error"),
        ):
            self.write(layout.group_file(), text)
            self.assertEqual([each.level for each in state.find_group(request("secondary"))], [expected], text)

    def test_a_key_belongs_to_the_primary_alone(self) -> None:
        self.assertEqual(levels(state.find_key(request("primary"))), [("key", "error")])
        self.write(layout.key())
        self.assertEqual(levels(state.find_key(request("primary"))), [("key", "ok")])
        self.assertEqual(levels(state.find_key(request("secondary"))), [("key", "warning")])

    def test_what_a_rescue_kept_waits_for_a_person(self) -> None:
        self.assertEqual(list(state.find_rescued()), [])
        os.makedirs(layout.rescued() + b"/20261122T185325Z-i-1")
        self.assertEqual(levels(state.find_rescued()), [("rescued", "warning")])


class Guarded(unittest.TestCase):
    def test_what_a_broken_off_copy_left_readable_is_named(self) -> None:
        self.assertEqual(list(state.find_readable("web")), [])
        os.makedirs(layout.STATE, exist_ok=True)
        with open(layout.readable(), "wb") as file:
            file.write(b"kept")
        self.assertEqual(levels(state.find_readable("web")), [("readable", "warning")])

    def test_a_check_that_breaks_is_unknown_and_stops_no_other(self) -> None:
        def broken() -> Iterable[check.Check]:
            yield check.ok("a", "b")
            raise OSError("no")

        with mock.patch("traceback.print_exc"):
            self.assertEqual(levels(check.guarded("x", broken)), [("a", "ok"), ("x", "unknown")])


if __name__ == "__main__":
    unittest.main()
