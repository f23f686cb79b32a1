"""Simulated systems with hidden effect logs and seeded faults. Written from vendor documentation only."""
