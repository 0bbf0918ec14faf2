"""A network in memory: explained, shown to itself again, repaired, and drawn in a notebook."""
