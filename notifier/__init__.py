"""The notifier: tells people what happened."""
