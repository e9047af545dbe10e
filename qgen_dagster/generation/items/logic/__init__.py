"""Item models of the logic family, one module each."""
