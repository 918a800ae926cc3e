"""What caused what: effects of actions on series, regions, groups and persons, with honest uncertainty."""
