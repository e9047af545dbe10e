"""Item models of the spatial family, one module each."""
