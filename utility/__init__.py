"""The small loops of the embedded platform in one process; each also runs alone."""
