"""What the chaos mark says, and one clear sentence for each mistake in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seawall.simulators.chaos.marked import MarkError, files, merged


def mark(*args: Any, **kwargs: Any) -> Any:
    return pytest.mark.chaos(*args, **kwargs).mark


def test_marks_of_a_test_its_class_and_its_module_are_one_and_the_closest_has_its_way() -> None:
    marks = [mark(seeds=5), mark(subject="soap", seeds=9), mark(plans="a.yaml", subject="sql")]
    assert merged(marks) == {"seeds": 5, "subject": "soap", "plans": "a.yaml"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (mark("soap"), "takes names only, such as seeds=25, and not 'soap' by itself"),
        (mark(seed=3), "takes no 'seed'; did you mean 'seeds'?"),
        (mark(seeds="25"), "takes a number of seeds, and not '25'"),
        (mark(seeds=-1), "takes a number of seeds, and not -1"),
        (mark(seeds=True), "takes a number of seeds, and not True"),
        (mark(seeds=0), "plays nothing"),
    ],
)
def test_mark_that_cannot_be_meant_so_is_refused(given: Any, says: str) -> None:
    with pytest.raises(MarkError, match=re.escape(says)):
        merged([given])


def test_files_are_named_by_text_or_path_from_the_root_or_absolutely(tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    one, two = tmp_path / "plans" / "one.yaml", tmp_path / "plans" / "two[1].yaml"
    for path in (one, two):
        path.write_text("", encoding="utf-8")
    for pattern in ("plans/*.yaml", Path("plans/*.yaml"), tmp_path / "plans" / "*.yaml", str(tmp_path / "**/*.yaml")):
        assert list(files("plans", pattern, tmp_path)) == [str(one), str(two)]
    assert list(files("plans", [Path("plans/two[1].yaml"), str(one)], tmp_path)) == [str(two), str(one)]
    assert list(files("plans", (), tmp_path)) == []


@pytest.mark.parametrize(
    ("patterns", "says"),
    [
        ("plans/*.yml", "plans name plans/*.yml, and there is no such file in "),
        (("gone.yaml",), "plans name gone.yaml, and there is no such file in "),
        ("plans", "plans name plans, and there is no such file in "),
        ((3,), "plans are paths of files or patterns of them, and not 3"),
        (3, "plans are paths of files or patterns of them, and not 3"),
        ("", "plans are paths of files or patterns of them, and not ''"),
    ],
)
def test_pattern_that_finds_no_file_is_refused(tmp_path: Path, patterns: Any, says: str) -> None:
    (tmp_path / "plans").mkdir()
    with pytest.raises(MarkError, match=re.escape(says)):
        list(files("plans", patterns, tmp_path))


MISTAKES = """
    import pytest

    @pytest.mark.chaos({said})
    def test_it({takes}):
        pass
"""


@pytest.mark.parametrize(
    ("said", "takes", "says"),
    [
        ("seed=3", "chaos", "takes no 'seed'; did you mean 'seeds'?"),
        ("plans='none/*.yaml'", "chaos", "plans name none/*.yaml, and there is no such file"),
        ("seeds=3", "tmp_path", "has no effect on a test that does not take the fixture `chaos`"),
    ],
)
def test_mistake_in_a_mark_is_one_line_at_collection(suite: pytest.Pytester, said: str, takes: str, says: str) -> None:
    suite.makepyfile(MISTAKES.format(said=said, takes=takes))
    result = suite.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*::test_it: the chaos mark*{says}*"])
    assert "Traceback" not in result.stdout.str()


def test_marks_of_a_class_hold_for_its_tests(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.chaos(subject="soap", seeds=9)
        class TestThem:
            @pytest.mark.chaos(seeds=2)
            def test_it(self, chaos):
                chaos.call(None, "book_credit", 1)

            def test_without(self, tmp_path):
                pass
        """
    )
    suite.runpytest_inprocess().assert_outcomes(passed=3)


def test_flag_for_runs_adds_no_seeds_where_the_mark_wants_none(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.chaos(seeds=0, scenarios="lost.yaml")
        def test_it(chaos):
            assert chaos.scenario is not None
        """
    )
    (suite.path / "lost.yaml").write_text(
        "subject: soap\ncalls: [{action: book_credit, sample: 1}]\n", encoding="utf-8"
    )
    suite.runpytest_inprocess("--chaos-runs", "5").assert_outcomes(passed=1)
