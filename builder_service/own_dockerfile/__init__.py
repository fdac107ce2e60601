"""A repository's own Dockerfile, carried out step by step in our own sandbox: no `docker build`, no BuildKit."""
