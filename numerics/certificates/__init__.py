"""The worst error of a network, a certificate of it, and the nearest exact network."""
