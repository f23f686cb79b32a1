"""A policy in a file of its own: YAML, or Python. One that cannot be read denies everything."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from ..config import Config, names_a_file
from ..core.clock import Sources
from ..core.policy import Condition, Demand, Policy, Rate, Rule, When
from ..core.policy.policy import twice_named
from ..core.redaction import Secrets
from ..core.settings import Settings
from ..core.tiers import Standing

_log = logging.getLogger("seawall.policy")

ATTRIBUTE = "RULES"
"""What a Python file gives, unless another name follows it after a colon."""


class PolicyFileError(ValueError):
    """A policy cannot be read; the message says where and what to mend."""


class PolicyFile(Settings):
    """A policy as YAML.

    Args:
        rules: The rules in order; the first that matches decides, and what none matches is denied.
    """

    rules: tuple[Rule, ...] = Field(default=())

    @field_validator("rules")
    @classmethod
    def _each_by_its_name(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if (twice := twice_named(rules)) is not None:
            raise ValueError(f"two rules are named {twice!r}; each needs a name of its own")
        return rules


def policy_of(
    config: Config, standings: Mapping[str, Standing], sources: Sources, secrets: Secrets
) -> tuple[Policy, str | None]:
    """The policy of a configuration, and why it cannot be read, if it cannot.

    Args:
        config: The configuration.
        standings: System → what is proven of its adapter.
        sources: Makes the ids of decisions.
        secrets: Kept out of what is said.
    """
    rules: Sequence[Rule] = config.policy
    if config.policy_file is not None:
        try:
            rules = read_rules(config.policy_file)
        except PolicyFileError as error:
            why = secrets.scrub(str(error))
            _log.warning("the policy cannot be read, so everything is denied: %s", why)
            return Policy.unreadable(why, new_id=sources.new_id), why
    roles = {pattern: one.roles for pattern, one in config.principals.items()}
    return Policy(rules, standings, roles=roles, new_id=sources.new_id), None


def read_rules(place: str) -> tuple[Rule, ...]:
    """Read the rules of a policy.

    A Python file is run: it is code, and must come from whoever may change the program.

    Args:
        place: A YAML file, a Python file (`policy.py`, `policy.py:NAME`), or `module:attribute`.

    Raises:
        PolicyFileError: With the first thing to mend.
    """
    if not names_a_file(place):
        module, _, attribute = place.partition(":")
        return _given(place, lambda: importlib.import_module(module), attribute)
    path, _, attribute = place.partition(".py:")
    if attribute or place.endswith(".py"):
        file = Path(f"{path}.py" if attribute else place)
        _text_of(file)
        return _given(place, lambda: _run(file), attribute or ATTRIBUTE)
    return rules_of(_text_of(Path(place)), place)


def rules_of(text: str, place: str) -> tuple[Rule, ...]:
    """The rules in a YAML text.

    Args:
        text: The text.
        place: Its file, for messages.

    Raises:
        PolicyFileError: With the first thing to mend.
    """
    from .plain_yaml import Unreadable, load  # PyYAML is only for those who have such a file

    try:
        found = load(text)
    except Unreadable as error:
        raise PolicyFileError(f"{place} is not valid YAML: {error}") from None
    if not isinstance(found, dict):
        raise PolicyFileError(f"{place} must begin with `rules:`, and a list of rules below it")
    try:
        return PolicyFile.model_validate(found).rules
    except ValidationError as error:
        raise PolicyFileError(f"{place}: {_in_words(error, found)}") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PolicyFileError(f"there is no file {path}") from None
    except UnicodeDecodeError:
        raise PolicyFileError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise PolicyFileError(f"{path} cannot be read ({error.strerror})") from None


def _run(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location("seawall_policy", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _given(place: str, load: Any, attribute: str) -> tuple[Rule, ...]:
    try:
        given = getattr(load(), attribute)
    except ValidationError as error:
        raise PolicyFileError(f"{place}: {_in_words(error, {})}") from None
    except AttributeError:
        raise PolicyFileError(f"{place} has no {attribute}; give the rules that name, as a sequence of Rule") from None
    except Exception as error:  # noqa: BLE001 -- whatever the code of others raises
        raise PolicyFileError(f"{place} cannot be run ({type(error).__name__}: {error})") from None
    if not isinstance(given, Sequence) or not all(isinstance(one, Rule) for one in given):
        raise PolicyFileError(f"{attribute} in {place} must be a sequence of Rule")
    if (twice := twice_named(given)) is not None:
        raise PolicyFileError(f"{place}: two rules are named {twice!r}; each needs a name of its own")
    return tuple(given)


_MODELS: dict[str, type[Settings]] = {"when": When, "rate": Rate, "approval": Demand}


def _in_words(error: ValidationError, found: Mapping[str, Any]) -> str:
    """The first problem: which rule, which field, and what to write there."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = [str(part) for part in first["loc"] if not str(part).startswith(("function-", "lax-or-strict"))]
    said = first["msg"].removeprefix("Value error, ")
    model: type[Settings] = PolicyFile if found else Rule
    shown = list(where)
    if where[:1] == ["rules"] and len(where) > 1 and where[1].isdigit():
        model, shown = Rule, [_name(found, int(where[1])), *where[2:]]
    parts = shown[1:] if shown is not where and len(shown) > 1 else shown
    if len(parts) > 1 and parts[0] in _MODELS:
        model = _MODELS[parts[0]]
    elif len(parts) > 2 and parts[0] == "where":
        model = Condition
    if first["type"] == "extra_forbidden":
        said = _unknown(parts[-1], model)
    return f"{': '.join(filter(None, (shown[0], '.'.join(shown[1:])))) if shown else 'the policy'}: {said}"


def _name(found: Mapping[str, Any], place: int) -> str:
    rules = found.get("rules")
    rule = rules[place] if isinstance(rules, list) and place < len(rules) else None
    name = rule.get("name") if isinstance(rule, dict) else None
    return f"rule {name!r}" if name else f"rule {place + 1}"


def _unknown(name: str, model: type[Settings]) -> str:
    known = [field.alias or own for own, field in model.model_fields.items()]
    near = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    return f"there is no {name!r} here; {hint}"
