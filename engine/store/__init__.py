"""The only place with SQL: tables, the ledger, what an import writes, what the desk reads."""
