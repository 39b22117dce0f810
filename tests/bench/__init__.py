"""`make bench`: the bars of the project, measured on this machine. Not a test: nothing here fails for being slow."""
