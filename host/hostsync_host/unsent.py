"""What is not sent, by name: it is not the secondaries' fault."""

from __future__ import annotations

import contextlib
from typing import Callable, List

from .context import Context
from .directories import Opened
from .leftovers import join
from .manifest import open_manifest
from .results import emit, log, show
from .scan import LONGEST, Found
from .selected import files_above, unreadable_files

_EXAMPLES = 5


Emit = Callable[..., None]


def tell_unsent(context: Context, opened: Opened, found: Found, name: str, say: Emit = emit) -> None:
    """Tells of paths that are too long, and of what the directory's owner cannot read. `name`: the manifest."""
    if found.long.count:
        words = f"have paths that are too long for rsync (more than {LONGEST} bytes); shorten them"
        _line(context, opened, "too-long", found.long.count, found.long.examples, words, say)
    if context.request.options.max_size:
        _tell_large(context, opened, name, say)
    examples, count = list(found.unreadable.examples), found.unreadable.count
    manifest = open_manifest(context.store.place, name) if found.flagged.count else None
    if manifest is not None:
        with contextlib.closing(manifest):
            files = list(unreadable_files(manifest, found.flagged.examples))
        count += max(len(files), found.flagged.count)
        examples += files
    if count:
        words = (
            f"cannot be read by the directory's owner ({opened.owner}:{opened.group}), as whom it is sent; chown them"
        )
        _line(context, opened, "unreadable", count, examples, words, say)


def _tell_large(context: Context, opened: Opened, name: str, say: Emit) -> None:
    """What an operator does not want sent is named, and is no trouble."""
    manifest = open_manifest(context.store.place, name)
    if manifest is None:
        return
    count, examples = 0, list[bytes]()
    with contextlib.closing(manifest):
        for path in files_above(manifest, context.largest):
            count += 1
            examples += [join(opened.path, path)] if count <= _EXAMPLES else []
    if count:
        say("too-large", directory=opened.path, count=count, examples=examples)


def _line(
    context: Context, opened: Opened, error: str, count: int, examples: List[bytes], words: str, say: Emit
) -> None:
    first = ", ".join(show(example[-200:]) for example in examples[:_EXAMPLES])
    message = f"{count} entries {words}; the rest is sent. They are: {first}"
    log(f"{show(opened.path)}: {message}")
    say("directory", directory=opened.path, error=error, message=message)
    context.incomplete += 1
