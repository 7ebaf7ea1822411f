"""May we reach these people? Files of thousands or millions of rows against the consent ledger (1.7, 3.2)."""
