"""Points: the shipped table, a workspace's overrides, results of experiments, and the effective version."""

__all__ = ["calibration_bounds", "points_overrides", "points_store", "points_table"]
