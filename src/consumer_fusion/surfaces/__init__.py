"""Surfaces: the command line, the APIs, the console and the report, over the same queries and operations."""
