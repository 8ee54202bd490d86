"""Drivers of the ports."""
