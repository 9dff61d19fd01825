"""The lines of a push: SSM keeps 24,000 characters, and a secondary whose line is cut off looks as if never served."""

from __future__ import annotations

import json
import unittest
import unittest.mock
from typing import Any, Dict, List
from unittest.mock import Mock

from hostsync_host import report, results
from hostsync_host.errors import ExitCode
from hostsync_host.outcome import Outcome

WORDS = "ssh: connect to host 10.0.0.1 port 22: Connection refused; look at the host, its address and the firewall " * 3


class ManySecondaries(unittest.TestCase):
    def lines(self, outcomes: List[Outcome]) -> List[Dict[str, Any]]:
        said: List[bytes] = []
        context = Mock(started=1_763_800_000_123_456, unfit=0, incomplete=0)
        context.request = Mock(group="web", epoch=7, secondaries=outcomes, directories=[1])
        write = lambda number, data: said.append(data) if number == 1 else None  # noqa: E731
        with unittest.mock.patch.object(results, "_write", write):
            for outcome in outcomes:
                report.secondary(context, outcome)
            self.code = report.close(context, outcomes)
        self.size = sum(map(len, said))
        return [json.loads(line) for line in said]

    def test_all_of_them_are_named_within_what_ssm_keeps(self) -> None:
        errors = ["unreachable", "disk-full", "timeout", "busy", "partial", "key-refused"]
        outcomes = [Outcome(f"i-{number:017x}", mode="changes") for number in range(500)]
        for number in range(0, 500, 2):
            outcomes[number].error = errors[number % 6]
            outcomes[number].result, outcomes[number].message = "failed", f"{number}: {WORDS}"
        lines = self.lines(outcomes)
        self.assertLess(self.size, 24_000)
        self.assertEqual(lines[0]["kind"], "push")
        named = [each for line in lines[1:] for each in line["ids"]]
        self.assertEqual(sorted(named), [outcome.secondary for outcome in outcomes])
        self.assertEqual(self.code, ExitCode.SECONDARY_FAILED)

    def test_few_have_a_line_each(self) -> None:
        lines = self.lines([Outcome("a"), Outcome("b", "busy", "busy", "an earlier push to it still runs")])
        self.assertEqual([line["kind"] for line in lines], ["secondary", "secondary", "push"])
        self.assertEqual((lines[2]["synced"], lines[2]["busy"], self.code), (1, 1, ExitCode.DONE))


if __name__ == "__main__":
    unittest.main()
