"""Who is asking, and may they: every admin route but login stands behind `needs`.

(Interface; the implementation is the accounts part's.)
"""
