"""Benchmarks: ratios in one run, CPU time of whole process trees, medians of interleaved rounds. Run by `make
bench`."""
