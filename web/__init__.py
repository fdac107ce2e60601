"""The web service: pages, REST API, worker API; the only writer of its tables."""
