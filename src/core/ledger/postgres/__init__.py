"""The ledger on PostgreSQL, shared by many processes and machines."""
