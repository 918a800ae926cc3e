"""Stands before pandas in the processes that tests start, which then do without, as with most who install us.

Arrow loads pandas as soon as it is installed, whether or not anybody has a frame of it: half a second of computing in
each of the hundreds of processes. The tests themselves have the true one.
"""

raise ImportError("pandas is left out of the processes that tests start")
