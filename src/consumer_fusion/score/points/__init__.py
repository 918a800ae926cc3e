"""Points: the shipped table, a workspace's overrides, what experiments proved, and which version is effective."""

__all__ = ["calibration_bounds", "points_overrides", "points_store", "points_table"]
