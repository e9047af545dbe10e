"""Item models of the memory family, one module each."""
