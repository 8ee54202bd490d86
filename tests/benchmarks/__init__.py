"""What `make bench` measures: Pressrun beside Hugo, Pelican and Eleventy, and the parts of one publish."""
