"""Runs a parsed query: checks names and types against the schema, filters, sorts, and shows the chosen fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from .errors import ApiError
from .records import Record, Records
from .schema import FieldDef, ObjectDef
from .soql import pointed
from .syntax import (
    Combine,
    Compare,
    Condition,
    Literal_,
    Moment,
    Not,
    Order,
    Path,
    RelativeDate,
    Select,
    Text,
    like_pattern,
)
from .values import as_id, from_stamp

Value = Callable[[Record], Any]
Test = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Column:
    """A path that was found in the schema: its field, how to read it, and which lookups lead to it."""

    field: FieldDef
    names: Path
    steps: tuple[tuple[str, ObjectDef], ...]
    read: Value


class Selection:
    """One query against one org.

    Args:
        select: The parsed query.
        records: The org's records.
        deleted: Whether rows in the recycle bin are seen, as by queryAll.

    Raises:
        ApiError: ``INVALID_TYPE``, ``INVALID_FIELD`` or ``INVALID_QUERY_FILTER_OPERATOR``.
    """

    def __init__(self, select: Select, records: Records, *, deleted: bool = False) -> None:
        self._select = select
        self._records = records
        self._deleted = deleted
        found = records.schema.get(select.object)
        if found is None:
            message = (
                f"sObject type '{select.object}' is not supported. If you are attempting to use a custom object, "
                "be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call "
                "for the appropriate names."
            )
            raise ApiError("INVALID_TYPE", pointed(select.text, select.object_column, message))
        self.object = found
        self._columns = [self._column(path, column) for path, column in select.fields]
        self._orders = [(order, self._sortable(order)) for order in select.order]
        self._test = self._compiled(select.where) if select.where is not None else None

    def rows(self) -> list[Record]:
        """The rows that match, in order, within LIMIT and OFFSET."""
        test = self._test
        rows = [r for r in self._candidates() if test is None or test(r)]
        for order, column in reversed(self._orders):
            _sort(rows, column.read, order)
        end = None if self._select.limit is None else self._select.offset + self._select.limit
        return rows[self._select.offset : end]

    def show(self, row: Record, root: str) -> dict[str, Any]:
        """A row as the answer has it; `root` is the path of the versioned API."""
        shown: dict[str, Any] = {"attributes": _attributes(self.object.name, row, root)}
        for column in self._columns:
            place, record, owner = shown, row, self.object
            for (lookup, target), name in zip(column.steps, column.names[:-1], strict=True):
                parent = self._records.get(target.name, record.get(lookup) or "")
                if parent is None:
                    place[name] = None
                    break
                record, owner = parent, target
                place = place.setdefault(name, {"attributes": _attributes(owner.name, parent, root)})
            else:
                place[column.field.name] = record.get(column.field.name)
        return shown

    def _candidates(self) -> Iterable[Record]:
        for part in _conjuncts(self._select.where):
            if not isinstance(part, Compare) or part.op not in ("=", "in") or len(part.path) != 1 or self._deleted:
                continue
            field = self.object.field(part.path[0])
            if field is None or not all(isinstance(value, Text) for value in part.values):
                continue
            texts = [value.value for value in part.values if isinstance(value, Text)]
            if field.name == "Id":
                found = {r["Id"]: r for text in texts if (r := self._records.get(self.object.name, text))}
                return [row for row in found.values() if not row["IsDeleted"]]
            if field.indexed:
                rows = (row for text in texts for row in self._records.find(self.object, field, text))
                return sorted({r["Id"]: r for r in rows}.values(), key=lambda row: str(row["Id"]))
        return self._records.rows(self.object.name, deleted=self._deleted)

    def _column(self, path: Path, at: int) -> Column:
        obj, steps = self.object, []
        names = list(path)
        if len(names) > 1 and names[0].lower() == obj.name.lower():
            del names[0]
        last = names[-1]
        for name in names[:-1]:
            lookup = obj.relationships.get(name.lower())
            target = self._records.schema.get(lookup.reference_to[0]) if lookup and lookup.reference_to else None
            if lookup is None or target is None:
                message = (
                    f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom "
                    "relationship, be sure to append the '__r' after the custom relationship name. Please reference "
                    "your WSDL or the describe call for the appropriate names."
                )
                raise ApiError("INVALID_FIELD", pointed(self._select.text, at, message))
            steps.append((lookup.name, target))
            obj = target
        field = obj.field(last)
        if field is None:
            message = (
                f"No such column '{last}' on entity '{obj.name}'. If you are attempting to use a custom field, "
                "be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe "
                "call for the appropriate names."
            )
            raise ApiError("INVALID_FIELD", pointed(self._select.text, at, message))
        return Column(field, tuple(names), tuple(steps), self._reader(field.name, tuple(steps)))

    def _reader(self, name: str, steps: tuple[tuple[str, ObjectDef], ...]) -> Value:
        if not steps:
            return lambda record: record.get(name)

        def read(record: Record) -> Any:
            current: Record | None = record
            for lookup, target in steps:
                current = self._records.get(target.name, current.get(lookup) or "") if current else None
            return current.get(name) if current else None

        return read

    def _sortable(self, order: Order) -> Column:
        column = self._column(order.path, order.column)
        if not column.field.filterable:
            message = f"field '{column.field.name}' can not be sorted in a query call"
            raise ApiError("INVALID_FIELD", pointed(self._select.text, order.column, message))
        return column

    def _compiled(self, condition: Condition) -> Test:
        match condition:
            case Combine("and", parts):
                tests = [self._compiled(part) for part in parts]
                return lambda record: all(test(record) for test in tests)
            case Combine(_, parts):
                tests = [self._compiled(part) for part in parts]
                return lambda record: any(test(record) for test in tests)
            case Not(part):
                inner = self._compiled(part)
                return lambda record: not inner(record)
            case Compare():
                return self._comparison(condition)

    def _comparison(self, compare: Compare) -> Test:
        column = self._column(compare.path, compare.column)
        field, read = column.field, column.read
        if not field.filterable:
            message = f"field '{field.name}' can not be filtered in a query call"
            raise ApiError("INVALID_FIELD", pointed(self._select.text, compare.column, message))
        if compare.op == "like":
            return self._like(compare, field, read)
        bounds = [self._bounds(field, value, compare.column) for value in compare.values]
        fold = _folding(field)
        if compare.op in ("=", "in"):
            return lambda record: any(_within(fold(read(record)), bound) for bound in bounds)
        if compare.op in ("!=", "not in"):
            return lambda record: not any(_within(fold(read(record)), bound) for bound in bounds)
        if field.type in ("boolean", "reference", "id") or compare.values[0] is None:
            raise ApiError("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field")
        return _ordering(compare.op, bounds[0], lambda record: fold(read(record)))

    def _like(self, compare: Compare, field: FieldDef, read: Value) -> Test:
        if field.type in ("boolean", "int", "double", "date", "datetime", "reference", "id"):
            raise ApiError("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field")
        assert isinstance(compare.values[0], Text)
        pattern = like_pattern(compare.values[0])
        return lambda record: isinstance(value := read(record), str) and pattern.fullmatch(value) is not None

    def _bounds(self, field: FieldDef, value: Literal_, at: int) -> tuple[Any, Any]:
        """The first and last value that a literal stands for: a date stands for a whole day of a datetime."""
        if value is None:
            return None, None
        kind = field.type
        if kind in ("datetime", "date") and isinstance(value, RelativeDate | date | Moment):
            return self._days(kind, value)
        if kind == "boolean" and isinstance(value, bool):
            return value, value
        if kind in ("int", "double") and isinstance(value, float):
            return value, value
        if kind not in ("datetime", "date", "boolean", "int", "double") and isinstance(value, Text):
            text: str | None = value.value
            if kind in ("id", "reference") and (text := as_id(value.value)) is None:
                raise ApiError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value.value}")
            folded = _folding(field)(text)
            return folded, folded
        wanted = {"datetime": "dateTime", "textarea": "string", "picklist": "string"}.get(kind, kind)
        quotes = "should be enclosed in quotes" if wanted in ("string", "id") else "should not be enclosed in quotes"
        message = f"value of filter criterion for field '{field.name}' must be of type {wanted} and {quotes}"
        raise ApiError("INVALID_FIELD", pointed(self._select.text, at, message))

    def _days(self, kind: str, value: RelativeDate | date | Moment) -> tuple[Any, Any]:
        if isinstance(value, Moment):
            moment = value.seconds if kind == "datetime" else _day(value.seconds)
            return moment, moment
        today = _day(self._records.now())
        if isinstance(value, RelativeDate):
            match value.name:
                case "LAST_N_DAYS":
                    first, last = today - timedelta(days=value.days), today
                case "NEXT_N_DAYS":
                    first, last = today + timedelta(days=1), today + timedelta(days=value.days)
                case _:
                    first = today + timedelta(days={"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}[value.name])
                    last = first
        else:
            first = last = value
        if kind == "date":
            return first, last
        midnight = datetime.combine(first, time(), UTC).timestamp()
        return midnight, datetime.combine(last, time(), UTC).timestamp() + 86_399


def _conjuncts(condition: Condition | None) -> tuple[Condition, ...]:
    if condition is None:
        return ()
    return condition.parts if isinstance(condition, Combine) and condition.op == "and" else (condition,)


def _attributes(name: str, record: Mapping[str, Any], root: str) -> dict[str, str]:
    return {"type": name, "url": f"{root}/sobjects/{name}/{record['Id']}"}


def _day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _folding(field: FieldDef) -> Callable[[Any], Any]:
    """How stored values of a field are compared: text without case, timestamps as seconds."""
    match field.type:
        case "datetime":
            return lambda value: None if value is None else from_stamp(value)
        case "date":
            return lambda value: None if value is None else date.fromisoformat(value)
        case "boolean" | "int" | "double" | "id" | "reference":
            return lambda value: value
    if field.case_sensitive:
        return lambda value: value
    return lambda value: None if value is None else str(value).lower()


def _within(value: Any, bound: tuple[Any, Any]) -> bool:
    first, last = bound
    if value is None or first is None:
        return value is None and first is None
    return bool(first <= value <= last)


def _ordering(op: str, bound: tuple[Any, Any], read: Value) -> Test:
    first, last = bound
    tests: dict[str, Callable[[Any], bool]] = {
        "<": lambda value: value < first,
        "<=": lambda value: value <= last,
        ">": lambda value: value > last,
        ">=": lambda value: value >= first,
    }
    test = tests[op]
    return lambda record: (value := read(record)) is not None and test(value)


def _sort(rows: list[Record], read: Value, order: Order) -> None:
    def key(row: Record) -> Any:
        value = read(row)
        return value.lower() if isinstance(value, str) else value

    nulls = [row for row in rows if read(row) is None]
    filled = sorted((row for row in rows if read(row) is not None), key=key, reverse=order.descending)
    rows[:] = filled + nulls if order.nulls_last else nulls + filled
