"""Many runs together: what a folder of them tells, as a table, as trends, and as a local page. Nothing is written."""
