"""Named molecules, as data: one xyz file each; the comment line says what made it."""
