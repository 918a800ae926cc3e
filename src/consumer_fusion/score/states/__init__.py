"""The states that the store keeps: in blocks that are read as arrays, and the changes since they were written."""

__all__ = ["brand_snapshots", "kept_states"]
