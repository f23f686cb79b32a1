"""What an OpenAPI description says, as far as a package can be drafted from it."""
