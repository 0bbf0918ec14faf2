"""What real networks do, and what that says of the theory."""
