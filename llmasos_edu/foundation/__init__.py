"""The ground floor: small checks and helpers that all rooms share, each under a name that says what it is."""
