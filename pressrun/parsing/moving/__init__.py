"""Exports of other systems, read: one module for each, and what they share."""
