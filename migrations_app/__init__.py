"""What the portal knows: hosts, layers, services and migrations, and the pages that show them."""
