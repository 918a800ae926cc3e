"""Migrations of the file of arrivals, in the form of those of the store."""
