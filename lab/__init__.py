"""An edge emulated on one machine: MEC hosts, one user, three networks. Needs root, and nothing from Django."""
