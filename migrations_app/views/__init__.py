"""Pages: thin functions that read, ask `actions` to write, and show."""
