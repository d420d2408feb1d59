"""Help for test suites, this project's and others'; needs Hypothesis."""
