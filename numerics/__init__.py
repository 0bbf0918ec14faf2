"""How it is computed: the one place where symbols become numbers."""
