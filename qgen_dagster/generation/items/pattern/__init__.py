"""Item models of the pattern family, one module each."""
