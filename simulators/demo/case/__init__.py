"""The demonstration's second act: an agent works a support case over MCP, and a person decides about the refund."""
