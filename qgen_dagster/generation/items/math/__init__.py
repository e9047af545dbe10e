"""Item models of the math family, one module each."""
