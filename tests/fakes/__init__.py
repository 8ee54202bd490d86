"""Stand-ins for those who deliver mail: real servers on loopback, under a test's control."""
