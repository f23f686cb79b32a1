"""A NetSuite-style ERP: a ready profile of the SOAP connector."""
