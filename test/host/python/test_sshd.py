"""What sshd's settings mean for our login."""

from __future__ import annotations

import unittest
from unittest import mock

from hostsync_host import commands, sshd


def settings(text: str) -> sshd.Settings:
    """As sshd -T prints it."""
    done = commands.Finished(0, text.encode(), b"")
    with mock.patch.object(commands, "run", return_value=done):
        return sshd.read_settings("192.0.2.1")


DEFAULTS = """port 22
pubkeyauthentication yes
authenticationmethods any
pubkeyacceptedalgorithms ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256
authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2
forcecommand none
chrootdirectory none
maxsessions 10
"""


def problem(more: str, key_type: str = "ssh-ed25519", groups: tuple[str, ...] = ("hostsync", "www-data")) -> str:
    names = {line.split(" ")[0].lower() for line in more.splitlines()}
    kept = [line for line in DEFAULTS.splitlines() if line.split(" ")[0] not in names]
    found = settings("\n".join([*kept, more]))
    with mock.patch.object(sshd, "NOLOGIN", ()):
        return (
            sshd.access_problem(found, groups) or sshd.key_problem(found, key_type) or sshd.session_problem(found) or ""
        )


class Sshd(unittest.TestCase):
    def test_defaults_let_us_in(self) -> None:
        self.assertEqual(problem(""), "")

    def test_nothing_is_concluded_from_an_sshd_that_says_nothing(self) -> None:
        with mock.patch.object(sshd, "NOLOGIN", ()):
            self.assertIsNone(sshd.access_problem({}, ["hostsync"]))
            self.assertIsNone(sshd.key_problem({}, "ssh-ed25519"))
            self.assertIsNone(sshd.session_problem({}))

    def test_settings_that_keep_us_out_are_named(self) -> None:
        for more, words in (
            ("allowusers admin\nallowusers deploy", "AllowUsers"),
            ("AllowUsers admin", "AllowUsers"),
            ("denyusers *sync", "DenyUsers"),
            ("allowgroups wheel", "AllowGroups"),
            ("denygroups www-*", "DenyGroups"),
            ("authenticationmethods publickey,keyboard-interactive", "AuthenticationMethods"),
            ("PubkeyAuthentication no", "PubkeyAuthentication"),
            ("PubkeyAcceptedAlgorithms rsa-sha2-512", "PubkeyAcceptedAlgorithms"),
            ("pubkeyacceptedkeytypes rsa-sha2-512\npubkeyacceptedalgorithms ssh-rsa", "PubkeyAcceptedAlgorithms"),
            ("authorizedkeysfile /etc/ssh/keys/%u", "authorized_keys"),
            ("ForceCommand /bin/false", "ForceCommand"),
            ("chrootdirectory /srv", "ChrootDirectory"),
            ("maxsessions 0", "MaxSessions"),
        ):
            with self.subTest(more):
                self.assertIn(words, problem(more))

    def test_settings_that_let_us_in_are_not(self) -> None:
        for more in (
            "allowusers admin\nallowusers hostsync",
            "allowusers host*@10.0.*",
            "denyusers hostsync@203.0.113.*",
            "allowgroups wheel www-data",
            "authenticationmethods publickey,password publickey",
            "authorizedkeysfile /var/lib/hostsync/login/.ssh/authorized_keys",
            "maxsessions 1",
        ):
            with self.subTest(more):
                self.assertEqual(problem(more), "")

    def test_rsa_is_taken_under_its_new_names(self) -> None:
        self.assertEqual(problem("pubkeyacceptedalgorithms rsa-sha2-256", "ssh-rsa"), "")
        self.assertIn("+rsa-sha2-512", problem("pubkeyacceptedalgorithms ssh-ed25519", "ssh-rsa"))

    def test_every_problem_has_a_remedy(self) -> None:
        for more in ("allowusers a", "denyusers *", "allowgroups a", "denygroups *", "forcecommand x", "maxsessions 0"):
            self.assertRegex(problem(more), r"; (set|add|take) ")


if __name__ == "__main__":
    unittest.main()
