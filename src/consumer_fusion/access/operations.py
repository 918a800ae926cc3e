"""Operations on access: staff, write keys of sources, and tokens of programs that read."""

from __future__ import annotations

from consumer_fusion.access.key_operations import KEY_OPERATIONS, KEYS
from consumer_fusion.access.staff_operations import STAFF, STAFF_OPERATIONS
from consumer_fusion.access.token_operations import TOKEN_OPERATIONS, TOKENS

GROUPS = (STAFF, KEYS, TOKENS)
OPERATIONS = (*STAFF_OPERATIONS, *KEY_OPERATIONS, *TOKEN_OPERATIONS)
