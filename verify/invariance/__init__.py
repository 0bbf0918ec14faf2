"""Networks on unknown backgrounds and contrasts, and with a dense readout."""
