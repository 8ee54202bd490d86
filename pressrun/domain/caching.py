"""For how long readers and CloudFront may keep what the site holds (`Cache-Control`, RFC 9111)."""

from __future__ import annotations

PAGE_CACHE = "public, max-age=60"
ASSET_CACHE = "public, max-age=86400"
FOREVER = "public, max-age=31536000, immutable"  # for names that hold a digest of what they stand for
