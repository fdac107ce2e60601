"""Programs that base images carry: they run inside build containers, with Python's standard library only."""
