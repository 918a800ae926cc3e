"""Experiments: an action assigned at random, recorded before it, compared after it; it may decide points."""

__all__ = ["analysis", "assignment", "compared_files", "experiment_store", "ranking", "rollout"]
