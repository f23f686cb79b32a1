"""The page: headline figures, what struck, what was reached, and some episodes drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from ...effects import Effect
from ...vocabulary import POINTS
from ..entries import Wire
from ..failure import of
from ..history import History
from ..tally import Tally
from ..verdicts import Invariant, Judgement, Result
from .lanes import lanes

_RESULTS: tuple[Result, ...] = ("valid", "unknown", "invalid")
_IN_WORDS: Mapping[Result, str] = {"valid": "held", "unknown": "held as far as one can say", "invalid": "broken"}
_BADGES: Mapping[Result, str] = {"valid": "held", "unknown": "open", "invalid": "broken"}
_TRUTHS = ("applied", "not applied", "applied later", "some of them")
_EXPECTED = (
    ("applied", "ack"),
    ("applied", "no reply"),
    ("applied", "unreadable"),
    ("not applied", "no reply"),
    ("not applied", "not sent"),
    ("not applied", "refusal"),
    ("not applied", "unreadable"),
    ("applied later", "no reply"),
)
"""Rows of the truth table that a run over all faults should reach."""

_OPEN = (
    "addEventListener('hashchange',o);o();function o(){"
    "let e=location.hash&&document.getElementById(location.hash.slice(1));if(e){e.open=true;e.scrollIntoView()}}"
)
"""Opens the episode that a number in the matrix leads to. Without it the page works, and one opens it oneself."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One episode that is shown in detail.

    Args:
        title: What it is called.
        history: Its history.
        effects: Its effect logs.
        judgement: The checker's word.
        text: What a person should read first, as plain text.
    """

    title: str
    history: History
    effects: Mapping[str, Sequence[Effect]]
    judgement: Judgement
    text: str = ""


def render(title: str, tallies: Mapping[str, Tally], shown: Sequence[Shown]) -> str:
    """The whole page as HTML; it needs nothing from anywhere else.

    Args:
        title: Heading of the page.
        tallies: Subject → its figures.
        shown: Episodes in detail, failing ones first.
    """
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    green = all(tally.green for tally in tallies.values())
    tried = any(tally.episodes for tally in tallies.values())
    verdict = "Promises were broken" if not green else "Every promise held" if tried else "Nothing was tried"
    kind = "bad" if not green else "good" if tried else "open"
    return "".join(
        [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            f"<header><h1>{escape(title)}</h1>",
            f"<p class='verdict {kind}'>{verdict}</p></header><main>",
            *_headline(tallies),
            *_figures(tallies),
            *_invariants(tallies),
            *_matrix(tallies, shown),
            *_truth(tallies),
            *_episodes(shown),
            f"</main><script>{_OPEN}</script></body></html>",
        ]
    )


def _headline(tallies: Mapping[str, Tally]) -> Iterator[str]:
    whole = Tally()
    for tally in tallies.values():
        whole.merge(tally)
    figures = (
        ("episodes", f"{whole.episodes:,}", ""),
        ("operations", f"{whole.operations:,}", ""),
        ("faults that struck", f"{sum(whole.struck.values()):,}", ""),
        ("done twice", f"{whole.broken[Invariant.NO_DUPLICATE]:,}", "zero"),
        ("lost", f"{whole.broken[Invariant.NO_LOST_WRITE]:,}", "zero"),
        ("denied, and happened", f"{whole.broken[Invariant.NO_PHANTOM_FAILURE]:,}", "zero"),
        ("never resolved", f"{whole.broken[Invariant.EVENTUAL_RESOLUTION]:,}", "zero"),
        ("left to a person", f"{whole.parked_share:.2%}", ""),
    )
    yield "<section class='headline'>"
    for name, value, kind in figures:
        bad = " bad" if kind == "zero" and value != "0" else ""
        yield f"<div class='figure{bad}'><b>{value}</b><span>{name}</span></div>"
    yield "</section>"


def _figures(tallies: Mapping[str, Tally]) -> Iterator[str]:
    yield "<section><h2>Subjects</h2><div class='scroll'><table><thead><tr><th>subject</th>"
    heads = ("episodes", "operations", "calls", "attempts", "attempts each", "parked", "broken")
    yield "".join(f"<th class='n'>{head}</th>" for head in heads)
    yield "</tr></thead><tbody>"
    for name, tally in tallies.items():
        broken = sum(tally.broken.values())
        cells = (
            f"{tally.episodes:,}",
            f"{tally.operations:,}",
            f"{tally.calls:,}",
            f"{tally.sent:,}",
            f"{tally.amplification:.2f}",
            f"{tally.parked_share:.2%}",
        )
        yield f"<tr><th scope='row'>{escape(name)}</th>" + "".join(f"<td class='n'>{cell}</td>" for cell in cells)
        yield f"<td class='n {'bad' if broken else 'good'}'>{broken:,}</td></tr>"
    yield "</tbody></table></div></section>"


def _invariants(tallies: Mapping[str, Tally]) -> Iterator[str]:
    yield "<section><h2>Invariants</h2><ol class='invariants'>"
    for invariant in Invariant:
        word, kind = _held(invariant, tallies.values())
        yield f"<li class='{kind}'><b>I{int(invariant)}</b> {invariant.title} <i>{word}</i></li>"
    yield "</ol></section>"


def _held(invariant: Invariant, tallies: Collection[Tally]) -> tuple[str, str]:
    """What is said of an invariant, and its class."""
    if broken := sum(tally.broken[invariant] for tally in tallies):
        return f"broken {of(broken, 'time')}", "bad"
    if not any(tally.episodes for tally in tallies):
        return "not tried", "open"
    if invariant is Invariant.NOT_VACUOUS:  # what did not strike in one episode may have struck in another
        idle = sum(len(tally.idle) for tally in tallies)
        return (f"open: {idle:,} never struck", "open") if idle else ("held", "good")
    if unclear := sum(tally.unclear[invariant] for tally in tallies):
        return f"open in {of(unclear, 'episode')}", "open"
    return "held", "good"


def _matrix(tallies: Mapping[str, Tally], shown: Sequence[Shown]) -> Iterator[str]:
    """Point by kind: how often each fault struck, and how the episodes were judged."""
    drawn = _drawn_in(shown)
    struck: dict[tuple[str, str], dict[Result, int]] = {}
    for tally in tallies.values():
        for (point, kind, result), count in tally.struck.items():
            row = struck.setdefault((point, kind), dict.fromkeys(_RESULTS, 0))
            row[result] += count
        for place in tally.planned:
            struck.setdefault((place.point, place.kind), dict.fromkeys(_RESULTS, 0))
    seen = {point for point, _ in struck}
    points = [point for point in POINTS if point in seen]
    yield "<section><h2>What struck, where, and how it was judged</h2>"
    yield "<p class='note'>Times a fault struck. Green: no invariant broke. Red: one broke in an episode that had it. "
    yield "Grey: planned, and never struck. A number with a line under it leads to an episode below.</p>"
    yield "<div class='scroll'><table class='matrix'><thead><tr><th>kind</th>"
    yield "".join(f"<th><span>{escape(point)}</span></th>" for point in points) + "</tr></thead><tbody>"
    for kind in sorted({kind for _, kind in struck}):
        yield f"<tr><th scope='row'>{escape(kind)}</th>"
        for point in points:
            yield _cell(struck.get((point, kind)), drawn.get((point, kind)))
        yield "</tr>"
    yield "</tbody></table></div>"
    for name, tally in tallies.items():
        if tally.idle:
            yield f"<p class='idle'>{escape(name)}: planned, and never struck: {escape(', '.join(tally.idle))}</p>"
    yield "</section>"


def _cell(counts: Mapping[Result, int] | None, episode: int | None) -> str:
    if counts is None:
        return "<td></td>"
    times = sum(counts.values())
    kind = "bad" if counts["invalid"] else "good" if times else "idle"
    said = ", ".join(f"{count:,} {_IN_WORDS[result]}" for result, count in counts.items() if count) or "never struck"
    text = f"{times:,}" if episode is None else f"<a href='#episode-{episode}'>{times:,}</a>"
    return f"<td class='n {kind}' title='{said}'>{text}</td>"


def _drawn_in(shown: Sequence[Shown]) -> dict[tuple[str, str], int]:
    """Point and kind → the first episode shown in which it struck."""
    found: dict[tuple[str, str], int] = {}
    for number, one in enumerate(shown):
        for wire in one.history.of(Wire):
            if wire.fault:
                found.setdefault((wire.point, wire.kind), number)
    return found


def _truth(tallies: Mapping[str, Tally]) -> Iterator[str]:
    """The truth table: what was so, what the client saw, what was told."""
    rows: dict[tuple[str, str], dict[str, int]] = {}
    words: set[str] = set()
    for tally in tallies.values():
        for reached, count in tally.reached.items():
            row = rows.setdefault((reached.truth, reached.saw), {})
            row[reached.told] = row.get(reached.told, 0) + count
            words.add(reached.told)
    yield "<section><h2>The truth table, as far as it was reached</h2>"
    yield "<p class='note'>What was so when a client was told, what the first attempt came to, and how often it was "
    yield "told what.</p>"
    yield "<div class='scroll'><table><thead><tr><th>truth</th><th>the client saw</th>"
    heads = (escape(word.replace("_", " ")) for word in sorted(words))
    yield "".join(f"<th class='n'>told {head}</th>" for head in heads) + "</tr></thead><tbody>"
    for truth, saw in sorted({*rows, *_EXPECTED}, key=lambda row: (_TRUTHS.index(row[0]), row[1])):
        yield f"<tr><td>{escape(truth)}</td><td>{escape(saw)}</td>"
        if (truth, saw) in rows:
            row = rows[truth, saw]
            yield "".join(f"<td class='n'>{row[word]:,}</td>" if word in row else "<td></td>" for word in sorted(words))
        else:
            yield f"<td class='n idle' colspan='{max(1, len(words))}'>never reached</td>"
        yield "</tr>"
    yield "</tbody></table></div></section>"


def _episodes(shown: Sequence[Shown]) -> Iterator[str]:
    if not shown:
        return
    yield "<section><h2>Episodes</h2>"
    for number, one in enumerate(shown):
        worst = one.judgement.worst
        opened = " open" if number == 0 else ""
        yield f"<details id='episode-{number}'{opened}><summary><span class='{worst}'>{_BADGES[worst]}</span> "
        yield f"{escape(one.title)}</summary>"
        if one.text:
            yield f"<pre>{escape(one.text)}</pre>"
        yield f"<div class='scroll'>{lanes(one.history, one.effects)}</div>"
        for verdict in one.judgement.verdicts:
            for witness in verdict.witnesses:
                told = "\n".join(f"  {line}" for line in witness.lines) in one.text
                lines = "" if told else escape("\n".join(witness.lines))
                yield f"<p class='witness {verdict.result}'><b>I{int(verdict.invariant)}</b> {escape(witness.says)}</p>"
                yield f"<pre>{lines}</pre>" if lines else ""
        yield "</details>"
    yield "</section>"
