"""The chaos campaign: workflows on a laptop cluster, an adversary who breaks it, and what must be true at the end."""
