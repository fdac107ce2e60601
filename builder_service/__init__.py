"""The builder: a Git link becomes an image that answers."""
