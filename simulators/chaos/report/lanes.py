"""An episode as three lanes beside each other: time goes down, and each thing has a line of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from ...effects import Effect
from ..history import History
from .marks import Lane, Mark, marks

_WIDTH, _TOP, _ROW = 1040, 34, 19
_LANES: Mapping[Lane, tuple[int, int]] = {"clients": (76, 360), "wire": (366, 722), "effects": (728, _WIDTH)}
_TITLES: Mapping[Lane, str] = {"clients": "Clients", "wire": "Seawall and the wire", "effects": "What really happened"}
_COLUMN = 10  # pixels between the bars of two clients, or of two processes
_LETTER, _BOLD = 6.6, 7.6  # pixels, about, in the widest of the usual fonts
_PAUSE = 0.5  # seconds without anything that are drawn as a gap
_MOST = 250


def lanes(history: History, effects: Mapping[str, Sequence[Effect]]) -> str:
    """The lanes as an SVG drawing.

    Args:
        history: The history.
        effects: System → its effect log.
    """
    found = marks(history, effects)
    if not found:
        return ""
    shown = found[:_MOST]
    rows = list(_rows(shown))
    height = rows[-1] + _ROW
    more = len(found) - len(shown)
    columns = {lane: _columns(shown, lane) for lane in _LANES}
    box = f'viewBox="0 0 {_WIDTH} {height}" style="max-width:{_WIDTH}px"'
    parts = [
        f'<svg class="lanes" {box} role="img" aria-label="clients, wire and effects, time going down">',
        *_background(height),
        *_times(shown, rows),
        *_bars(shown, rows, columns),
        *(_drawn(mark, y, columns[mark.lane]) for mark, y in zip(shown, rows, strict=True)),
        "</svg>",
    ]
    if more:
        parts.append(f"<p class='note'>And {more:,} more, which only the JSON lines have.</p>")
    return "".join(parts)


def _rows(shown: Sequence[Mark]) -> Iterator[int]:
    y, before = _TOP, shown[0].at
    for mark in shown:
        y += _ROW + (10 if mark.at - before > _PAUSE else 0)
        before = mark.at
        yield y


def _columns(shown: Sequence[Mark], lane: Lane) -> dict[str, int]:
    """Who → the place of the bar; what is everybody's stands in the first."""
    left = _LANES[lane][0] + 12
    names = sorted({mark.who for mark in shown if mark.lane == lane and mark.who}, key=lambda who: (len(who), who))
    return {name: left + _COLUMN * place for place, name in enumerate(names or [""])}


def _background(height: int) -> Iterator[str]:
    for lane, (left, right) in _LANES.items():
        yield f'<rect class="lane" x="{left}" y="0" width="{right - left}" height="{height}" rx="8"/>'
        yield f'<text class="name" x="{left + 10}" y="21">{_TITLES[lane]}</text>'


def _times(shown: Sequence[Mark], rows: Sequence[int]) -> Iterator[str]:
    """The time where it moves on, and a line where nothing happened for a while."""
    before, written = shown[0].at, ""
    for mark, y in zip(shown, rows, strict=True):
        text = f"{mark.at:,.2f} s"
        if mark.at - before > _PAUSE:
            yield f'<line class="gap" x1="0" x2="{_WIDTH}" y1="{y - _ROW - 1}" y2="{y - _ROW - 1}"/>'
        if text != written:
            yield f'<text class="time" x="66" y="{y}">{text}</text>'
        before, written = mark.at, text


def _bars(shown: Sequence[Mark], rows: Sequence[int], columns: Mapping[Lane, Mapping[str, int]]) -> Iterator[str]:
    """A bar from each question to its answer, and from each attempt to what came of it."""
    begun: dict[str, tuple[Mark, int]] = {}
    for mark, y in zip(shown, rows, strict=True):
        if mark.begins:
            begun[mark.begins] = (mark, y)
        if mark.ends in begun:
            first, top = begun.pop(mark.ends)
            x = _x(first, columns[first.lane])
            yield _bar(mark.kind, x, top, y)
        if mark.kind == "event crash":  # what the process had begun ends here
            for name, (first, top) in list(begun.items()):
                if first.who == mark.who:
                    x = _x(first, columns[first.lane])
                    yield _bar("crashed", x, top, y)
                    del begun[name]


def _bar(kind: str, x: int, top: int, bottom: int) -> str:
    return f'<rect class="bar {escape(kind)}" x="{x - 2}" y="{top - 4}" width="4" height="{bottom - top}" rx="2"/>'


def _x(mark: Mark, columns: Mapping[str, int]) -> int:
    return columns.get(mark.who, min(columns.values()))


def _drawn(mark: Mark, y: int, columns: Mapping[str, int]) -> str:
    x = _x(mark, columns)
    text = max(columns.values()) + 12
    bold = mark.kind == "fault" or mark.lane == "effects"
    room = int((_LANES[mark.lane][1] - text - 4) / (_BOLD if bold else _LETTER))
    label = mark.label if len(mark.label) <= room else f"{mark.label[: room - 1]}…"
    return (
        f'<g class="mark {escape(mark.kind)}">'
        f"<title>t={mark.at:.2f} s: {escape(mark.label)}\n{escape(mark.title)}</title>"
        f'<circle cx="{x}" cy="{y - 4}" r="4.5"/><text x="{text}" y="{y}">{escape(label)}</text></g>'
    )
