"""The rates of one channel, measured at a fixed height of the staircase."""
