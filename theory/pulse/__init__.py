"""One pulse, one network: the laws of slope, offset and bend."""
