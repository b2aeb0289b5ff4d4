# Streams that run for long.

fault two-hours-of-stream run_program long_stream
