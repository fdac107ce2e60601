"""Load on a platform of its own, a simulator of the same policy at any size, and the report of both."""
