"""No clock, chance or network but the injected: `with strict():` makes every other use raise, with its place.

What libraries do for themselves is let through (a log record has its time); what counts is whose code makes the call.
But nothing may hold the process up while it works for our code, and connections to other machines are nobody's. What
cannot be seen: a function that an instance kept since before, `datetime` or `random.Random` imported within a function,
and the default factory of a class that is made within a function.
"""

from __future__ import annotations

import inspect
import random
import site
import socket
import sys
import sysconfig
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

from ..origin import ATTEMPT
from .captured import Replacements, names_in, places_in
from .place import Place
from .uninjected import CLASSES, Source, SourceClass, connecting, functions

_OWN: Final = __name__.partition(".")[0]
_OURSELVES: Final = (__name__, Source.__module__, places_in.__module__, Place.__module__)
_DEPTH: Final = 3  # callers that are named behind the place itself
_INSTALLED: Final = ("site-packages", "dist-packages")


_Same = tuple[tuple[str, ...], tuple[str, ...]]
_decided: dict[_Same, dict[tuple[str, str], bool]] = {}
"""What was found of each module under the same rules: simulations begin many times a second."""
_found: dict[_Same, tuple[tuple[int, ...], list[Place]]] = {}
"""The places that were found under the same rules, and among which modules."""


class NotInjectedError(RuntimeError):
    """Code in a simulation took time, chance, an id or a connection from outside."""


class _Rules:
    """Whose calls raise.

    Args:
        packages: Packages that are ours wherever they are installed.
        allow: Modules, with all below them, that may.
    """

    def __init__(self, packages: Collection[str], allow: Collection[str]) -> None:
        self.raised: list[NotInjectedError] = []
        self.places: list[Place] = []
        """What was replaced where it was captured."""
        self._allow = tuple(allow)
        self._bystanders = {*threading.enumerate()} - {threading.current_thread()}
        self.packages: tuple[str, ...] = ()
        self.same: _Same = (), self._allow
        self.count_in(packages)

    def count_in(self, packages: Collection[str]) -> bool:
        """Let packages be ours, too; False if they were."""
        joined = tuple(dict.fromkeys([*self.packages, *packages]))
        if joined == self.packages:
            return False
        self.packages, self.same = joined, (joined, self._allow)
        self._decided = _decided.setdefault(self.same, {})
        return True

    def is_ours(self, module: str, file: str) -> bool:
        """Whether code of a module must take what is injected."""
        if (decided := self._decided.get((module, file))) is None:
            named = _within(module, self.packages) or not _is_library(_written_in(module, file))
            decided = self._decided[module, file] = named and not self.is_allowed(module)
        return decided

    def is_allowed(self, module: str) -> bool:
        """Whether a module may use what it likes."""
        return _within(module, self._allow)

    def check(self, source: Source, frame: FrameType | None) -> None:
        """Raise if the caller is ours.

        Raises:
            NotInjectedError: It is.
        """
        places = self._places(frame, source)
        if not places or threading.current_thread() in self._bystanders:
            return
        then = "".join(f", from {place}" for place in places[1:])
        error = NotInjectedError(
            f"{source.title} was called in a simulation, at {places[0]}{then}; {source.instead} instead, "
            "or allow the module: strict(allow=[...])"
        )
        self.raised.append(error)
        raise error

    def _places(self, frame: FrameType | None, source: Source) -> list[str]:
        """Where our code makes the call, and what of ours led to it; nothing if it is not ours."""
        found: list[str] = []
        at = frame
        while at is not None and len(found) <= _DEPTH:
            module, file = at.f_globals.get("__name__", ""), at.f_code.co_filename
            if self.is_ours(module, file):
                found.append(_place_of(at))
            elif (at is frame and not (source.anyone or source.for_us)) or (
                source.for_us and not found and self.is_allowed(module)
            ):
                return []
            at = at.f_back
        for_us = source.for_us and (found or ATTEMPT.get())  # a thread of its own may do it for an attempt
        if frame is not None and ((source.anyone and not found) or (for_us and _place_of(frame) not in found[:1])):
            found.insert(0, _place_of(frame))
        # Generated code has no place that a person could open.
        return [place for place in found if not place.startswith("<")] or found


def _place_of(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name})"


def _within(module: str, packages: Collection[str]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in packages)


def _written_in(module: str, file: str) -> str:
    """The file of a frame's code; for generated code, such as a dataclass's `__init__`, its module's."""
    return file if not file.startswith("<") else getattr(sys.modules.get(module), "__file__", None) or file


@cache
def _is_library(file: str) -> bool:
    """Whether a file belongs to Python or to what is installed beside it, or is none that a person wrote."""
    return file.startswith("<") or any(Path(file).is_relative_to(folder) for folder in _libraries())


@cache
def _libraries() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    named = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    joined = [path for path in sys.path if Path(path).name in _INSTALLED]  # of another environment, by a .pth file
    return tuple(dict.fromkeys([*named, *site.getsitepackages(), site.getusersitepackages(), *joined]))


_active: list[_Rules] = []
_known: dict[tuple[str, int, bool], list[Place]] = {}


@contextmanager
def strict(*packages: str, allow: Collection[str] = ()) -> Iterator[list[NotInjectedError]]:
    """Let uses of what is not injected raise, where they are made by our code: Seawall's, the packages', the project's.

    All code counts as ours that is not installed as a library. A use whose error was caught on its way raises when
    the block ends. Blocks may be nested; the innermost decides.

    Args:
        packages: Packages that count as ours although they are installed: an adapter's own.
        allow: Modules, with all that is below them, that may use what they like.

    Yields:
        The errors so far.

    Raises:
        NotInjectedError: Something was used that is not injected.
    """
    rules = _Rules((_OWN, *packages), allow)
    _active.append(rules)
    try:
        if len(_active) == 1:
            rules.places += _replace_where_defined()
        rules.places += _replace_where_captured(rules)
        yield rules.raised
    finally:
        for place in reversed(rules.places):
            place.restore()
        _active.remove(rules)
    if rules.raised:
        raise rules.raised[0]


def count_in(*classes: type[Any]) -> None:
    """Let the packages of these classes be ours as well, from now on, for the innermost block; nothing outside of one.

    Args:
        classes: The classes.
    """
    if _active and _active[-1].count_in([_package_of(one.__module__) for one in classes]):
        _active[-1].places += _replace_where_captured(_active[-1])


def _package_of(module: str) -> str:
    """The topmost package of a module that is one distribution's own: a namespace, which has no file, is shared."""
    package, _, rest = module.partition(".")
    while rest and package in sys.modules and getattr(sys.modules[package], "__file__", None) is None:
        below, _, rest = rest.partition(".")
        package = f"{package}.{below}"
    return package


def _check(source: Source, frame: FrameType | None) -> None:
    if _active:
        _active[-1].check(source, frame)


def _caller(steps: int) -> FrameType | None:
    """The frame so many steps above this function."""
    frame = inspect.currentframe()
    for _ in range(steps):
        frame = None if frame is None else frame.f_back
    return frame


def _replace_where_defined() -> list[Place]:
    """Functions where everybody looks them up, and the way to the network."""
    places = [
        _place(vars(source.module), source.name, original, guard) for source, original, guard in _guarded_functions()
    ]
    for name, connect in _guarded_connections():
        places.append(_class_place(socket.socket, name, connect))
    return [place for place in places if place.replace()]


def _replace_where_captured(rules: _Rules) -> list[Place]:
    modules = tuple(map(id, sys.modules.values()))
    before, places = _found.get(rules.same, ((), []))
    if before != modules:
        places = _captured(rules)
        _found[rules.same] = modules, places
    return [place for place in places if place.replace()]


def _captured(rules: _Rules) -> list[Place]:
    places: list[Place] = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or name in _OURSELVES or not isinstance(module, ModuleType):
            continue
        ours = rules.is_ours(name, file)
        if (name, id(module), ours) not in _known:
            _known[name, id(module), ours] = (
                places_in(module, _replacements(), _guard_of_default) if ours else [*_sleeping_in(module)]
            )
        places += _known[name, id(module), ours]
    return places


def _sleeping_in(library: ModuleType) -> Iterator[Place]:
    """Where a library holds what it may not call for our code either."""
    for source, original, guard in _guarded_functions():
        if source.for_us and library is not source.module:
            yield from names_in(library, original, guard)


def _source_of(value: Any) -> Source | None:
    """What a function, class or class method takes from outside when it is called with nothing; None for nothing."""
    for source, original, _ in _guarded_functions():
        if value is original:
            return source
    for one in CLASSES:
        if value is one.real and one.unseeded:
            return one.source()
        if getattr(value, "__self__", None) is one.real and value.__name__ in one.methods:
            return one.source(value.__name__)
    return None


def _guard_of_default(factory: Any, module: str, field: str) -> Any:
    """The guard of a default factory, called by what is compiled; None where it takes nothing from outside."""
    source = _source_of(factory)
    if source is None:
        return None
    asked = replace(source, anyone=True, default_of=field)

    def guarded() -> Any:
        file = getattr(sys.modules.get(module), "__file__", None)
        if _active and file is not None and _active[-1].is_ours(module, file):
            _check(asked, _caller(2))
        return factory()

    return guarded


def _place(owner: dict[str, Any], name: str, original: Any, guard: Any) -> Place:
    return Place(lambda: owner.get(name), lambda one: owner.__setitem__(name, one), original, guard)


_ABSENT: Final = object()


def _class_place(owner: type[Any], name: str, guard: Any) -> Place:
    def put(one: Any) -> None:
        if one is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, one)

    return Place(lambda: vars(owner).get(name, _ABSENT), put, vars(owner).get(name, _ABSENT), guard)


@cache
def _guarded_functions() -> tuple[tuple[Source, Any, Any], ...]:
    return tuple((source, getattr(source.module, source.name), _guard(source)) for source in functions())


@cache
def _guarded_connections() -> tuple[tuple[str, Any], ...]:
    return tuple(connecting(lambda source: _check(source, _caller(3))))


def _guard(source: Source, real: Any = None) -> Callable[..., Any]:
    wrapped = getattr(source.module, source.name) if real is None else real

    def guarded(*args: Any, **named: Any) -> Any:
        if _active and not source.takes_nothing(args, named):
            _check(source, _caller(2))
        return wrapped(*args, **named)

    guarded.__name__ = guarded.__qualname__ = source.name.rpartition(".")[2]
    return guarded


@cache
def _replacements() -> Replacements:
    """What is replaced where it was captured: functions, classes, and modules that hold such a class."""
    found = {id(original): (original, guard) for _, original, guard in _guarded_functions()}
    stand_ins: dict[ModuleType, dict[str, Any]] = {}
    for one in CLASSES:
        real = one.real
        if id(real) not in found:
            found[id(real)] = (real, _stand_in(one, real))
        stand_ins.setdefault(one.module, {})[one.name] = found[id(real)][1]
    for module, attributes in stand_ins.items():
        found[id(module)] = (module, _stand_in_module(module, attributes))
    return found


def _stand_in(source: SourceClass, real: type[Any]) -> type[Any]:
    """A class that does as the real one does, but for what asks outside."""
    asked = source.source()
    system = issubclass(real, random.SystemRandom)

    class Standing(type):
        def __call__(cls, *args: Any, **named: Any) -> Any:
            if source.unseeded and _active and (system or (args[:1] in ((), (None,)) and not named)):
                _check(asked, _caller(2))
            return real(*args, **named)

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, other: type) -> bool:
            return other is cls or issubclass(other, real)

        def __getattr__(cls, name: str) -> Any:
            return getattr(real, name)

        def __eq__(cls, other: object) -> bool:
            return other is cls or other is real

        def __hash__(cls) -> int:
            return hash(real)

    methods = {name: staticmethod(_guard(source.source(name), getattr(real, name))) for name in source.methods}
    return Standing(real.__name__, (), {"__module__": real.__module__, "__doc__": real.__doc__, **methods})


def _stand_in_module(real: ModuleType, attributes: dict[str, Any]) -> ModuleType:
    class Standing(ModuleType):
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    module = Standing(real.__name__, real.__doc__)
    vars(module).update(attributes)
    return module
