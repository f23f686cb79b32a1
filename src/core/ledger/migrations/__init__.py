"""The way from each version of the tables to the next, by Alembic. Loaded by `seawall ledger upgrade|check` only."""
