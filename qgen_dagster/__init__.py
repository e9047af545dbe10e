"""qgen: keeps a bank of test questions evenly stocked, with answer keys that can be trusted."""
