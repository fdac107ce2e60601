"""The archiver: decides when a finished run's results leave hot storage."""
