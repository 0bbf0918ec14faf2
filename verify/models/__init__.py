"""Networks, settings and files: what is trained, loaded and explained."""
