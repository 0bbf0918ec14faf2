"""What the shape of an activation permits: exact with how many channels, or never."""
