"""What the portal does: move a running service from one MEC host to another."""
