"""A new package as files: templates with the package's names, and what is drafted from a description."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..connectors.soap.source import on_one_line
from ..core.errors import InvalidRequest
from .naming import Names

_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".tmpl"


@dataclass(frozen=True, slots=True)
class Package:
    """The files of a new package.

    Args:
        names: Its names.
        files: Their texts, by path within the package's folder.
        skipped: What the description has and the package has not, a sentence each.
    """

    names: Names
    files: Mapping[str, str]
    skipped: tuple[str, ...] = field(default=())

    def write(self, folder: Path) -> list[Path]:
        """Write the files into a folder that has nothing in it, or is not there yet.

        Args:
            folder: The package's own folder.

        Raises:
            InvalidRequest: Something is there already, or it cannot be written; nothing was overwritten.
        """
        try:
            if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
                raise InvalidRequest(
                    f"{folder} is there already: nothing was written. Choose another name or --out", code="exists"
                )
            for name, text in self.files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise InvalidRequest(f"{folder} cannot be written ({error.strerror})", code="out") from None
        return [folder / name for name in self.files]


def package(
    names: Names,
    kind: str,
    slots: Mapping[str, str] | None = None,
    *,
    drafted: Mapping[str, str] | None = None,
    skipped: tuple[str, ...] = (),
    tried: bool = True,
) -> Package:
    """Fill in the templates of a kind.

    Args:
        names: The package's names.
        kind: The folder of templates, beside those that all packages have.
        slots: What stands in place of `@@NAME@@`.
        drafted: Further files whose text is whole, by path; `acme_erp` in a path is the package's name.
        skipped: What the description has and the package has not.
        tried: Whether its tests have anything to try; where they have not, they say so and are not red.
    """
    given = {"EXTRAS": "simulators"} if slots is None else slots
    made = {
        _named(path, names): _filled(_named(text, names), given)
        for folder in ("common", kind, *(() if tried else ("untried",)))
        for path, text in _templates(_TEMPLATES / folder)
    }
    made |= {_named(path, names): text for path, text in (drafted or {}).items()}
    return Package(names, made, tuple(map(on_one_line, skipped)))


def plain(names: Names) -> Package:
    """A package that speaks to an imaginary system over HTTP, to be made one's own."""
    return package(names, "plain")


def _templates(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob(f"*{_SUFFIX}")):
        yield path.relative_to(folder).as_posix().removesuffix(_SUFFIX), path.read_text(encoding="utf-8")


def _named(text: str, names: Names) -> str:
    """Put the package's names where the templates have those of their example."""
    forms = {"acme_erp": names.module, "AcmeErp": names.cls, "acme-erp": names.project, "Acme Erp": names.title}
    forms["ACME_ERP"] = names.module.upper()
    return _ordered(re.sub("|".join(forms), lambda found: forms[found[0]], text))


def _ordered(text: str) -> str:
    """Put what a line imports from the package's own modules into order, which depends on the package's name."""

    def in_order(found: re.Match[str]) -> str:
        return found[1] + ", ".join(sorted(found[2].split(", "), key=_rank))

    return re.sub(r"^(from \.\w+ import )(\w+(?:, \w+)+)$", in_order, text, flags=re.MULTILINE)


def _rank(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name.lower())


def _filled(text: str, slots: Mapping[str, str]) -> str:
    return re.sub(r"@@([A-Z_]+)@@", lambda found: slots[found[1]], text)


NOTHING_TRIED = "the tests have nothing to try: write samples into subject.py"


def listed(sentences: Sequence[str], otherwise: str = "Nothing.") -> str:
    """Sentences as a list for a page."""
    return "\n".join(f"- {on_one_line(one)}" for one in sentences) or otherwise


def literal(lines: Sequence[str], brackets: str, indent: str = "") -> str:
    """A list, tuple or mapping as Python source, one item a line; `[]` where there is none.

    Args:
        lines: The items, without comma.
        brackets: The opening and the closing one.
        indent: What stands before the line that it begins in.
    """
    inner = "".join(f"\n{indent}    {one}," for one in lines)
    return f"{brackets[0]}{inner}\n{indent}{brackets[1]}" if lines else brackets
