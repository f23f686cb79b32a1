"""The legacy order database in three dialects: tables, a procedure, and the triggers that record what really happened.

The truth is in one table that no client is told of. Its rows are written by triggers in the transaction that changes
the data, so that what was rolled back leaves no trace, and what was committed always does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

TRUTH: Final = "zz_truth"
"""The hidden table."""

COLUMNS: Final = {
    "customers": ("customer_no", "name", "email", "city"),
    "orders": ("order_no", "customer_no", "status", "ordered_on", "total_cents", "note", "version"),
    "order_lines": ("order_no", "line_no", "sku", "quantity", "price_cents"),
    "stock": ("sku", "on_hand"),
    "shipments": ("shipment_no", "order_no", "carrier", "shipped_on"),
    "order_history": ("entry_no", "order_no", "what", "entered_by"),
}
"""The tables and their columns; the first one is the key that effects are known by."""

_NUMBERED = {
    "sqlite": "INTEGER PRIMARY KEY",
    "postgresql": "BIGSERIAL PRIMARY KEY",
    "mysql": "BIGINT AUTO_INCREMENT PRIMARY KEY",
}


def tables(dialect: str) -> Iterator[str]:
    """The statements that make the tables.

    Args:
        dialect: `sqlite`, `postgresql` or `mysql`.
    """
    numbered = _NUMBERED[dialect]
    end = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4" if dialect == "mysql" else ""
    # The city is from the time before Unicode.
    city = "VARCHAR(60) CHARACTER SET latin1" if dialect == "mysql" else "VARCHAR(60)"
    yield (
        f"CREATE TABLE customers (customer_no VARCHAR(10) PRIMARY KEY, name VARCHAR(60) NOT NULL, "
        f"email VARCHAR(120), city {city}){end}"
    )
    yield (
        "CREATE TABLE orders (order_no VARCHAR(10) PRIMARY KEY, "
        "customer_no VARCHAR(10) NOT NULL REFERENCES customers (customer_no), status CHAR(2) NOT NULL, "
        "ordered_on CHAR(8) NOT NULL, total_cents INTEGER NOT NULL, note VARCHAR(200), "
        f"version INTEGER NOT NULL DEFAULT 1){end}"
    )
    yield (
        "CREATE TABLE order_lines (order_no VARCHAR(10) NOT NULL, line_no INTEGER NOT NULL, sku VARCHAR(20) NOT NULL, "
        f"quantity INTEGER NOT NULL, price_cents INTEGER NOT NULL, PRIMARY KEY (order_no, line_no)){end}"
    )
    yield f"CREATE TABLE stock (sku VARCHAR(20) PRIMARY KEY, on_hand INTEGER NOT NULL CHECK (on_hand >= 0)){end}"
    yield (
        f"CREATE TABLE shipments (shipment_no {numbered}, order_no VARCHAR(10) NOT NULL, carrier VARCHAR(20) NOT NULL, "
        f"shipped_on CHAR(8) NOT NULL){end}"
    )
    yield (
        f"CREATE TABLE order_history (entry_no {numbered}, order_no VARCHAR(10) NOT NULL, what VARCHAR(200) NOT NULL, "
        f"entered_by VARCHAR(40) NOT NULL){end}"
    )
    text = "LONGTEXT" if dialect == "mysql" else "TEXT"
    yield (
        f"CREATE TABLE {TRUTH} (seq {numbered}, at DOUBLE PRECISION NOT NULL, kind VARCHAR(6) NOT NULL, "
        f"tbl VARCHAR(20) NOT NULL, row_id VARCHAR(40) NOT NULL, old {text}, new {text}){end}"
    )
    if dialect == "mysql":
        # MyISAM knows no transactions: what is written here stays, whatever becomes of the rest.
        yield (
            "CREATE TABLE shipping_audit (entry_no BIGINT AUTO_INCREMENT PRIMARY KEY, order_no VARCHAR(10) NOT NULL, "
            "what VARCHAR(200) NOT NULL) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4"
        )


def triggers(dialect: str) -> Iterator[str]:
    """The statements that make the triggers of the truth."""
    if dialect == "postgresql":
        yield from _postgres_triggers()
        return
    for table, columns in COLUMNS.items():
        for kind, old, new in (("insert", False, True), ("update", True, True), ("delete", True, False)):
            yield _trigger(dialect, table, columns, kind, old=old, new=new)


def procedures(dialect: str) -> Iterator[str]:
    """The statements that make the procedure `ship_order`; SQLite has none."""
    if dialect == "postgresql":
        yield """
            CREATE PROCEDURE ship_order(which VARCHAR, by_carrier VARCHAR) LANGUAGE plpgsql AS $$
            BEGIN
              UPDATE orders SET status = 'SH', version = version + 1 WHERE order_no = which AND status = 'PK';
              IF NOT FOUND THEN RAISE EXCEPTION 'order % is not packed', which USING ERRCODE = 'P0001'; END IF;
              INSERT INTO shipments (order_no, carrier, shipped_on)
                VALUES (which, by_carrier, to_char(current_date, 'YYYYMMDD'));
              UPDATE stock SET on_hand = on_hand - l.quantity
                FROM order_lines l WHERE l.order_no = which AND l.sku = stock.sku;
              INSERT INTO order_history (order_no, what, entered_by) VALUES (which, 'shipped', 'ship_order');
            END $$"""
    elif dialect == "mysql":
        yield """
            CREATE PROCEDURE ship_order(which VARCHAR(10), by_carrier VARCHAR(20))
            BEGIN
              INSERT INTO shipping_audit (order_no, what) VALUES (which, 'asked for');
              UPDATE orders SET status = 'SH', version = version + 1 WHERE order_no = which AND status = 'PK';
              IF ROW_COUNT() = 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the order is not packed'; END IF;
              INSERT INTO shipments (order_no, carrier, shipped_on)
                VALUES (which, by_carrier, DATE_FORMAT(CURRENT_DATE, '%Y%m%d'));
              UPDATE stock JOIN order_lines l ON l.sku = stock.sku
                SET stock.on_hand = stock.on_hand - l.quantity WHERE l.order_no = which;
              INSERT INTO order_history (order_no, what, entered_by) VALUES (which, 'shipped', 'ship_order');
            END"""


def _trigger(dialect: str, table: str, columns: tuple[str, ...], kind: str, *, old: bool, new: bool) -> str:
    def row(name: str, wanted: bool) -> str:  # noqa: FBT001 -- OLD or NEW, there or not
        if not wanted:
            return "NULL"
        pairs = ", ".join(f"'{column}', {name}.{column}" for column in columns)
        return f"json_object({pairs})"

    clock = "(julianday('now') - 2440587.5) * 86400.0" if dialect == "sqlite" else "UNIX_TIMESTAMP(SYSDATE(6))"
    key = f"{'NEW' if new else 'OLD'}.{columns[0]}"
    insert = (
        f"INSERT INTO {TRUTH} (at, kind, tbl, row_id, old, new) "  # noqa: S608 -- names of ours alone
        f"VALUES ({clock}, '{kind}', '{table}', {key}, {row('OLD', old)}, {row('NEW', new)})"
    )
    body = f"BEGIN {insert}; END" if dialect == "sqlite" else insert
    return f"CREATE TRIGGER truth_{table}_{kind} AFTER {kind.upper()} ON {table} FOR EACH ROW {body}"


def _postgres_triggers() -> Iterator[str]:
    # SECURITY DEFINER: clients may write the data and cannot see the truth.
    yield f"""
        CREATE FUNCTION record_truth() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE old_row jsonb; new_row jsonb;
        BEGIN
          IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD); END IF;
          IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW); END IF;
          INSERT INTO {TRUTH} (at, kind, tbl, row_id, old, new) VALUES (
            extract(epoch FROM clock_timestamp()), lower(TG_OP), TG_TABLE_NAME,
            coalesce(new_row, old_row) ->> TG_ARGV[0], old_row::text, new_row::text);
          RETURN NULL;
        END $$"""  # noqa: S608 -- names of ours alone
    for table, columns in COLUMNS.items():
        yield (
            f"CREATE TRIGGER truth AFTER INSERT OR UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION record_truth('{columns[0]}')"
        )
