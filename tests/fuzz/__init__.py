"""Every reader of what a user gives, on changed input: a value or its documented error, no more."""
