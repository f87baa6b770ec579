"""One module per study, each joining calculations into a Flow."""
