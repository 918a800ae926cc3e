"""Experiments: an action assigned at random, recorded in advance, compared afterwards; it may decide points."""

__all__ = ["compared_files", "experiment_store", "findings", "operations", "ranking", "rollout"]
