"""All history compared: as columns in memory, grouped by what may be averaged with each other, told as tables and charts."""
