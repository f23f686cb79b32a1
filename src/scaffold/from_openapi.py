"""A package drafted from an OpenAPI description."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..connectors._modules import load_module
from ..core.errors import InvalidRequest
from .examples import NoExample, example_of, value_of
from .naming import Names
from .openapi.declared import KEY_LIFE, declared, effect_of, models
from .openapi.document import Document, Unsupported
from .openapi.drafts import Drafts
from .openapi.operations import HEADER, Operation, operations
from .openapi.reading import read
from .package import NOTHING_TRIED, Package, listed, literal, package


def from_openapi(names: Names, path: Path, *, only: Sequence[str] = ()) -> Package:
    """Draft a package.

    Args:
        names: Its names.
        path: The description, OpenAPI 3.0 or 3.1 in JSON or YAML.
        only: Only these operations; all if empty.

    Raises:
        InvalidRequest: It cannot be read, or nothing can be drafted from it.
    """
    document = read(path)
    found, skipped = operations(document, only)
    drafts = Drafts(document)
    kept: list[tuple[Operation, str, str, str]] = []
    for one in found:
        try:
            request, reply = drafts.operation(one)
            kept.append((one, request, reply, _record(drafts, one)))
        except Unsupported as why:
            skipped.append(f"{one.method.upper()} {one.path}: {why}")
    if not kept:
        raise InvalidRequest("nothing can be drafted from it: " + "; ".join(skipped), code="openapi")
    header, prefix, unknown = _authentication(document)
    skipped += [*drafts.left_out, *unknown]
    simulated, answering = _simulated(document, [one for one, *_ in kept])
    sources = {"models.py": models(document.title, drafts), "operations.py": declared(document.title, kept)}
    slots = {
        "EXTRAS": "simulators",
        "AUTH_HEADER": header,
        "AUTH_PREFIX": prefix,
        "ACTIONS": "\n".join(_decision(one) for one, *_ in kept),
        "LEFT_OUT": "",
        "TRIED": "",
        "URL": document.url or "https://erp.example.com/api",
    }
    drafted = {f"src/acme_erp/{name}": text for name, text in sources.items()}
    whole = package(names, "openapi", slots, drafted=drafted)
    tried: list[str] = []
    for one, problem in _problems(names, whole, [one for one, *_ in kept], answering):
        if problem:
            skipped.append(f"no test for {one.name}: {problem}")
        else:
            tried.append(one.name)
    if not tried:
        skipped.append(NOTHING_TRIED)
    slots |= {"LEFT_OUT": listed(skipped), "TRIED": literal([f'"{name}"' for name in tried], "[]")}
    drafted["src/acme_erp/simulated.json"] = json.dumps(simulated, indent=2, ensure_ascii=False) + "\n"
    return package(names, "openapi", slots, drafted=drafted, skipped=tuple(skipped), tried=bool(tried))


def _decision(operation: Operation) -> str:
    """What is to be decided about an action, as a line of a checklist."""
    where = f"`{operation.name}` ({operation.method.upper()} {operation.path})"
    effect = effect_of(operation)
    if effect == "READ":
        return f"- [ ] {where}: a read. Does it really change nothing?"
    says = {
        "CREATE": "a create",
        "OPAQUE": "opaque, because nothing says which version the caller saw",
        "SET": f"a set at the version in `{operation.version}`",
        "DELETE": f"a deletion at the version in `{operation.version}`",
    }[effect]
    if operation.key_header:
        key = f"{operation.key_header} takes our key, and it is believed to be remembered for {KEY_LIFE} s"
    else:
        key = "nothing keeps the system from doing it twice"
    accepted = " It is only accepted (202): is that all that you ask for?" if operation.status == 202 else ""
    facts = "Which facts make two requests the same request? As it is, all fields." if effect != "SET" else ""
    return f"- [ ] {where}: {says}; {key}.{accepted} {facts}".rstrip()


def _record(drafts: Drafts, operation: Operation) -> str:
    """Our name of the reply's field that is the record's id, as far as one can tell."""
    theirs = _id_of(drafts.document, operation) if operation.method != "get" else ""
    return drafts.fields(drafts.document.merged(operation.reply), read=True).get(theirs, "") if theirs else ""


def _id_of(document: Document, operation: Operation) -> str:
    if operation.shape != "object":
        return ""
    schema = document.merged(operation.reply)
    needed = [str(name) for name in schema.get("required", ()) if name in schema.get("properties", {})]
    named = [name for name in needed if name.lower() in ("id", "uuid", "guid")]
    return next(iter(named), next((name for name in needed if name.endswith(("Id", "_id", "ID"))), ""))


def _authentication(document: Document) -> tuple[str, str, list[str]]:
    """The header that the token goes into, what stands before it, and the ways to log in that are not drafted."""
    components = document.root.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, Mapping) else None
    without: list[str] = []
    for name, one in schemes.items() if isinstance(schemes, Mapping) else ():
        scheme = one if isinstance(one, Mapping) else {}
        kind, how = scheme.get("type"), str(scheme.get("scheme") or "").lower()
        if kind == "apiKey" and scheme.get("in") == "header" and HEADER.fullmatch(str(scheme.get("name", ""))):
            return str(scheme["name"]), "", without
        if kind in ("oauth2", "openIdConnect") or (kind == "http" and how == "bearer"):
            if kind != "http":
                without.append(f"log in by {name} ({kind}): a token of it is taken from the settings and never renewed")
            return "Authorization", "Bearer ", without
        if kind == "http" and how == "basic":
            without.append(f"log in by {name}: `token` is the Base64 text of `user:password`")
            return "Authorization", "Basic ", without
        without.append(f"log in by {name} ({kind or 'no type'}): nothing is drafted for it")
    return "Authorization", "Bearer ", without


def _simulated(document: Document, found: Sequence[Operation]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the simulator knows, and why it cannot answer some of the operations."""
    answers: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for one in found:
        example: Any = None
        try:
            if one.shape == "items":
                example = []
            elif one.shape != "none":
                example = value_of(one.reply, document.root)
        except NoExample as error:
            problems[one.name] = f"no answer can be made up: {error}"
        except (AttributeError, KeyError, TypeError, ValueError):
            problems[one.name] = "no answer can be made up: it is not written as OpenAPI has it"
        answers[one.name] = {
            "status": one.status,
            "shape": one.shape,
            "example": example,
            "echoes": _echoes(document, one),
            "id": _id_of(document, one),
            "key_header": one.key_header.lower(),
        }
    uuids = {
        one.path.rpartition("/")[0]
        for one in found
        for given in one.given
        if one.path.endswith(f"/{{{given.theirs}}}") and document.resolved(given.schema).get("format") == "uuid"
    }
    routes = [[one.name, one.method.upper(), one.path, "read" if one.method == "get" else "write"] for one in found]
    routes.sort(key=lambda route: route[2].count("{"))  # what is named is meant before what fits
    return {"routes": routes, "uuids": sorted(uuids), "answers": answers}, problems


def _echoes(document: Document, operation: Operation) -> list[str]:
    """The names whose value in a record may stand in the answer, because both have the same type."""
    if operation.shape != "object":
        return []
    properties = document.merged(operation.reply).get("properties", {})
    return [
        one.theirs
        for one in operation.given
        if one.place == "body" and one.theirs in properties and one.schema == properties[one.theirs]
    ]


def _problems(
    names: Names, whole: Package, found: Sequence[Operation], unanswered: Mapping[str, str]
) -> list[tuple[Operation, str]]:
    """For each operation why it cannot be tried by an example; empty if it can. Imports what was drafted."""
    with tempfile.TemporaryDirectory(prefix="seawall-new-") as folder:
        for name, text in whole.files.items():
            if name.startswith(f"src/{names.module}/") and name.endswith(".py"):
                (Path(folder) / name.rpartition("/")[2]).write_text(text, encoding="utf-8")
        before = set(sys.modules)
        try:
            made = load_module(str(Path(folder) / "operations.py")).OPERATIONS
            return [(one, unanswered.get(one.name) or _problem(made[one.name], one)) for one in found]
        finally:
            for module in set(sys.modules) - before:
                if module.startswith("seawall_actions_"):
                    del sys.modules[module]


def _problem(made: Any, operation: Operation) -> str:
    if operation.status == 202 and operation.method != "get":
        return "it is only accepted, and nothing proves that it is done"
    item = operation.path.endswith("}")
    try:
        example = example_of(made.action.request)
        fields = dict(example.fields)
        if item:
            last = next(one for one in operation.given if operation.path.endswith(f"{{{one.theirs}}}"))
            uuid = last.schema.get("format") == "uuid"
            fields[last.name] = "00000000-0000-4000-8000-000000000001" if uuid else "1001"
        made.action.request.model_validate(fields)
    except NoExample as error:
        return str(error)
    except ValueError:
        return "no example of its request can be made up"
    place = next((one for one in operation.given if one.name == example.place), None)
    if operation.method != "get" and not item and place is not None and place.place == "header":
        return f"what tells one request from another goes into a header ({place.theirs})"
    if operation.method != "get" and not item and place is None:
        return "nothing in its request tells one from another"
    return ""
