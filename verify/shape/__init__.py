"""What random starts reach with each activation."""
