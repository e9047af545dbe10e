"""Item models of the verbal family, one module each."""
