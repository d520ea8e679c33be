"""Processes that fit and score for the server: they get numbers and give numbers, and know no keys, files or users."""
