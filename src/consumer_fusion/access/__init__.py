"""Access: write keys, staff accounts, sessions, tokens, one-time links, permissions, and the audit log."""

__all__ = [
    "accounts",
    "audit",
    "execution",
    "form_tokens",
    "keys",
    "one_time_links",
    "passwords",
    "permissions",
    "sessions",
    "signing_in",
    "staff_operations",
    "tokens",
]
