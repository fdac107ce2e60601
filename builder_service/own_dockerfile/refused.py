"""Why a Dockerfile is not used."""


class Refused(Exception):
    """The Dockerfile cannot be built here, or would not give this repository's tool; the text completes
    “The repository's Dockerfile is not used: …”."""
