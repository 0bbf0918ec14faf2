"""The interactive page: the laws of theory/ in JavaScript, and what one can do with them."""
