"""The audit from outside: checkpoints that are signed and exported, and what can be verified of it."""
