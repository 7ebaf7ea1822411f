"""The doors: one file a sender, glue only: verify, parse, submit, answer."""
