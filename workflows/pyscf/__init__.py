"""The PySCF engine: molecules and ions in Gaussian bases, hybrid functionals, implicit solvent."""
