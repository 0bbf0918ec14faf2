"""From the first weights to the last: gradient flow and gradient steps in closed form."""
