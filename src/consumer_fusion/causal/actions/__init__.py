"""Actions: what brands did on purpose, declared before their effects are measured."""

__all__ = ["actions", "declared_actions", "operations"]
