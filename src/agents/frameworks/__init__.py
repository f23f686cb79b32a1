"""The same tools for other frameworks: one module for each, none of which decides anything of its own."""
