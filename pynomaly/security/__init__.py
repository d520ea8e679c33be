"""Who someone is, what they may do, what they did, and how what they stored stays theirs."""
