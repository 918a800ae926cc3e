"""The read API under `/api/v1`: what the commands tell, over HTTP; it changes nothing that was recorded."""

from __future__ import annotations

from consumer_fusion.web.api.admission import Admission, admit_token
from consumer_fusion.web.api.desk import Desk
from consumer_fusion.web.api.freshness import ArrivalGate
from consumer_fusion.web.api.routing import API_PATH, build_api

__all__ = ["API_PATH", "Admission", "ArrivalGate", "Desk", "admit_token", "build_api"]
