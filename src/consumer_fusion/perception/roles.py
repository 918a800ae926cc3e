"""Roles: the parties that words name, by the usual words for them in English and Italian.

A model of few complaints takes any accused party for the one that is accused most often; the word for a cook or a
courier is plain. Such words are found with a precision of .97 on reviews (F1 .89), while rules that guess from them
whether a party is accused find one accusation in ten. So the words name the party, and the model judges the
accusation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from consumer_fusion.records.perception import Party

_WORDS: Mapping[Party, str] = {
    "front": (
        r"waiters?|waitress(?:es)?|servers?|bartenders?|barm[ae]n|hosts?|hostess(?:es)?|maître|cashiers?|clerks?|"
        r"receptionists?|porters?|concierge|shop assistants?|sales(?:man|woman|people|person)|assistants?|stewards?|"
        r"stewardess(?:es)?|conductors?|ushers?|attendants?|operators?|agents?|tellers?|"
        r"camerier[eaei]|barist[aei]|cassier[aei]|commess[aoei]|receptionist|portiere|impiegat[aoei]|"
        r"sportellist[aei]|operator[ei]|operatric[ei]|addett[aoei]|hostess|steward|controllor[ei]|mascher[ae]|"
        r"centralinist[aei]|bigliettai[oa]?"
    ),
    "kitchen": r"cooks?|chefs?|kitchen|cuoc(?:o|a|hi|he)|cucina|chef|pizzaiol[oi]|pasticcer[ei]",
    "production": (
        r"factory|factories|manufacturers?|seamstress(?:es)?|workshop|fabbrica|fabbricante|produttor[ei]|sartoria|"
        r"stabilimento"
    ),
    "carrier": (
        r"couriers?|delivery (?:man|woman|guy|driver)|postman|movers?|corrier[ei]|postin[oi]|trasportator[ei]|"
        r"fattorin[oi]|spedizionier[ei]"
    ),
    "technology": r"website|web site|app|server|system|software|router|sito|applicazione|sistema|modem",
    "management": (
        r"managers?|management|head office|owners?|board|direzione|direttor[ei]|direttrice|titolar[ei]|gestor[ei]|"
        r"propriet(?:ario|aria|à)"
    ),
}  # fmt: skip
_ROLES = {party: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for party, words in _WORDS.items()}


def find_roles(text: str) -> set[Party]:
    """The parties that a text names."""
    return {party for party, pattern in _ROLES.items() if pattern.search(text)}
