"""Small named tools without product meaning: the clock, identifiers, moments in time."""
