"""Networks on pulses: pre-activations along r, the exact error, loss and sensitivities."""
