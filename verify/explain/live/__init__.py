"""A network in memory: explained, shown to itself again, and repaired."""
