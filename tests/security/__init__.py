"""What the console must hold against: hostile requests, curious colleagues, hostile templates."""
