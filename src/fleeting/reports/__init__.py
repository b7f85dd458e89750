"""What people read of runs: pages, tables beside a paper, figures."""
