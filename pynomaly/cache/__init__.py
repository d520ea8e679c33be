"""Finished answers kept for the next who asks: in memory, or in Redis for as long as Redis is well."""
