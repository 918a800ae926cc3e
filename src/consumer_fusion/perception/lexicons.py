"""Lexicons: the usual words for parties, and for insults, in English and Italian.

A model of few complaints takes any accused party for the one that is accused most often, and insults are too rare for
it to be sure of one; the words themselves are plain. Role words are found with a precision of .97 on reviews (F1 .89),
while rules that guess from them whether a party is accused find one accusation in ten. So the words name the party or
the insult, and the model judges the clause.
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


def has_words(text: str) -> bool:
    """Whether a text has a word of any lexicon: quick, since most have none."""
    return _ANY.search(text) is not None


def find_roles(text: str) -> set[Party]:
    """The parties that a text names."""
    return {party for party, pattern in _ROLES.items() if pattern.search(text)}


_INSULT_WORDS = (
    r"idiots?|morons?|imbeciles?|fools?|clowns?|cretins?|useless|lazy|brainless|stupid|pathetic|incompetents?|"
    r"disgrace(?:ful)?|scum|crooks?|thieves|thief|parasites?|bloodsuckers?|liars?|donkeys?|go to hell|shame on|"
    r"(?:be|get) (?:fired|sacked)|(?:sack|fire) (?:them|him|her|the lot)|"
    r"idiot[aei]|cretin[oaie]|imbecill[ei]|deficient[ei]|incapac[ei]|fannullon[ei]|pagliacc[io]|buffon[ei]|inutil[ei]|"
    r"pigr[oaie]|scansafatiche|maleducat[oaie]|cafon[ei]|schif(?:o|os[oaie])|vergogna(?:tevi)?|ladr[oiae]|"
    r"truffator[ei]|bugiard[oaie]|parassit[ai]|sanguisugh[ae]|asin[oi]|patetic[oaie]|stupid[oaie]|senza cervello|"
    r"al diavolo|licenzia(?:re|teli|tel[aoe])|cacciatel[ieao]"
)
_ANY = re.compile(rf"\b(?:{'|'.join((*_WORDS.values(), _INSULT_WORDS))})\b", re.IGNORECASE)
_INSULTS = re.compile(rf"\b(?:{_INSULT_WORDS})\b", re.IGNORECASE)


def has_insult(text: str) -> bool:
    """Whether a text has a word that insults people, or asks for their dismissal."""
    return _INSULTS.search(text) is not None


FINGERPRINT = "\n".join((*(f"{party}: {words}" for party, words in _WORDS.items()), _INSULT_WORDS))
"""All that is looked for; a part of the id of the model."""
