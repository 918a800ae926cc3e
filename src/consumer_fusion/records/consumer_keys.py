"""Keys of consumers that are e-mail addresses: stored in the normal form used for comparison."""

from __future__ import annotations

import re

_ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_OPENING = r"^(\x27|mailto:)+"


def is_email_address(key: str) -> bool:
    """Whether a key is an e-mail address."""
    return re.fullmatch(_ADDRESS, key) is not None


def fold_key(key: str) -> str:
    """A key in stored form: an e-mail address in lower case, without the prefixes of spreadsheets and links.

    >>> fold_key("mailto:Anna@Example.org"), fold_key("C-17")
    ('anna@example.org', 'C-17')
    """
    bare = re.sub(_OPENING, "", key.lower())
    return bare if is_email_address(bare) else key


def fold_key_sql(text: str) -> str:
    """The same as an SQL expression over a text."""
    bare = f"regexp_replace(lower({text}), '{_OPENING}', '')"
    return f"case when contains({text}, '@') and regexp_full_match({bare}, '{_ADDRESS}') then {bare} else {text} end"
