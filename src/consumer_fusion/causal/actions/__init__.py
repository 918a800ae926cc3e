"""Actions: deliberate acts of brands, declared before their effects are measured."""

__all__ = ["actions", "declared_actions", "operations"]
