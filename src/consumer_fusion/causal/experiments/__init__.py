"""Experiments: an action assigned at random, recorded before it, compared after it; it may decide points."""

__all__ = ["compared_files", "experiment_store", "findings", "ranking", "rollout"]
