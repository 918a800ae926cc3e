"""Alerts: rules on how a relationship changes, the webhooks they are sent to, and each delivery."""

__all__ = ["deliveries"]
