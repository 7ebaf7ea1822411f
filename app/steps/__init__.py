"""The verbs that handlers may use."""
