"""The SOP: one procedure a file, one function a section, in its own words and order."""
