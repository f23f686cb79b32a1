"""A legacy database, and a wire to it that breaks where it is told to."""
