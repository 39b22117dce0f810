"""The lists: what each can be searched, filtered and sorted by, and its columns. The server does it; the address keeps it."""
