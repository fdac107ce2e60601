"""Faults under load, at full length."""
