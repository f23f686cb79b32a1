"""Declared operations and models of a description, as Python source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...connectors.soap.source import names_in, plain, quoted
from .drafts import Drafts
from .operations import Operation, Place

KEY_LIFE: Final = 3600
"""Seconds for which a target is believed to remember an idempotency key, until somebody reads its documentation."""


def effect_of(operation: Operation) -> str:
    """The effect class: the strongest that the description vouches for."""
    if operation.method == "get":
        return "READ"
    if operation.method == "post":
        return "CREATE"
    if not operation.version:
        return "OPAQUE"  # a SET or DELETE without a version could overwrite what the caller never saw
    return "DELETE" if operation.method == "delete" else "SET"


def models(title: str, drafts: Drafts) -> str:
    """The module of models."""
    text = "\n\n\n".join(drafts.sources)
    used = names_in(text)
    imports = ["import datetime as dt"] if "dt" in used else []
    if typing := [name for name in ("Annotated", "Any", "Literal", "TypeAlias") if name in used]:
        imports.append(f"from typing import {', '.join(typing)}")
    imports += ["from uuid import UUID"] if "UUID" in used else []
    third = ["BaseModel", "ConfigDict", *(["Field"] if "Field" in used else [])]
    head = f'"""What the operations of {plain(title)[:40]} take and answer. Drafted by `seawall new`: edit it."""'
    bases = '''class Part(BaseModel):
    """Base of what requests are made of: nothing that the description does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PartRead(Reply):
    """Base of replies and of what they are made of; what is added later is ignored."""

    model_config = ConfigDict(populate_by_name=True)'''
    packages = f"from pydantic import {', '.join(third)}\nfrom seawall.core.adapter import Reply, Request"
    blocks = [head, "from __future__ import annotations", "\n".join(imports), packages]
    return "\n\n".join(block for block in blocks if block) + f"\n\n\n{bases}\n\n\n{text}\n"


def declared(title: str, operations: Sequence[tuple[Operation, str, str, str]]) -> str:
    """The module of operations.

    Args:
        title: What is described.
        operations: Each with the names of its request, its reply and the reply's id.
    """
    facts = {"Action", "EffectClass"}
    facts |= {_dedupe(one).partition("(")[0] for one, *_ in operations if one.method != "get"}
    entries = "".join(_entry(*one) for one in operations)
    return f'''"""The actions of {plain(title)[:40]}, each with its request. Drafted by `seawall new`.

What was guessed is listed in the README, to be decided.
"""

from __future__ import annotations

from collections.abc import Mapping

from seawall.core.adapter import {", ".join(sorted(facts))}

from . import models
from .wire import Operation

OPERATIONS: Mapping[str, Operation] = {{
{entries}}}
'''


def _entry(operation: Operation, request: str, reply: str, record: str) -> str:
    effect = effect_of(operation)
    lines = [
        f'name="{operation.name}",',
        *_description(operation),
        f"request=models.{request},",
        f"reply=models.{reply},",
        f"effect=EffectClass.{effect},",
    ]
    if operation.method != "get":
        named = identity(operation)
        tuple_ = ", ".join(quoted(name) for name in named) + ("," if len(named) == 1 else "")
        if len(tuple_) > 80:
            lines += ["identity=(", *(f"    {quoted(name)}," for name in named), "),"]
        else:
            lines.append(f"identity=({tuple_}),")
        lines += [f'version="{operation.version}",'] if effect in ("SET", "DELETE") else []
        lines.append(f"dedupe={_dedupe(operation)},")
    action = "".join(f"            {line}\n" for line in lines)
    rest = [
        f'method="{operation.method.upper()}",',
        f"path={quoted(operation.path)},",
        f'answers="{operation.shape}",',
    ]
    for word, place in (("in_path", "path"), ("in_query", "query"), ("in_headers", "header"), ("in_body", "body")):
        rest += _mapping(operation, word, place)  # type: ignore[arg-type] # one of the places
    rest += [f"key_header={quoted(operation.key_header)},"] if operation.key_header else []
    rest += [f'record="{record}",'] if record else []
    body = "".join(f"        {line}\n" for line in rest)
    return f'    "{operation.name}": Operation(\n        action=Action(\n{action}        ),\n{body}    ),\n'


def identity(operation: Operation) -> list[str]:
    """The fields that make two requests the same request: all, if no version says what was seen."""
    names = [one.name for one in operation.given]
    if effect_of(operation) in ("SET", "DELETE"):
        return [*(one.name for one in operation.given if one.place == "path"), operation.version]
    return names or ["reference"]


def _dedupe(operation: Operation) -> str:
    return f"NativeKey(ttl={KEY_LIFE}.0)" if operation.key_header else "NoDedupe()"


def _description(operation: Operation) -> list[str]:
    text = plain(operation.text)[:300] or plain(f"{operation.method.upper()} {operation.path}: say what it does.")
    if len(text) <= 90:
        return [f'description="{text}",']
    words, pieces = text.split(" "), [""]
    for word in words:
        if len(pieces[-1]) + len(word) > 90:
            pieces.append("")
        pieces[-1] += f"{word} "
    pieces[-1] = pieces[-1].rstrip()
    first, *others = [f'"{piece}"' for piece in pieces if piece]
    return [f"description={first}", *others[:-1], f"{others[-1]},"] if others else [f"description={first},"]


def _mapping(operation: Operation, word: str, place: Place) -> list[str]:
    pairs = [one for one in operation.given if one.place == place]
    if not pairs:
        return []
    if any(not one.theirs for one in pairs):
        return [f'{word}="{pairs[0].name}",']
    return [f"{word}={{", *(f'    "{one.name}": {quoted(one.theirs)},' for one in pairs), "},"]
