"""A MEC host that one can run commands on."""
