"""The laws for all n, m, L and K, proved in Coq: ``make proofs`` has its kernel check them."""
