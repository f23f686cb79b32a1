"""Salesforce: cases, comments, follow-ups, queries and flows over the REST API."""
