"""The audit log for administrators: a page, a CSV file, and the verification of the chain."""
