"""Each figure in the README, reproducible: `make bench`. Figures are ratios against something run beside them."""
