"""Pressrun: articles in, pages, feeds and newsletters out."""

__version__ = "0.1.0"
