"""SQL databases: declared actions over any dialect of SQLAlchemy."""
