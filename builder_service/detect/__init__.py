"""One file per language: what a repository's files say about building and running its tool."""
