"""Problems for students, which the package checks."""
