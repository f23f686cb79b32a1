"""Records as SuiteCRM's own code handles them: what a save does with an id, with fields and with hooks.

Source: ``SugarBean::save``, ``retrieve`` and ``mark_deleted`` in ``data/SugarBean.php``; ``DBManager::updateSQL``,
whose UPDATE names only rows that are not deleted, so that an update of no row is a success like any other;
``modules/AOP_Case_Updates/CaseUpdatesHook.php`` for ``update_text`` and the status of a new case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .database import Database, Origin, Row
from .errors import FatalError, HookException
from .schema import FieldDef, Module
from .settings import SuiteCrmSettings, User
from .values import as_text, database_time, stored, truthy

_SLUG = 50
_SET_BY_THE_INSTANCE = frozenset({"id", "deleted", "date_modified", "modified_user_id"})


@dataclass(slots=True)
class Bean:
    """A record in memory, as one call works on it.

    Args:
        module: Its module.
        row: The row that it was retrieved from; None if there is none, or none that is not deleted.
        values: What the call set, as it was sent.
        id: Its id, retrieved or set; empty for a new record.
    """

    module: Module
    row: Row | None = None
    values: dict[str, Any] = field(default_factory=dict)
    id: str = ""

    def set(self, name: str, value: Any) -> None:
        """Set a property, whether or not there is a field of that name."""
        self.values[name] = value
        if name == "id":
            self.id = as_text(value)

    @property
    def deleted(self) -> bool:
        """Whether the call asks for its deletion."""
        return as_text(self.values.get("deleted", "0")) == "1"

    def get(self, name: str) -> str:
        """A property as it is now, set or retrieved."""
        if name in self.values:
            return as_text(self.values[name])
        return (self.row or {}).get(name) or ""


class Beans:
    """Retrieves and saves records.

    Args:
        database: The tables.
        settings: Its logic hooks: those that fail after the row was written, and case updates.
    """

    def __init__(self, database: Database, settings: SuiteCrmSettings) -> None:
        self.database = database
        self._settings = settings

    def retrieve(self, module: Module, record_id: str) -> Bean:
        """A bean with the row of an id, if there is one that is not deleted."""
        row = self.database.live(module, record_id) if record_id else None
        return Bean(module, row, id=(row["id"] or "") if row is not None else "")

    def save(self, origin: Origin, user: User, bean: Bean) -> str:
        """Insert or update: insert without an id, or with ``new_with_id``; otherwise update, be there a row or not.

        The answer is the id, which is no proof that there is a row of it.

        Raises:
            DatabaseFailure: An insert met a row with its id.
            HookException: A hook threw an exception; the row is written.
            FatalError: A hook ran into an error; the row is written.
        """
        self._case_updates(origin, user, bean)
        written = _written(bean)
        if bean.id == "" or truthy(bean.values.get("new_with_id")):
            if not truthy(bean.values.get("new_with_id")):
                bean.id = self.database.new_id()
            self._insert(origin, user, bean, written)
        else:
            self._update(origin, user, bean, written)
        self._after_save(bean)
        if bean.deleted:
            self.mark_deleted(origin, user, bean.module, bean.id)
        return bean.id

    def mark_deleted(self, origin: Origin, user: User, module: Module, record_id: str) -> None:
        """Mark a record as deleted, if there is one."""
        row = self.database.live(module, record_id)
        if row is not None:
            self.database.delete(origin, module, row, self._touched(user))

    def may_save(self, user: User, bean: Bean) -> bool:
        """Whether the user's roles allow to save a record; a record that is not there yet is its maker's own."""
        if not user.may("save", bean.module.name):
            return False
        if user.is_admin or bean.module.name not in user.owner_only or bean.row is None:
            return True
        return user.id in (bean.row.get("assigned_user_id"), bean.row.get("created_by"))

    def _insert(self, origin: Origin, user: User, bean: Bean, written: Mapping[str, str | None]) -> None:
        now = database_time(self.database.now())
        row: Row = {f.name: f.default for f in bean.module.fields.values() if f.stored}
        row |= {"date_entered": now, **self._touched(user), **written, "created_by": user.id}
        self.database.insert(origin, bean.module, {**row, "id": bean.id}, written)

    def _update(self, origin: Origin, user: User, bean: Bean, written: Mapping[str, str | None]) -> None:
        row = self.database.live(bean.module, bean.id)
        kept = {name: value for name, value in written.items() if name != "date_entered"}
        if row is not None and (kept or not bean.deleted):
            self.database.update(origin, bean.module, row, kept, self._touched(user))

    def _touched(self, user: User) -> Row:
        return {"date_modified": database_time(self.database.now()), "modified_user_id": user.id}

    def _case_updates(self, origin: Origin, user: User, bean: Bean) -> None:
        """What the case updates of a default installation do before a case is saved."""
        if bean.module.name != "Cases" or not self._settings.case_updates:
            return
        if bean.row is None:
            if as_text(bean.values.get("status")) == "New":
                bean.set("status", "Open_New")
            return
        if text := as_text(bean.values.pop("update_text", "")):
            update = Bean(self.database.modules["AOP_Case_Updates"])
            update.set("name", text if len(text) <= _SLUG else f"{text[:_SLUG]}...")
            update.set("description", text)
            update.set("case_id", bean.id)
            update.set("assigned_user_id", user.id)
            update.set("internal", truthy(bean.values.get("internal")))
            self.save(origin, user, update)

    def _after_save(self, bean: Bean) -> None:
        for hook in self._settings.hooks:
            if hook.module == bean.module.name and hook.contains in bean.get(hook.field):
                raise HookException(hook.message) if hook.raises == "exception" else FatalError(hook.message)


def _written(bean: Bean) -> dict[str, str | None]:
    """What the call wrote to columns: unknown fields are dropped, and so is what only the instance sets."""
    fields = bean.module.fields
    return {
        name: stored(fields[name], value)
        for name, value in bean.values.items()
        if name in fields and _writable(fields[name])
    }


def _writable(field: FieldDef) -> bool:
    return field.stored and not field.auto_increment and field.name not in _SET_BY_THE_INSTANCE
