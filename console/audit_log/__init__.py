"""The audit trail as administrators read it: a page, a file, and the check of the chain."""
