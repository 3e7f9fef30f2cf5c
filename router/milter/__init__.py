"""The milter protocol: packets, session, edits, server, and an MTA to test them with."""
