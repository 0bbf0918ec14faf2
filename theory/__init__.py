"""What is true: definitions, derivations and proofs in exact symbols."""
