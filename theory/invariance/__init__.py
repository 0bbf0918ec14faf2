"""What the network need not know: place, background, contrast."""
