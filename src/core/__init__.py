"""What every connector shares: effects, identity, the ledger and recovery. Knows no protocol and no vendor."""
