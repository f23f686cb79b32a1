"""Everything that one simulated instance is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..effects import EffectLog
from ..journal import Journal
from .beans import Beans
from .database import Database, Row
from .schema import Module, Modules, build_modules
from .sessions import Sessions
from .settings import SuiteCrmSettings
from .tokens import Tokens


@dataclass(frozen=True, slots=True)
class Suite:
    """One instance; the functions that answer requests get it as their first argument."""

    settings: SuiteCrmSettings
    modules: Modules
    database: Database
    beans: Beans
    sessions: Sessions
    tokens: Tokens

    @classmethod
    def build(
        cls, settings: SuiteCrmSettings, effects: EffectLog, now: Callable[[], float], journal: Journal | None
    ) -> Suite:
        """An instance with the records that its journal kept."""
        modules = build_modules(settings.custom_fields)
        database = Database(modules, effects, now, journal)
        return cls(
            settings,
            modules,
            database,
            Beans(database, settings),
            Sessions(settings, now),
            Tokens(settings, now, database.tokens, database.keep),
        )

    def shown(self, module: Module, row: Row) -> Mapping[str, str]:
        """The fields of a record that is read, those without a column of their own included; NULL is empty."""
        values = {name: row.get(name) or "" for name, field in module.fields.items() if field.stored}
        if "last_name" in module.fields:
            values["name"] = f"{values['first_name']} {values['last_name']}".strip()
        if "account_name" in module.fields:
            account = self.database.live(self.modules["Accounts"], values["account_id"])
            values["account_name"] = (account or {}).get("name") or ""
        return values
