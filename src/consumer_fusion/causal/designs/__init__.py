"""Designs other than a single time series: audiences, exposures, panels, hold-outs."""

__all__ = ["audiences", "exposure_verdicts", "exposures", "holdouts", "panels", "region_panels", "uplift"]
