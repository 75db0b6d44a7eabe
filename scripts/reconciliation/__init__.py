"""The ledger beside AWS's own records, read with the standard library only."""
