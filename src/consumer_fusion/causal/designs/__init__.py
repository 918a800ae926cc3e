"""Designs other than one series in time: audiences, exposures, panels, hold-outs."""

__all__ = ["audiences", "exposure_verdicts", "exposures", "holdouts", "panels", "region_panels", "uplift"]
