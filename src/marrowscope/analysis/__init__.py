"""Statistics on cells: counts, intervals, decisions.

Three numbers, one rule. **Counted**: the share of cells called blasts, with Wilson's interval; a person can
recount it, and it never decides, as it holds the networks' errors. **If this laboratory is like those
measured**: the share behind it, corrected by error rates as they vary between laboratories that the networks
never saw; or, where it is on file, by this laboratory's own validation. **Reviewed**: what a reader named,
from cells drawn by lot or from all. The first of these that there is decides, in the order reviewed,
validated, laboratories: above if its whole interval lies beyond the threshold, below if on the other side,
undecided otherwise. With none of them nothing is decided.

`clustering` → `intervals` → `laboratories` → `correction` → `numbers` → `decide` → `patient` → `review`.
Methods, sources and measured coverage: docs/explanation/statistics.md.
"""
