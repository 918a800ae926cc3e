"""The texts that people of the town write, in English and in Italian, by occasion and brand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumer_fusion.simulate.town_brands import TRADES

LANGUAGES = ("en", "it")

PHRASES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "product fails": (
        ("The {product} broke after two days. I want my money back.",
         "Very disappointed with the {product}: not at all what I paid for.",
         "Something is wrong with my {product}. Please have a look."),
        ("Ho un problema con {product}: non funziona come promesso. Rivoglio i soldi.",
         "Molto deluso: {product} non vale quello che ho pagato.",
         "Qualcosa non va con {product}. Potete controllare?"),
    ),
    "service fails": (
        ("I waited forty minutes and nobody answered me.",
         "Your staff sent me from one desk to the next. Nobody felt responsible.",
         "I was promised a call on Monday. It is Friday."),
        ("Ho aspettato quaranta minuti e nessuno mi ha risposto.",
         "Il personale mi ha mandato da uno sportello all'altro, nessuno si sentiva responsabile.",
         "Mi avevate promesso una telefonata per lunedì. È venerdì."),
    ),
    "public complaint": (
        ("Never again {brand}. They do not care about people.",
         "Dear {brand}, this is how you lose people. Shame.",
         "If you think of {brand}, think twice."),
        ("Mai più {brand}. Non gli importa delle persone.",
         "Cara {brand}, così si perdono le persone. Vergogna.",
         "Se pensate a {brand}, pensateci due volte."),
    ),
    "good review": (
        ("Lovely {product}, I will come back.", "The {product} was worth every cent.",
         "Friendly people, and the {product} is just right."),
        ("Ottimo: {product}. Tornerò.", "Per {product} ho speso bene ogni centesimo.",
         "Persone gentili, e {product} è proprio come volevo."),
    ),
    "middling review": (
        ("The {product} is fine, nothing special.", "All right for the price."),
        ("Niente di speciale {product}, ma va bene.", "Va bene per il prezzo."),
    ),
    "bad review": (
        ("I would not buy the {product} again.", "The {product} was a let-down, and nobody apologised."),
        ("Non ricomprerei {product}.", "Una delusione {product}, e nessuno si è scusato."),
    ),
    "praise": (
        ("Just left {brand} with a smile.", "Say what you like, {brand} knows its trade."),
        ("Appena uscito da {brand} con il sorriso.", "Dite quello che volete, {brand} sa il suo mestiere."),
    ),
    "question": (
        ("Hello, can you tell me where my {product} is?", "How can I change my {product}?",  # words: as is
         "I cannot log in. Can you help me?"),
        ("Buongiorno, mi sapete dire a che punto è: {product}?", "Come posso cambiare {product}?",
         "Non riesco ad accedere. Potete aiutarmi?"),
    ),
    "amends": (
        ("We are sorry. We have replaced it and it will not happen again.",
         "You were right, and we have put it right. Thank you for telling us."),
        ("Ci dispiace. L'abbiamo sostituito e non succederà più.",
         "Aveva ragione, e abbiamo rimediato. Grazie di avercelo detto."),
    ),
}  # fmt: skip
"""By occasion: in English, in Italian; `{brand}` and `{product}` are filled in."""


@dataclass(frozen=True, slots=True)
class PhraseTable:
    """All phrases filled in, indexed by occasion.

    Attributes:
        texts: All texts of the town; the first is the artist's.
        shelves: By occasion: first position and number of texts, each indexed by language and brand.
    """

    texts: tuple[str, ...]
    shelves: Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]

    def pick(
        self,
        occasion: str,
        languages: npt.NDArray[np.int64],
        brands: npt.NDArray[np.int64],
        chance: np.random.Generator,
    ) -> npt.NDArray[np.int64]:
        """Positions in `texts` of a suitable text for each person and brand."""
        first, count = self.shelves[occasion]
        draw = chance.random(len(brands))
        positions: npt.NDArray[np.int64] = first[languages, brands] + (
            draw * count[languages, brands]
        ).astype(np.int64)
        return positions


def fill_phrases(first_text: str) -> PhraseTable:
    """Fill in every phrase for every brand and product.

    Args:
        first_text: The text at position 0.
    """
    texts, shelves = [first_text], {}
    for occasion, by_language in PHRASES.items():
        first = np.zeros((len(LANGUAGES), len(TRADES)), np.int64)
        count = np.zeros_like(first)
        for language, templates in enumerate(by_language):
            for brand, trade in enumerate(TRADES):
                name = trade.brand.replace("-", " ").title()
                filled = {
                    template.format(brand=name, product=product[language])
                    for template in templates
                    for product in trade.products
                }
                first[language, brand], count[language, brand] = len(texts), len(filled)
                texts.extend(sorted(filled))
        shelves[occasion] = (first, count)
    return PhraseTable(tuple(texts), shelves)
