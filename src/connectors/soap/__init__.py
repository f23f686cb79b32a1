"""SOAP: any service that a WSDL describes, with the actions that are declared for it."""
