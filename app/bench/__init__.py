"""`desk bench`: the project's own measurement of itself, on a throw-away database, loopback only."""
