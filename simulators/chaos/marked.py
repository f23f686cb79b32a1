"""What `@pytest.mark.chaos(...)` says: of a test, its class and its module together, and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

MARK: Final = (
    "chaos(subject=None, plans=(), seeds=1, scenarios=()): play the test under each plan and seed, or scenario"
)
_KNOWN: Final = ("subject", "plans", "seeds", "scenarios")


class MarkError(ValueError):
    """A mark that cannot be meant so; the message says what to do."""


def merged(marks: Iterable[Any]) -> Mapping[str, Any]:
    """What several marks say; of one thing the first that says anything of it.

    Args:
        marks: Marks of pytest's, the closest first.

    Raises:
        MarkError: One of them says what no chaos mark can say.
    """
    said: dict[str, Any] = {}
    for mark in marks:
        if mark.args:
            raise MarkError(f"the chaos mark takes names only, such as seeds=25, and not {mark.args[0]!r} by itself")
        for name, value in mark.kwargs.items():
            if name not in _KNOWN:
                from ..faults import nearest  # suites without mistakes load nothing of the kit

                raise MarkError(f"the chaos mark takes no {name!r}{nearest(name, _KNOWN)}")
            said.setdefault(name, value)
    seeds = said.get("seeds", 1)
    if not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 0:
        raise MarkError(f"the chaos mark takes a number of seeds, and not {seeds!r}")
    if seeds == 0 and not said.get("scenarios"):
        raise MarkError("the chaos mark plays nothing: it has no seeds and names no scenarios")
    return said


def files(name: str, patterns: Any, root: Path) -> Iterator[str]:
    """The files that patterns stand for.

    Args:
        name: What they are called in the mark.
        patterns: A path or a pattern, or several; from the root, where they are not absolute.
        root: Root of the suite.

    Raises:
        MarkError: One of them is no pattern, or finds no file.
    """
    for pattern in [patterns] if isinstance(patterns, str | os.PathLike) else _several(name, patterns):
        if not isinstance(pattern, str | os.PathLike) or not os.fspath(pattern):
            raise MarkError(f"the chaos mark's {name} are paths of files or patterns of them, and not {pattern!r}")
        found = sorted(_found(Path(pattern), root))
        if not found:
            raise MarkError(f"the chaos mark's {name} name {os.fspath(pattern)}, and there is no such file in {root}")
        yield from found


def _several(name: str, patterns: Any) -> Iterable[Any]:
    if not isinstance(patterns, Iterable) or isinstance(patterns, bytes):
        raise MarkError(f"the chaos mark's {name} are paths of files or patterns of them, and not {patterns!r}")
    return patterns


def _found(pattern: Path, root: Path) -> Iterator[str]:
    if (root / pattern).is_file():  # also where its name looks like a pattern
        yield str(root / pattern)
        return
    base, below = (Path(pattern.anchor), pattern.relative_to(pattern.anchor)) if pattern.anchor else (root, pattern)
    yield from (str(path) for path in base.glob(str(below)) if path.is_file())
