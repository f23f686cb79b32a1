"""What Seawall costs, beside the raw floor and its peers, in one run. `make bench`."""
