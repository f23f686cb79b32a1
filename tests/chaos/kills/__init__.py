"""Worker processes that share a ledger and are killed and stopped, and a judge who knows what really happened."""
