"""The page: whole, self-contained, and true to the figures."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

from seawall.simulators.chaos import entries
from seawall.simulators.chaos.history import History
from seawall.simulators.chaos.report import Shown, render
from seawall.simulators.chaos.tally import Tally
from seawall.simulators.chaos.verdicts import Invariant, Judgement, Reached, Verdict, Witness

PLAN = {
    "faults": [
        {"id": "f1", "point": "after_commit", "kind": "reset"},
        {"id": "f2", "point": "after_commit", "kind": "reset"},
        {"id": "f3", "point": "connect", "kind": "dns"},
    ]
}
HISTORY = History(
    entries.Setting(name="toy", seed=1, plan=PLAN, systems={}, wanted={"toy.add/1": ()}),
    [
        entries.Asked(0.0, 1, "c1", "toy", "add", "toy.add/1", "d", 30.0),
        entries.Wire(0.1, "toy", "create", "write", "f1", "after_commit", "reset", 1),
        entries.Told(1.0, 1, "unknown", "maybe"),
    ],
)
SOUND = Judgement(
    tuple(Verdict(one, "valid") for one in Invariant),
    reached=Counter([Reached("toy.add", "applied", "no reply", "unknown")]),
    calls=1,
    sent=1,
)
WITNESS = Witness("Note was changed 2 times", "toy.add/1", ("t=0.00 c1 asks", "t=0.10 EFFECT insert <Note>"))
BROKEN = Judgement((Verdict(Invariant.NO_DUPLICATE, "invalid", (WITNESS,)),), calls=1, sent=1)

_VOID = {"meta", "circle", "rect", "line", "br"}


class Reader(HTMLParser):
    """Reads a page, and holds that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[list[str]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.loaded += [said[name] for name in ("src", "srcset", "data") if name in said]
        self.loaded += [said["href"]] if tag == "link" else []
        self.links += [said["href"]] if tag == "a" else []
        self.ids += [said["id"]] if "id" in said else []
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data


def page_of(*judgements: Judgement, title: str = "Chaos report") -> str:
    tally = Tally()
    shown = []
    for judgement in judgements:
        tally.count(HISTORY, judgement)
        shown.append(Shown("one <episode>", HISTORY, {}, judgement))
    return render(title, {"toy": tally}, shown)


def test_page_is_whole_and_loads_nothing_from_anywhere() -> None:
    page = page_of(SOUND, BROKEN, title="A & B")
    assert Reader(page).loaded == []
    assert "url(" not in page
    assert "@import" not in page
    assert "<h1>A &amp; B</h1>" in page


def test_verdict_is_good_only_if_nothing_broke() -> None:
    assert "Every promise held" in page_of(SOUND)
    assert "Promises were broken" in page_of(SOUND, BROKEN)


def test_subject_has_its_figures() -> None:
    rows = Reader(page_of(SOUND, BROKEN)).cells
    assert ["toy", "2", "2", "2", "2", "1.00", "0.00%", "1"] in rows


def test_matrix_counts_what_struck_names_what_never_did_and_leads_to_an_episode() -> None:
    read = Reader(page_of(SOUND, BROKEN))
    assert ["kind", "connect", "after_commit"] in read.cells
    assert ["reset", "", "2"] in read.cells
    assert ["dns", "0", ""] in read.cells
    assert read.links == ["#episode-0"]
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)


def test_truth_table_names_the_rows_that_were_never_reached() -> None:
    rows = Reader(page_of(SOUND)).cells
    assert ["applied", "no reply", "1"] in rows
    assert ["not applied", "refusal", "never reached"] in rows


def test_witness_is_told_and_what_it_quotes_is_escaped() -> None:
    page = page_of(BROKEN)
    assert "Note was changed 2 times" in page
    assert "EFFECT insert &lt;Note&gt;" in page
    assert "<Note>" not in page


def test_planned_fault_that_never_struck_is_named_and_leaves_the_last_invariant_open() -> None:
    page = page_of(SOUND)
    assert "toy: planned, and never struck: f2 (after_commit/reset), f3 (connect/dns)" in page
    assert "<li class='open'><b>I15</b> not vacuous <i>open: 2 never struck</i></li>" in page
    assert "<li class='good'><b>I2</b> no duplicate <i>held</i></li>" in page


def test_invariant_that_was_unclear_in_an_episode_is_not_called_held_alone() -> None:
    page = page_of(SOUND, Judgement((Verdict(Invariant.EVENTUAL_RESOLUTION, "unknown"),), calls=1, sent=1))
    assert "<li class='open'><b>I8</b> eventual resolution <i>open in 1 episode</i></li>" in page


def test_story_that_is_told_already_is_not_told_again_below() -> None:
    story = "I2 no duplicate\n" + "\n".join(f"  {line}" for line in WITNESS.lines)
    assert render("x", {}, [Shown("one", HISTORY, {}, BROKEN, story)]).count("t=0.00 c1 asks") == 1
    assert render("x", {}, [Shown("one", HISTORY, {}, BROKEN, "another story")]).count("t=0.00 c1 asks") == 1


def test_report_without_episodes_is_still_a_page_and_promises_nothing() -> None:
    assert "Nothing was tried" in render("Chaos report", {}, [])
    Reader(render("Chaos report", {}, []))
