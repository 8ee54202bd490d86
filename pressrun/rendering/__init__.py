"""Domain to bytes: pages and feeds."""
