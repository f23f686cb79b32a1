"""The usual way to call each system: the vendor's API, a few retries, a breaker."""
