"""Reading declared SQL: one statement, parameters only as parameters, and nothing that commits by itself.

What is checked here is written by whoever configures Seawall. It guards against mistakes that would make an action
something else than one transaction, or that would let a request's text become SQL.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import text

READS: Final = frozenset({"select", "with", "values"})
PROCEDURES: Final = frozenset({"call", "exec", "execute"})
VERBS: Final = READS | PROCEDURES | {"insert", "update", "delete", "merge", "replace"}

_LITERAL = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`""")
_BIND = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
_INTERPOLATED = re.compile(r"\{\w*\}|%\(\w+\)s|%s|\?|\$\d")
_COMMENT = re.compile(r"--|/\*|\*/|(?<!\S)#")


class UnusableStatement(ValueError):
    """A declared statement cannot be used; the message says what to mend."""


class Reading(NamedTuple):
    """What a statement is.

    Args:
        sql: The statement without a closing semicolon.
        verb: Its first word, in lower case.
        parameters: The names of its parameters.
    """

    sql: str
    verb: str
    parameters: frozenset[str]


@lru_cache(maxsize=512)
def read(sql: str) -> Reading:
    """Read one statement.

    Args:
        sql: The text; parameters are written as `:name`.

    Raises:
        UnusableStatement: It is not one statement, takes text in other ways than by parameters, or does what would
            end the transaction that it runs in.
    """
    sql = sql.strip().removesuffix(";").strip()
    if "\x00" in sql:
        raise UnusableStatement("a statement holds no character NUL")
    literals = _LITERAL.findall(sql)
    bare = _LITERAL.sub(" '' ", sql)
    if any("\\" in literal for literal in literals):
        raise UnusableStatement("databases read a backslash inside quotes in two ways: pass the text as a parameter")
    if any(_BIND.search(literal) for literal in literals):
        raise UnusableStatement("a parameter inside quotes is text that is put together: write it without quotes")
    if re.search(r"['\"`]", bare.replace("''", "")):
        raise UnusableStatement("a quote is not closed")
    if re.search(r"\$\w*\$", bare):
        raise UnusableStatement("dollar quotes are not read: pass the text as a parameter")
    if _COMMENT.search(bare):
        raise UnusableStatement("leave comments out: databases differ in where they end")
    if ";" in bare:
        raise UnusableStatement("several statements in one string: declare each as a statement of its own")
    if found := _INTERPOLATED.search(bare):
        raise UnusableStatement(f"{found.group()} would put text into the statement: write :name, and declare name")
    verb = (re.match(r"\(*\s*(\w+)", bare) or [""])[0].lstrip("( ").lower()
    if verb not in VERBS:
        raise UnusableStatement(
            f"a statement begins with one of {', '.join(sorted(VERBS))}, not with {verb or 'nothing'!r}: what changes "
            "the schema, the session or the transaction is not part of an action"
        )
    return Reading(sql, verb, frozenset(text(sql).compile().params))


def is_identifier(name: str) -> bool:
    """Whether a name can be written into SQL as the name of a table or column."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$#]{0,62}", name) is not None
