"""Settings of the studies, as data: one YAML file per study."""
