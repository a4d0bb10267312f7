"""What the programs in `spark-jobs/` do.

The driver pins a window of bars; few and long tasks fetch it over Flight and call the kernel once; their parts are
merged.
"""
