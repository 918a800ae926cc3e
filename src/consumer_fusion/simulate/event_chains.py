"""Chains of events in a town: an order leads to a delivery, a failure to a complaint, a question to an answer.

Each method takes pairs and times and writes all events that follow from them. They are drawn at random by the pair's
affinity and the trade; failures lower the affinity from then on and recoveries give most of it back.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.simulate.event_columns import EventTable, write_json
from consumer_fusion.simulate.phrases import PhraseTable
from consumer_fusion.simulate.population import Booleans, Floats, Integers, Population
from consumer_fusion.simulate.town_brands import TRADES

DAY_SECONDS = 86_400
HOUR_SECONDS = 3_600
FAILURE_COST = 0.9
RECOVERED_SHARE = 0.75
ON_RECORD_SHARE = 0.9
POST_TRUST = 0.25
"""Trust in public posts by people whose account is not linked."""

_PRODUCTS = pa.array([product[0] for trade in TRADES for product in trade.products])
_PRODUCT_COUNT = np.array([len(trade.products) for trade in TRADES])
_FIRST_PRODUCT = np.cumsum(_PRODUCT_COUNT) - _PRODUCT_COUNT
_MEDIAN_VALUE = np.array([trade.median_value for trade in TRADES])
_VALUE_SPREAD = np.array([trade.value_spread for trade in TRADES])
_ONLINE_SHARE = np.array([trade.online_share for trade in TRADES])
_IS_SHIPPED = np.array([trade.is_shipped for trade in TRADES])
_FAILURE_SHARE = np.array([trade.failure_share for trade in TRADES])
_PRODUCT_BLAME = np.array([trade.product_blame for trade in TRADES])
_GIVES_TO_SHELTER = np.array([trade.trade in {"grocery", "culture"} for trade in TRADES])


class EventChains:
    """Writes the events that follow from orders, failures and questions.

    Attributes:
        affinity: Affinity of each pair in the current week.
        shocks: By week: pairs and the change of their affinity at its end.
    """

    def __init__(self, population: Population, sheet: EventTable, phrases: PhraseTable) -> None:
        self.population = population
        self.sheet = sheet
        self.phrases = phrases
        self.affinity: Floats = population.home_affinity.copy()
        self.shocks: dict[int, list[tuple[Integers, Floats]]] = defaultdict(list)

    def add_orders(
        self, chance: np.random.Generator, pairs: Integers, seconds: Integers, week: int
    ) -> Integers:
        """Orders and their consequences: delivery, coupon, cancellation, refund, failure, review, gift, donation."""
        person, brand = self.population.person[pairs], self.population.brand[pairs]
        size = len(pairs)
        value: Floats = np.round(
            _MEDIAN_VALUE[brand] * np.exp(_VALUE_SPREAD[brand] * chance.normal(size=size)), 2
        )
        is_online = chance.random(size) < _ONLINE_SHARE[brand]
        has_email = is_online & self.population.has_second_key[person]
        is_guest = has_email & (chance.random(size) < 0.4)
        products = _PRODUCTS.take(pa.array(self._pick_products(chance, brand)))
        channel = pc.if_else(pa.array(is_online), "web", "shop")
        numbers = self.sheet.add(
            "Order Completed", person, brand, seconds, channel=channel, value=value,
            has_email=has_email, is_guest=is_guest, properties=write_json(product=products),
        )  # fmt: skip
        ids = self.sheet.write_ids(numbers)
        is_gone = chance.random(size) < 0.015
        is_by_brand = is_gone & (chance.random(size) < 0.3)
        for mask, who in ((is_gone & ~is_by_brand, "consumer"), (is_by_brand, "brand")):
            self.sheet.add(
                "Order Cancelled", person[mask], brand[mask], seconds[mask] + 2 * HOUR_SECONDS, channel="web",
                value=value[mask], properties=write_json(cancelled_by=who, order_event_id=_keep(ids, mask)),
            )  # fmt: skip
        is_live = ~is_gone
        self._add_deliveries(chance, person, brand, seconds, is_live & is_online & _IS_SHIPPED[brand])
        mask = is_live & (chance.random(size) < 0.05)
        self.sheet.add(
            "Coupon Applied", person[mask], brand[mask], seconds[mask], channel="web",
            value=np.round(value[mask] * 0.1, 2), properties=write_json(order_event_id=_keep(ids, mask)),
        )  # fmt: skip
        has_failed = is_live & (
            chance.random(size) < _FAILURE_SHARE[brand] * np.exp(-0.3 * self.affinity[pairs])
        )
        self._add_refunds(chance, person, brand, seconds, value, ids, is_live & is_online, has_failed)
        later = seconds + np.where(_IS_SHIPPED[brand], 3 * DAY_SECONDS, HOUR_SECONDS)
        self.add_failures(chance, pairs[has_failed], later[has_failed], week)
        mask = is_live & (chance.random(size) < np.where(has_failed, 0.2, 0.06))
        self._add_reviews(
            chance, pairs[mask], later[mask] + 2 * DAY_SECONDS, has_failed[mask], _keep(ids, mask)
        )
        mask = is_live & _GIVES_TO_SHELTER[brand] & (chance.random(size) < 0.02)
        self.sheet.add(
            "Donation Matched", person[mask], brand[mask], seconds[mask] + 60, channel="web",
            value=np.round(value[mask] * 0.05, 2),
            properties=write_json(cause="local shelter", order_event_id=_keep(ids, mask)),
        )  # fmt: skip
        mask = is_live & (chance.random(size) < 0.012 * np.exp(0.5 * self.affinity[pairs]))
        for is_confirmed in (True, False):
            chosen = mask & (chance.random(size) < 0.5)
            mask &= ~chosen
            self.sheet.add(
                "Gift Received", person[chosen], brand[chosen], later[chosen], channel="post",
                properties=write_json(magnitude=chance.integers(1, 4, int(chosen.sum())), confirmed=is_confirmed),
            )  # fmt: skip
        return numbers

    def add_failures(
        self, chance: np.random.Generator, pairs: Integers, seconds: Integers, week: int
    ) -> None:
        """Failures and their consequences: complaints in private and in public, help, and sometimes a recovery."""
        person, brand = self.population.person[pairs], self.population.brand[pairs]
        size = len(pairs)
        is_product = chance.random(size) < _PRODUCT_BLAME[brand]
        severity: Floats = chance.choice([0.3, 0.6, 1.0], size, p=[0.5, 0.35, 0.15])
        is_recorded = chance.random(size) < ON_RECORD_SHARE
        kinds = pc.if_else(pa.array(is_product), "Product Failed", "Service Failed")
        numbers = self.sheet.add(
            _keep(kinds, is_recorded), person[is_recorded], brand[is_recorded], seconds[is_recorded],
            channel="shop", properties=write_json(severity=severity[is_recorded]),
        )  # fmt: skip
        ids = np.full(size, -1)
        ids[is_recorded] = numbers
        # An unrecorded failure shows only by a complaint; the product derives the failure from it.
        draw = chance.random(size)
        is_told = np.where(is_recorded, draw < 0.4, True)
        is_public = np.where(is_recorded, chance.random(size) < 0.07 * (1 + severity), draw < 0.1)
        told_at = seconds + (chance.exponential(0.7 * DAY_SECONDS, size)).astype(np.int64) + 600
        for has_record in (True, False):
            for is_aloud in (True, False):
                mask = (is_recorded == has_record) & (is_public if is_aloud else is_told & ~is_public)
                self._add_complaints(
                    chance, mask, pairs, told_at, severity, is_product, ids, is_aloud=is_aloud
                )
        asked = is_told & ~is_public
        self.add_contacts(chance, pairs[asked], told_at[asked] + 120, has_question=False)
        is_mended = is_recorded & (is_told | is_public) & (chance.random(size) < 0.5)
        mended_at = told_at + (DAY_SECONDS * (1 + chance.exponential(3.0, size))).astype(np.int64)
        self.sheet.add(
            "Recovery", person[is_mended], brand[is_mended], mended_at[is_mended], channel="email",
            text=self._pick_texts("amends", chance, pairs[is_mended]),
            properties=write_json(about_event_id=self.sheet.write_ids(ids[is_mended])),
        )  # fmt: skip
        if not self.sheet.is_caused:
            # Failures of caused orders do not change the affinity, so that the town without effects stays comparable.
            self.shocks[week].append((pairs, -FAILURE_COST * severity))
            weeks_on = (mended_at - seconds) // (7 * DAY_SECONDS)
            gain = RECOVERED_SHARE * FAILURE_COST * severity
            for on in np.unique(weeks_on[is_mended]):
                chosen = is_mended & (weeks_on == on)
                self.shocks[week + int(on)].append((pairs[chosen], gain[chosen]))

    def add_contacts(
        self, chance: np.random.Generator, pairs: Integers, seconds: Integers, *, has_question: bool
    ) -> None:
        """Conversations with the service desk: opened, answered or abandoned, resolved, rated."""
        person, brand = self.population.person[pairs], self.population.brand[pairs]
        size = len(pairs)
        is_chat = chance.random(size) < 0.4
        text = self._pick_texts("question", chance, pairs) if has_question else None
        kinds = pc.if_else(pa.array(is_chat), "Live Chat Conversation Started", "Ticket Opened")
        channel = pc.if_else(pa.array(is_chat), "chat", "email")
        numbers = self.sheet.add(kinds, person, brand, seconds, channel=channel, text=text)
        ids = self.sheet.write_ids(numbers)
        is_given_up = is_chat & (chance.random(size) < 0.06)
        mask = is_given_up
        self.sheet.add("Chat Abandoned", person[mask], brand[mask], seconds[mask] + 400, channel="chat",
                       properties=write_json(conversation_event_id=_keep(ids, mask)))  # fmt: skip
        mask = is_chat & ~is_given_up & (chance.random(size) < 0.1)
        self.sheet.add("Handed Off", person[mask], brand[mask], seconds[mask] + 180, channel="chat",
                       properties=write_json(conversation_event_id=_keep(ids, mask)))  # fmt: skip
        target = np.where(is_chat, 60, 4 * HOUR_SECONDS)
        response = np.maximum(2, (target * np.exp(chance.normal(-0.4, 0.9, size))).astype(np.int64))
        mask = ~is_given_up
        self.sheet.add(
            "First Reply", person[mask], brand[mask], (seconds + response)[mask], channel=_keep(channel, mask),
            properties=write_json(
                response_seconds=response[mask], target_seconds=target[mask],
                conversation_event_id=_keep(ids, mask),
            ),
        )  # fmt: skip
        mask &= chance.random(size) < 0.85
        is_first = chance.random(size) < 0.6
        solved_at = seconds + response + np.where(is_first, 300, DAY_SECONDS)
        for is_at_once in (True, False):
            chosen = mask & (is_first == is_at_once)
            self.sheet.add(
                "Ticket Resolved", person[chosen], brand[chosen], solved_at[chosen],
                channel=_keep(channel, chosen),
                properties=write_json(first_contact=is_at_once, conversation_event_id=_keep(ids, chosen)),
            )  # fmt: skip
        chosen = mask & (chance.random(size) < 0.05)
        self.sheet.add("Ticket Reopened", person[chosen], brand[chosen], solved_at[chosen] + DAY_SECONDS,
                       channel="email")  # fmt: skip
        chosen = mask & (chance.random(size) < 0.25)
        rating = self._rate(chance, pairs[chosen], np.where(is_first[chosen], 0.3, -0.5))
        self.sheet.add("CSAT Answered", person[chosen], brand[chosen], solved_at[chosen] + HOUR_SECONDS,
                       channel="email", properties=write_json(rating=rating))  # fmt: skip

    def _add_complaints(
        self,
        chance: np.random.Generator,
        mask: Booleans,
        pairs: Integers,
        seconds: Integers,
        severity: Floats,
        is_product: Booleans,
        ids: Integers,
        *,
        is_aloud: bool,
    ) -> None:
        if not mask.any():
            return
        pairs, is_product, ids = pairs[mask], is_product[mask], ids[mask]
        person, brand = self.population.person[pairs], self.population.brand[pairs]
        fields: dict[str, object] = {"severity": severity[mask]}
        if ids[0] >= 0:
            fields["about_event_id"] = self.sheet.write_ids(ids)
        else:
            fields["blame"] = pc.if_else(pa.array(is_product), "product", "service")
        if is_aloud:
            fields["people"] = np.exp(chance.normal(5.0, 1.2, len(pairs))).astype(np.int64)
            texts = self._pick_texts("public complaint", chance, pairs)
            self.sheet.add("Complaint Published", person, brand, seconds[mask], channel="social", text=texts,
                           trust=POST_TRUST, properties=write_json(**fields))  # fmt: skip
            return
        by_product = self._pick_texts("product fails", chance, pairs)
        by_service = self._pick_texts("service fails", chance, pairs)
        self.sheet.add("Complaint Made", person, brand, seconds[mask], channel="email",
                       text=np.where(is_product, by_product, by_service), properties=write_json(**fields))  # fmt: skip

    def _add_deliveries(
        self,
        chance: np.random.Generator,
        person: Integers,
        brand: Integers,
        seconds: Integers,
        mask: Booleans,
    ) -> None:
        is_late = mask & (chance.random(len(mask)) < 0.1)
        is_due = mask & ~is_late
        self.sheet.add("Delivery On Time", person[is_due], brand[is_due], seconds[is_due] + 2 * DAY_SECONDS,
                       channel="post")  # fmt: skip
        days_late = chance.geometric(0.4, int(is_late.sum()))
        self.sheet.add(
            "Delivery Late", person[is_late], brand[is_late],
            seconds[is_late] + (2 + days_late) * DAY_SECONDS, channel="post",
            properties=write_json(days_late=days_late),
        )  # fmt: skip

    def _add_refunds(
        self,
        chance: np.random.Generator,
        person: Integers,
        brand: Integers,
        seconds: Integers,
        value: Floats,
        ids: pa.Array,
        is_online: Booleans,
        has_failed: Booleans,
    ) -> None:
        draw = chance.random(len(person))
        reasons = (
            ("defect", has_failed & (draw < 0.3)),
            ("wrong", is_online & ~has_failed & (draw < 0.01)),
            ("other", is_online & ~has_failed & (draw >= 0.01) & (draw < 0.06)),
        )
        for reason, mask in reasons:
            self.sheet.add(
                "Order Refunded", person[mask], brand[mask], seconds[mask] + 8 * DAY_SECONDS, channel="web",
                value=value[mask], properties=write_json(reason=reason, order_event_id=_keep(ids, mask)),
            )  # fmt: skip

    def _add_reviews(
        self,
        chance: np.random.Generator,
        pairs: Integers,
        seconds: Integers,
        has_failed: Booleans,
        ids: pa.Array,
    ) -> None:
        rating = self._rate(chance, pairs, np.where(has_failed, -2.2, 0.2))
        for occasion, mask in (
            ("bad review", rating < 3), ("middling review", rating == 3), ("good review", rating > 3)
        ):  # fmt: skip
            chosen = pairs[mask]
            self.sheet.add(
                "Product Reviewed", self.population.person[chosen], self.population.brand[chosen],
                seconds[mask], channel="web", text=self._pick_texts(occasion, chance, chosen),
                properties=write_json(rating=rating[mask], order_event_id=_keep(ids, mask)),
            )  # fmt: skip

    def _rate(self, chance: np.random.Generator, pairs: Integers, shift: Floats) -> Integers:
        """Stars from 1 to 5, depending on affinity."""
        felt = 3.9 + 0.6 * self.affinity[pairs] + shift + chance.normal(0.0, 0.7, len(pairs))
        stars: Integers = np.clip(np.round(felt), 1, 5).astype(np.int64)
        return stars

    def _pick_texts(self, occasion: str, chance: np.random.Generator, pairs: Integers) -> Integers:
        languages = self.population.language[self.population.person[pairs]]
        return self.phrases.pick(occasion, languages, self.population.brand[pairs], chance)

    def _pick_products(self, chance: np.random.Generator, brand: Integers) -> Integers:
        positions: Integers = _FIRST_PRODUCT[brand] + (
            chance.random(len(brand)) * _PRODUCT_COUNT[brand]
        ).astype(np.int64)
        return positions


def _keep(column: pa.Array, mask: Booleans) -> pa.Array:
    return column.filter(pa.array(mask))
