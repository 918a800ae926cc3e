"""Access: write keys, staff accounts, sessions, tokens, one-time links, permissions, and the audit log."""

__all__ = [
    "accounts",
    "audit",
    "execution",
    "form_tokens",
    "keys",
    "one_time_links",
    "password_sign_in",
    "passwords",
    "permissions",
    "sessions",
    "staff_operations",
    "tokens",
]
