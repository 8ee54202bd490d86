"""Bytes to domain: front matter, Markdown, HTML, plain text; sanitising."""
