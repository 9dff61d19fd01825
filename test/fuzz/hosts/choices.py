"""What the editor chooses from: names, times, modes and sizes that have made trouble somewhere."""

from __future__ import annotations

STRANGE_NAMES = (
    b"a b",
    b" lead",
    b"trail ",
    b"-dash",
    b"*",
    b"[x]",
    b"\\",
    b"\n",
    b"x\ny",
    b"#h",
    b"...",
    b".hidden",
    b"\xff\xfe",
    b"e\xcc\x81",
    b"\xc3\xa9",
    "名".encode() * 40,
    b"lost+found",
    b"x.~tmp~",
    b".~tmp~",
    b"-",
    b'"q"',
    b"'",
    b"%s",
    b"$(id)",
    b"\x7f",
    b"\x01\x02",
    b"\\#012",
    b"deleting",
    b"x: No space left on device (28)",
)
STRANGE_TIMES = (0, -1, -1_500_000_000, 1, (2**32 + 5) * 10**9, 2**31 * 10**9, 7_258_118_400 * 10**9 + 999_999_999)
FILE_MODES = (0o644, 0o600, 0o4755, 0o2755, 0o444, 0o755, 0o700, 0o777, 0o000)
DIRECTORY_MODES = (0o755, 0o700, 0o777, 0o1777, 0o2755, 0o555)
SIZES = (0, 1, 5, 5, 100, 4096, 70_000, 700_000)
WEB_USER = 33
