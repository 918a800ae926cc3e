"""The brands of every town: their products, and the rates of orders, visits and failures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulatedBrand:
    """One brand and its trade; rates are per ordinary pair and year.

    Attributes:
        brand: Key of the brand.
        trade: Its trade.
        popularity: The share of people who have a relationship with it.
        orders_year: Orders.
        visits_year: Visits without an order.
        sessions_year: Sessions on its pages.
        contacts_year: Requests for help without a failure.
        median_value: Median value of an order, in euros.
        value_spread: Standard deviation of the logarithm of an order's value.
        online_share: Share of online orders.
        is_shipped: Whether online orders are delivered.
        failure_share: Share of orders with a failure.
        product_blame: Share of failures due to the product; the others are due to the service.
        busy_hour: The busiest hour of the day.
        winter: Relative increase of orders in the depth of winter over summer.
        subscriptions_year: Subscriptions begun.
        products: Its products, first in English, then in Italian.
    """

    brand: str
    trade: str
    popularity: float
    orders_year: float
    visits_year: float
    sessions_year: float
    contacts_year: float
    median_value: float
    value_spread: float
    online_share: float
    is_shipped: bool
    failure_share: float
    product_blame: float
    busy_hour: int
    winter: float
    subscriptions_year: float
    products: tuple[tuple[str, str], ...]


SWEATER_BRAND = "sweater-brand"
SALMON_RESTAURANT = "salmon-restaurant"

TRADES: tuple[SimulatedBrand, ...] = (
    SimulatedBrand(SWEATER_BRAND, "fashion", 0.55, 5.5, 1.5, 3.5, 0.4, 68, 0.5, 0.6, True, 0.05, 0.6, 17, 0.2, 0,
          (("wool sweater", "maglione di lana"), ("striped scarf", "sciarpa a righe"), ("coat", "cappotto"),
           ("cardigan", "cardigan"), ("pair of socks", "paio di calze"))),
    SimulatedBrand(SALMON_RESTAURANT, "restaurant", 0.40, 4.0, 0.5, 1.0, 0.1, 62, 0.4, 0.1, False, 0.06, 0.5, 20,
           0.1, 0,
          (("grilled salmon", "salmone alla griglia"), ("salmon soup", "zuppa di salmone"),
           ("set menu", "menu fisso"), ("lunch plate", "piatto del giorno"))),
    SimulatedBrand("corner-grocery", "grocery", 0.55, 13.0, 1.0, 1.0, 0.1, 34, 0.6, 0.15, False, 0.015, 0.7, 18, 0.1, 0,
          (("basket of vegetables", "cesto di verdure"), ("weekly shopping", "spesa della settimana"),
           ("bread and milk", "pane e latte"), ("box of fruit", "cassetta di frutta"))),
    SimulatedBrand("phone-company", "telephone", 0.40, 2.0, 0.5, 3.0, 1.5, 24, 0.3, 0.7, False, 0.08, 0.2, 12, 0, 0.25,
          (("monthly plan", "piano mensile"), ("data package", "pacchetto dati"),
           ("new handset", "telefono nuovo"))),
    SimulatedBrand("book-shop", "books", 0.35, 4.5, 2.0, 4.0, 0.2, 22, 0.5, 0.45, True, 0.02, 0.6, 16, 0.4, 0,
          (("novel", "romanzo"), ("cookery book", "libro di cucina"), ("children's book", "libro per bambini"),
           ("atlas", "atlante"))),
    SimulatedBrand("sports-club", "sport", 0.20, 1.5, 14.0, 1.0, 0.4, 45, 0.4, 0.5, False, 0.04, 0.3, 18, -0.2, 0.5,
          (("ten-visit card", "tessera da dieci ingressi"), ("swimming course", "corso di nuoto"),
           ("court hour", "ora di campo"))),
    SimulatedBrand("travel-agency", "travel", 0.22, 1.0, 0.3, 5.0, 0.8, 540, 0.6, 0.7, False, 0.10, 0.4, 20, -0.3, 0,
          (("weekend in Lisbon", "fine settimana a Lisbona"), ("train ticket", "biglietto del treno"),
           ("flight", "volo"), ("seaside week", "settimana al mare"))),
    SimulatedBrand("city-museum", "culture", 0.28, 1.5, 1.5, 1.0, 0.1, 18, 0.4, 0.4, False, 0.015, 0.2, 15, 0.2, 0.1,
          (("ticket", "biglietto"), ("guided tour", "visita guidata"), ("exhibition", "mostra"))),
)  # fmt: skip
"""The eight brands of every town."""

BRANDS: tuple[str, ...] = tuple(trade.brand for trade in TRADES)
