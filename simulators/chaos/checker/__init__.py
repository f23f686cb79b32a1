"""The checker: a pure function of a history and the effect logs."""
