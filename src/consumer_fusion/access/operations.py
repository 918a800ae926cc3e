"""Operations on who and what may come in: write keys of sources, and tokens of programs that read."""

from __future__ import annotations

from consumer_fusion.access.key_operations import KEY_OPERATIONS, KEYS
from consumer_fusion.access.token_operations import TOKEN_OPERATIONS, TOKENS

GROUPS = (KEYS, TOKENS)
OPERATIONS = (*KEY_OPERATIONS, *TOKEN_OPERATIONS)
