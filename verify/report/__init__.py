"""From claims to verdicts, and from verdicts to a table, report.json and report.html."""
