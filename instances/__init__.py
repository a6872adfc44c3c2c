"""What was launched: instances, tasks, plans, resources; engines run them. Imports catalog."""
