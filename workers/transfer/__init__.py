"""How bytes cross from source to target, never through the portal."""
