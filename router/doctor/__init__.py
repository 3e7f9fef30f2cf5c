"""What is unsafe or missing in a mail server's settings, and the line that mends it. Reads values; cli/ gets them."""
