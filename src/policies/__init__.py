"""Policies as people keep them: read from files, reviewed, and tried on what was recorded."""
