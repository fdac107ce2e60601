"""The runner: one run, one sandboxed container."""
