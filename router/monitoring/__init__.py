"""What a monitoring system sees: figures in Prometheus' text format, and a health check that really decides a mail."""
