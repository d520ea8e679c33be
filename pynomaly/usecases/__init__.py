"""What can be done with the platform, one verb a file: open, check, fetch, act, keep, write down."""
